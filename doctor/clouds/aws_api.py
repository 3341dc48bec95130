"""Clients of AWS with the credentials and the endpoint that the environment names, and AWS's errors in one line."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from doctor.clouds.cloud import CloudError

Credentials = Mapping[str, Any]
"""As STS answers with them: AccessKeyId, SecretAccessKey, SessionToken, Expiration."""

PATIENCE: Final = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=30)


_SERVICE_DESCRIPTIONS: Final = botocore.loaders.create_loader()
"""Read once for all clients: they take longer than the calls."""


def new_session() -> botocore.session.Session:
    """A session with the environment's credentials as they are now."""
    session = botocore.session.Session()
    session.register_component("data_loader", _SERVICE_DESCRIPTIONS)
    return session


def client(service: str, region: str, credentials: Credentials | None = None) -> Any:
    """A client of the environment's credentials, or of a session's. Raises CloudError for a profile that is none.

    The region is always the caller's to name: AWS_REGION is absent outside AWS.
    """
    keys = credentials or {}
    with aws_errors():
        return new_session().create_client(
            service,
            region_name=region,
            aws_access_key_id=keys.get("AccessKeyId"),
            aws_secret_access_key=keys.get("SecretAccessKey"),
            aws_session_token=keys.get("SessionToken"),
            config=PATIENCE,
        )


@contextlib.contextmanager
def aws_errors() -> Iterator[None]:
    """Raises CloudError, with AWS's error code, for whatever botocore raises inside."""
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
