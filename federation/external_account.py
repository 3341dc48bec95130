"""The `external_account` file with which Google's client libraries turn an AWS role's credentials into a Google token.

It names the exchange and no secret, so it may be printed, committed and mounted. It deliberately knows no executable
source: a file from elsewhere that runs a program is what Google warns of.
https://google.aip.dev/auth/4117
"""

from typing import Any

from federation.google import ProviderKind

STS_TOKEN_URL = "https://sts.googleapis.com/v1/token"
AWS_REQUEST_TOKEN_TYPE = "urn:ietf:params:aws:token-type:aws4_request"
JWT_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:jwt"

_INSTANCE_METADATA = "http://169.254.169.254/latest"


def provider_audience(provider_name: str) -> str:
    """What a token or signed request must be made for, to be exchanged at a provider.

    `provider_name` is its full resource name with the project *number*,
    `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
    """
    return f"//iam.googleapis.com/{provider_name}"


def impersonation_url(service_account_email: str) -> str:
    """Where the exchanged token is turned into one of the service account.
    https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
    """
    return (
        "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
        f"{service_account_email}:generateAccessToken"
    )


def external_account(
    *, kind: ProviderKind, provider_name: str, service_account_email: str, token_file: str | None = None
) -> dict[str, Any]:
    """The file's content, as JSON has it.

    For kind `aws` the libraries sign a GetCallerIdentity request with the AWS credentials they find: environment
    variables, else the EC2 instance's. For kind `oidc` they read a JWT of the account's outbound identity federation
    from `token_file`; without one the application passes a token supplier. Raises ValueError for a token file with
    kind `aws`, which reads none.
    """
    if kind == "aws" and token_file is not None:
        raise ValueError(f"token_file {token_file!r} is for kind oidc: kind aws signs a request instead")
    account: dict[str, Any] = {
        "universe_domain": "googleapis.com",
        "type": "external_account",
        "audience": provider_audience(provider_name),
        "subject_token_type": AWS_REQUEST_TOKEN_TYPE if kind == "aws" else JWT_TOKEN_TYPE,
        "token_url": STS_TOKEN_URL,
        "service_account_impersonation_url": impersonation_url(service_account_email),
    }
    if kind == "aws":
        account["credential_source"] = _signed_request_source()
    elif token_file is not None:
        account["credential_source"] = {"file": token_file}
    return account


def _signed_request_source() -> dict[str, str]:
    return {
        "environment_id": "aws1",
        "region_url": f"{_INSTANCE_METADATA}/meta-data/placement/availability-zone",
        "url": f"{_INSTANCE_METADATA}/meta-data/iam/security-credentials",
        "imdsv2_session_token_url": f"{_INSTANCE_METADATA}/api/token",
        "regional_cred_verification_url": (
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
        ),
    }
