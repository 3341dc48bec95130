"""One emulated AWS for all tests of a process, and clients of it."""

import functools
import time
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.issuers import Issuer, Issuers
from tests.sandbox.aws_support import (
    AUDIENCE,
    BOTH_ROUTES,
    CLUSTER,
    GOOGLE,
    KUBERNETES_SERVICE_ACCOUNT,
    OPERATOR,
    ROLE_ARN,
    ROLE_NAME,
    SERVICE_ACCOUNT,
    SESSION_NAME,
    AssumeRole,
    ClientFactory,
    Signer,
)


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
def make_client(aws_server: AwsServer) -> ClientFactory:
    session = botocore.session.Session()

    @functools.cache  # making a client takes longer than most tests
    def make(service: str, access_key_id: str, secret: str, token: str | None, signature_version: Any) -> Any:
        return session.create_client(
            service,
            region_name=seed.REGION,
            endpoint_url=aws_server.url,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                retries={"total_max_attempts": 1},
                parameter_validation=False,  # what must be refused is to reach the server
                signature_version=signature_version,
            ),
        )

    return make


@pytest.fixture
def aws_client(aws: AwsServer, make_client: ClientFactory) -> ClientFactory:  # noqa: ARG001  a fresh world first
    """Makes a boto client of a service: the operator's, or of the `Credentials` that STS answered with."""

    def client(service: str, credentials: Mapping[str, str] = OPERATOR, signature_version: Any = None) -> Any:
        token = credentials.get("SessionToken")
        return make_client(
            service, credentials["AccessKeyId"], credentials["SecretAccessKey"], token, signature_version
        )

    return client


@pytest.fixture(scope="session")
def google_token(issuers: Issuers) -> Signer:
    """ID tokens of the service account, as Google's metadata server makes them."""
    return _signer(issuers.create(GOOGLE), aud=AUDIENCE, azp=SERVICE_ACCOUNT, sub=SERVICE_ACCOUNT)


@pytest.fixture(scope="session")
def cluster_token(issuers: Issuers) -> Signer:
    """Projected tokens of the Kubernetes service account, as the cluster makes them."""
    return _signer(issuers.create(CLUSTER), aud=[AUDIENCE], sub=KUBERNETES_SERVICE_ACCOUNT)


def _signer(issuer: Issuer, **usual: Any) -> Signer:
    def sign(**claims: Any) -> str:
        now = int(time.time())
        merged = {"iss": issuer.url, "iat": now, "exp": now + 3600, **usual, **claims}
        return issuer.sign({name: value for name, value in merged.items() if value is not None})

    return sign


@pytest.fixture
def iam(aws_client: ClientFactory) -> Any:
    """The operator's IAM client, in a world with the guide's role and the cluster's provider."""
    client = aws_client("iam")
    client.create_open_id_connect_provider(Url=CLUSTER, ClientIDList=[AUDIENCE])
    client.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=BOTH_ROUTES)
    return client


@pytest.fixture
def assume(aws_client: ClientFactory) -> AssumeRole:
    """AssumeRoleWithWebIdentity, unsigned, as workloads call it."""
    sts = aws_client("sts", signature_version=UNSIGNED)

    def assume_role(token: str, **parameters: Any) -> dict[str, Any]:
        request = {"RoleArn": ROLE_ARN, "RoleSessionName": SESSION_NAME, "WebIdentityToken": token, **parameters}
        answer: dict[str, Any] = sts.assume_role_with_web_identity(**request)
        return answer

    return assume_role


@pytest.fixture
def session(iam: Any, assume: AssumeRole, google_token: Signer) -> dict[str, Any]:  # noqa: ARG001  the role first
    """The guide's role's temporary credentials."""
    credentials: dict[str, Any] = assume(google_token())["Credentials"]
    return credentials
