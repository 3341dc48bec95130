"""Exchanges a web identity token for an AWS role's temporary credentials, as workloads do: unsigned.

It deliberately keeps nothing: neither the token nor the credentials outlive the caller.
"""

from typing import Any

from botocore import UNSIGNED
from botocore.config import Config
from botocore.credentials import CredentialResolver

from doctor.clouds.aws_api import PATIENCE, aws_errors, new_session


def assume_role_with_web_identity(
    *, role_arn: str, token: str, region: str, session_name: str, seconds: int | None = None
) -> dict[str, Any]:
    """STS's answer: `Credentials` and `AssumedRoleUser`. Without `seconds`, for an hour. Raises CloudError.
    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
    """
    with aws_errors():
        answer: dict[str, Any] = _unsigned_sts(region).assume_role_with_web_identity(
            RoleArn=role_arn,
            RoleSessionName=session_name,
            WebIdentityToken=token,
            **({"DurationSeconds": seconds} if seconds else {}),
        )
    return answer


def _unsigned_sts(region: str) -> Any:
    session = new_session()
    # The profile in use may name this very program as its credential_process, which would call itself for ever.
    session.register_component("credential_provider", CredentialResolver([]))
    return session.create_client("sts", region_name=region, config=Config(signature_version=UNSIGNED).merge(PATIENCE))
