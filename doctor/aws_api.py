"""Clients of AWS with the credentials and the endpoint that the environment names, and AWS's errors in one line."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from doctor.cloud import CloudError

Credentials = Mapping[str, Any]
"""As STS answers with them: AccessKeyId, SecretAccessKey, SessionToken, Expiration."""

PATIENCE: Final = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=30)


def client(service: str, region: str, credentials: Credentials | None = None) -> Any:
    """A boto3 client, of the environment's credentials or of a session's. Raises CloudError for a profile that is none.

    The region is always the caller's to name: AWS_REGION is absent outside AWS.
    """
    with aws_errors():
        if credentials is None:
            return boto3.Session().client(service, region_name=region, config=PATIENCE)
        return boto3.Session().client(
            service,
            region_name=region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            config=PATIENCE,
        )


@contextlib.contextmanager
def aws_errors() -> Iterator[None]:
    """Raises CloudError, with AWS's error code, for whatever boto3 raises inside."""
    try:
        yield
    except ClientError as error:
        details = error.response["Error"]
        code, said = details.get("Code", ""), " ".join(details.get("Message", "").split())
        raise CloudError(f"{error.operation_name}: AWS said {code}: {said}", code) from None
    except BotoCoreError as error:
        raise CloudError(f"AWS could not be asked: {' '.join(str(error).split())}") from None


def find(operation: Any, **parameters: Any) -> Any:
    """What an operation answers, or None when AWS says that there is no such entity. Raises CloudError."""
    try:
        with aws_errors():
            return operation(**parameters)
    except CloudError as error:
        if error.code == "NoSuchEntity":
            return None
        raise
