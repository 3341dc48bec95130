"""The credential file with which Google's client libraries turn AWS credentials into a service account's.

It holds names and addresses and no secret. Deliberately the file that `gcloud iam workload-identity-pools
create-cred-config` writes, so that every library that takes one takes the other.
https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds#create-credential-config
"""

from typing import Any, Final

from federation.aws import dns_suffix
from federation.google import ProviderKind

TOKEN_URL: Final = "https://sts.googleapis.com/v1/token"  # noqa: S105 - an address, no token
IMPERSONATION_URL: Final = (
    "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
)

INSTANCE_METADATA: Final = "http://169.254.169.254/latest"
"""Where an EC2 instance finds its credentials; elsewhere the AWS_ environment variables win."""


def external_account(kind: ProviderKind, provider_name: str, email: str, partition: str) -> dict[str, Any]:
    """The file for one provider and one service account.

    `provider_name` is the provider's full resource name with the project number. Kind `oidc` leaves out where the token
    comes from: `sts:GetWebIdentityToken` is an API call, so a program gives its library a token supplier instead.
    https://googleapis.dev/python/google-auth/latest/reference/google.auth.identity_pool.html
    """
    account: dict[str, Any] = {
        "universe_domain": "googleapis.com",
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{provider_name}",
        "token_url": TOKEN_URL,
        "service_account_impersonation_url": IMPERSONATION_URL.format(email=email),
    }
    if kind == "oidc":
        return {**account, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}
    return {
        **account,
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "credential_source": {
            "environment_id": "aws1",
            "region_url": f"{INSTANCE_METADATA}/meta-data/placement/availability-zone",
            "url": f"{INSTANCE_METADATA}/meta-data/iam/security-credentials",
            "regional_cred_verification_url": (
                f"https://sts.{{region}}.{dns_suffix(partition)}?Action=GetCallerIdentity&Version=2011-06-15"
            ),
            "imdsv2_session_token_url": f"{INSTANCE_METADATA}/api/token",
        },
    }
