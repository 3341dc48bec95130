"""The way back: a session of the role becomes a Google access token of the workload's service account.

It is done by Google's own client library with the stack's `external_account`, pointed at the endpoints of the
environment. The access token is dropped at once.
"""

from typing import Any

from google.auth import aws, identity_pool
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from doctor.clouds import aws_api
from doctor.clouds.aws_api import Credentials, aws_errors
from doctor.clouds.cloud import CloudError
from doctor.clouds.google_api import IAM_CREDENTIALS, SCOPES, SECURITY_TOKEN, service_url
from doctor.verify.workload import MadeWorkload
from federation.aws import STS_AUDIENCE


def return_to_google(workload: MadeWorkload, credentials: Credentials) -> None:
    """Get an access token of the service account with a session of the role. Raises CloudError."""
    account = workload.external_account or {}
    file = {
        "audience": account["audience"],
        "subject_token_type": account["subject_token_type"],
        "token_url": service_url(SECURITY_TOKEN, "v1/token"),
        "service_account_impersonation_url": service_url(
            IAM_CREDENTIALS, f"projects/-/serviceAccounts/{workload.email}:generateAccessToken"
        ),
        "scopes": SCOPES,
    }
    try:
        if workload.way_back == "aws":
            signed = aws.Credentials(**file, aws_security_credentials_supplier=_Session(workload.region, credentials))  # type: ignore[no-untyped-call]
            signed.refresh(Request())  # type: ignore[no-untyped-call]
        else:
            supplier = _OutboundTokens(workload.region, credentials)
            identity_pool.Credentials(**file, subject_token_supplier=supplier).refresh(Request())  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise CloudError(f"Google said {' '.join(str(error.args[0]).split())}", "Refused") from None


def outbound_token(region: str, credentials: Credentials) -> str:
    """A token of the account's outbound identity federation for a session; RS256, as Google takes no ES384. Raises
    CloudError.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
    """
    sts = aws_api.client("sts", region, credentials)
    with aws_errors():
        token: str = sts.get_web_identity_token(Audience=[STS_AUDIENCE], SigningAlgorithm="RS256")["WebIdentityToken"]
    return token


class _Session(aws.AwsSecurityCredentialsSupplier):
    """Gives the library the role's session to sign with."""

    def __init__(self, region: str, credentials: Credentials) -> None:
        self._region = region
        self._credentials = credentials

    def get_aws_security_credentials(self, context: Any, request: Any) -> aws.AwsSecurityCredentials:  # noqa: ARG002
        """Called by the library."""
        keys = self._credentials
        return aws.AwsSecurityCredentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def get_aws_region(self, context: Any, request: Any) -> str:  # noqa: ARG002
        """Called by the library."""
        return self._region


class _OutboundTokens(identity_pool.SubjectTokenSupplier):
    """Gives the library tokens of the account's outbound identity federation."""

    def __init__(self, region: str, credentials: Credentials) -> None:
        self._region = region
        self._credentials = credentials

    def get_subject_token(self, context: Any, request: Any) -> str:  # noqa: ARG002
        """Called by the library."""
        return outbound_token(self._region, self._credentials)
