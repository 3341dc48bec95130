"""The three providers, each configured as for the guide's stack, at emulated clouds in their first state."""

from collections.abc import Iterator

import pytest

from federation.google import gke_issuer
from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.google import GoogleCloud
from sandbox.google import create_app as create_google
from sandbox.http_server import HttpServer
from sandbox.issuers import Issuers
from sandbox.kubernetes import KubernetesCluster
from sandbox.kubernetes import create_app as create_kubernetes
from sandbox.providers.aws import aws_package
from sandbox.providers.gcp import gcp_package
from sandbox.providers.gcp.client import GoogleClient
from sandbox.providers.kubernetes import kubernetes_package
from sandbox.providers.provider import EmulatedProvider
from tests.sandbox.providers.support import configured


@pytest.fixture(scope="session")
def configured_aws(aws_server: AwsServer) -> EmulatedProvider:
    connect = aws_package(aws_server.url, seed.ACCOUNT_ID, seed.OPERATOR_SECRET_ACCESS_KEY)
    return configured("aws", connect, region=seed.REGION, allowedAccountIds=f'["{seed.ACCOUNT_ID}"]')


@pytest.fixture
def aws_provider(aws: AwsServer, configured_aws: EmulatedProvider) -> EmulatedProvider:  # noqa: ARG001  a fresh world
    return configured_aws


@pytest.fixture
def google() -> Iterator[tuple[GoogleCloud, str]]:
    """The emulated Google Cloud and its url."""
    server = HttpServer()
    cloud = GoogleCloud(Issuers(), server.url)
    server.start(create_google(cloud))
    yield cloud, server.url
    server.stop()


@pytest.fixture
def google_api(google: tuple[GoogleCloud, str]) -> GoogleClient:
    """The operator's own calls to Google, past the provider."""
    cloud, url = google
    return GoogleClient(url, cloud.operator_token)


@pytest.fixture
def gcp_provider(google: tuple[GoogleCloud, str]) -> EmulatedProvider:
    cloud, url = google
    return configured("gcp", gcp_package(url, cloud.operator_token), project=seed.PROJECT_ID)


@pytest.fixture
def cluster() -> KubernetesCluster:
    issuer = gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)
    return KubernetesCluster(Issuers().create(issuer))


@pytest.fixture
def kubernetes_provider(cluster: KubernetesCluster) -> Iterator[EmulatedProvider]:
    server = HttpServer()
    server.start(create_kubernetes(cluster))
    yield configured("kubernetes", kubernetes_package(server.url, cluster.operator_token))
    server.stop()
