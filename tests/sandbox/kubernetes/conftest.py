"""An emulated cluster and a client with the operator's token."""

from collections.abc import Iterator

import httpx
import pytest

from federation.google import gke_issuer
from sandbox.issuers import Issuer, Issuers
from sandbox.kubernetes import KubernetesCluster, create_app
from tests.sandbox.world import World

ISSUER = gke_issuer("mgr-product-sbx", "europe-west1", "mgr-main-sbx")
NOW = 1_795_478_400
"""2026-11-24T00:00:00Z"""


@pytest.fixture(scope="session")
def issuer(issuers: Issuers) -> Issuer:
    return issuers.create(ISSUER)


@pytest.fixture
def cluster(issuer: Issuer) -> KubernetesCluster:
    return KubernetesCluster(issuer, clock=lambda: float(NOW))


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.stop()


@pytest.fixture(scope="session")
def http(world: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.url, trust_env=False) as client:
        yield client


@pytest.fixture
def api(world: World, http: httpx.Client, cluster: KubernetesCluster) -> httpx.Client:
    """The operator as kubectl, at a fresh cluster."""
    world.app = create_app(cluster)
    http.headers = httpx.Headers({"Authorization": f"Bearer {cluster.operator_token}", "User-Agent": "kubectl/v1.34"})
    return http


def causes(answer: httpx.Response) -> dict[str, str]:
    """What makes an object invalid: field and message."""
    return {cause["field"]: cause["message"] for cause in answer.json()["details"]["causes"]}
