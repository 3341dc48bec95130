"""An AWS `credential_process`: prints a role's temporary credentials for a Google or Kubernetes identity.

It is the one command whose output is a secret: its reader is the AWS SDK, on the other end of a pipe. It deliberately
caches nothing; the SDK keeps the credentials in memory and asks again before they expire.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

import json
from datetime import UTC
from typing import Any

from doctor.clouds.cloud import CloudError
from doctor.clouds.web_identity import assume_role_with_web_identity
from doctor.token.token_sources import TokenSource


def credential_process_output(
    source: TokenSource, *, role_arn: str, audience: str, region: str, session_name: str, seconds: int | None
) -> str:
    """The JSON that the AWS SDKs read, on one line. Raises CloudError, whose text says what to do."""
    try:
        answer = assume_role_with_web_identity(
            role_arn=role_arn, token=source(audience), region=region, session_name=session_name, seconds=seconds
        )
    except CloudError as error:
        if error.code == "AccessDenied":
            raise CloudError(
                f"{error}. `python -m doctor explain` shows which condition of the role's trust policy the token fails",
                error.code,
            ) from error
        raise
    return json.dumps(_process_credentials(answer["Credentials"]))


def _process_credentials(credentials: dict[str, Any]) -> dict[str, Any]:
    return {
        "Version": 1,
        "AccessKeyId": credentials["AccessKeyId"],
        "SecretAccessKey": credentials["SecretAccessKey"],
        "SessionToken": credentials["SessionToken"],
        "Expiration": credentials["Expiration"].astimezone(UTC).isoformat(),
    }
