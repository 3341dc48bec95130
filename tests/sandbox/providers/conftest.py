"""The three providers, each configured as for the guide's stack, at emulated clouds in their first state."""

from collections.abc import Iterator

import pytest

from federation.google import gke_issuer
from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.google import GoogleCloud
from sandbox.google import create_app as create_google
from sandbox.issuers import Issuers
from sandbox.kubernetes import KubernetesCluster
from sandbox.kubernetes import create_app as create_kubernetes
from sandbox.providers.aws import aws_package
from sandbox.providers.gcp import gcp_package
from sandbox.providers.gcp.client import GoogleClient
from sandbox.providers.kubernetes import kubernetes_package
from sandbox.providers.provider import EmulatedProvider
from tests.sandbox.providers.support import configured
from tests.sandbox.world import World


@pytest.fixture(scope="session")
def configured_aws(aws_server: AwsServer) -> EmulatedProvider:
    connect = aws_package(aws_server.url, seed.ACCOUNT_ID, seed.OPERATOR_SECRET_ACCESS_KEY)
    return configured("aws", connect, region=seed.REGION, allowedAccountIds=f'["{seed.ACCOUNT_ID}"]')


@pytest.fixture
def aws_provider(aws: AwsServer, configured_aws: EmulatedProvider) -> EmulatedProvider:  # noqa: ARG001  a fresh world
    return configured_aws


@pytest.fixture(scope="session")
def google_world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def kubernetes_world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@pytest.fixture
def google(google_world: World, issuers: Issuers) -> GoogleCloud:
    """A fresh Google Cloud."""
    cloud = GoogleCloud(issuers, google_world.url)
    google_world.app = create_google(cloud)
    return cloud


@pytest.fixture
def google_api(google: GoogleCloud) -> GoogleClient:
    """The operator's own calls to Google, past the provider."""
    return GoogleClient(google.base_url, google.operator_token)


@pytest.fixture
def gcp_provider(google: GoogleCloud) -> EmulatedProvider:
    return configured("gcp", gcp_package(google.base_url, google.operator_token), project=seed.PROJECT_ID)


@pytest.fixture
def cluster(issuers: Issuers) -> KubernetesCluster:
    return KubernetesCluster(issuers.create(gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)))


@pytest.fixture
def kubernetes_provider(kubernetes_world: World, cluster: KubernetesCluster) -> EmulatedProvider:
    kubernetes_world.app = create_kubernetes(cluster)
    return configured("kubernetes", kubernetes_package(kubernetes_world.url, cluster.operator_token))
