"""One emulated AWS for all tests of a process, and clients of it."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import botocore.session
import pytest
from botocore.config import Config

from federation.google import gke_issuer
from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.issuers import Issuer, Issuers

OPERATOR = {"AccessKeyId": seed.ACCOUNT_ID, "SecretAccessKey": seed.OPERATOR_SECRET_ACCESS_KEY}
ClientFactory = Callable[..., Any]


class Signer(Protocol):
    """Signs claims into a token that is valid now, unless the claims say otherwise; None takes a claim away."""

    def __call__(self, **claims: Any) -> str: ...


@pytest.fixture(scope="session")
def issuers() -> Issuers:
    return Issuers()


@pytest.fixture(scope="session")
def aws_server(issuers: Issuers) -> Iterator[AwsServer]:
    """Runs as long as the tests; its state carries over from test to test. Use `aws` for a fresh world."""
    server = AwsServer(issuers)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def aws(aws_server: AwsServer) -> AwsServer:
    """The running server, back in the seeded world."""
    aws_server.reset()
    return aws_server


@pytest.fixture(scope="session")
def boto_session() -> botocore.session.Session:
    return botocore.session.Session()


@pytest.fixture
def aws_client(aws: AwsServer, boto_session: botocore.session.Session) -> ClientFactory:
    """Makes a boto client of a service: the operator's, or of the `Credentials` that STS answered with."""

    def client(service: str, credentials: Mapping[str, str] = OPERATOR, **options: Any) -> Any:
        return boto_session.create_client(
            service,
            region_name=seed.REGION,
            endpoint_url=aws.url,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            config=Config(retries={"max_attempts": 0}).merge(Config(**options)),
        )

    return client


@pytest.fixture(scope="session")
def google_token(issuers: Issuers) -> Signer:
    """An ID token of one service account, as Google's metadata server makes it."""
    issuer = issuers.create("https://accounts.google.com")
    service_account = "104851367821912345678"
    return _signer(issuer, aud="sts.amazonaws.com", azp=service_account, sub=service_account)


@pytest.fixture(scope="session")
def cluster_token(issuers: Issuers) -> Signer:
    """A projected token of the Kubernetes service account default/s3-reader."""
    issuer = issuers.create(gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME))
    return _signer(issuer, aud=["sts.amazonaws.com"], sub="system:serviceaccount:default:s3-reader")


def _signer(issuer: Issuer, **usual: Any) -> Signer:
    def sign(**claims: Any) -> str:
        now = int(time.time())
        merged = {"iss": issuer.url, "iat": now, "exp": now + 3600, **usual, **claims}
        return issuer.sign({name: value for name, value in merged.items() if value is not None})

    return sign
