"""One port for the emulated Google Cloud, and a fresh cloud behind it for every test."""

import ssl
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox import seed
from sandbox.google import GoogleCloud, create_app
from sandbox.http_server import HttpServer
from sandbox.issuers import Issuers

PROJECT = f"/v1/projects/{seed.PROJECT_ID}"
CLUSTER = f"{PROJECT}/locations/{seed.CLUSTER_LOCATION}/clusters/{seed.CLUSTER_NAME}"
POOLS = f"{PROJECT}/locations/global/workloadIdentityPools"
WORKLOAD_POOL = f"{seed.PROJECT_ID}.svc.id.goog"

TLS = ssl.create_default_context()
"""Shared by all clients, which use plain HTTP: loading the CA certificates for each takes longer than most tests."""


class Clock:
    """The time, and what a test added to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        self.ahead += seconds


class Api:
    """An httpx client as one caller, with what tests do over and over. Every method checks that Google said yes."""

    def __init__(self, url: str, token: str, clock: Clock) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, verify=TLS
        )
        self.url = url
        self._clock = clock

    def get(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def post(self, path: str, body: Any = None) -> Any:
        return self.http.post(path, json=body).raise_for_status().json()

    def create_account(self, account_id: str = "poc-gcp-to-aws-sa", **fields: str) -> Any:
        return self.post(f"{PROJECT}/serviceAccounts", {"accountId": account_id, "serviceAccount": fields})

    def grant(self, email: str, role: str, *members: str) -> Any:
        """Replaces the account's whole policy."""
        policy = {"bindings": [{"role": role, "members": list(members)}], "version": 3}
        return self.post(f"/v1/projects/-/serviceAccounts/{email}:setIamPolicy", {"policy": policy})

    def enable_workload_pool(self) -> None:
        update = {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": WORKLOAD_POOL}}}
        self.http.put(CLUSTER, json=update).raise_for_status()
        self._clock.advance(60)

    def create_provider(self, settings: Any, pool_id: str = "poc-aws-pool", provider_id: str = "aws-provider") -> str:
        """A pool and its provider; returns the provider's full resource name."""
        self.post(f"{POOLS}?workloadIdentityPoolId={pool_id}", {})
        path = f"{POOLS}/{pool_id}/providers"
        self.post(f"{path}?workloadIdentityPoolProviderId={provider_id}", settings)
        return str(self.get(f"{path}/{provider_id}")["name"])


class CurrentApp:
    """Hands every request to the application of the running test."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="session")
def google_port() -> Iterator[tuple[HttpServer, CurrentApp]]:
    server, current = HttpServer(), CurrentApp()
    server.start(current)
    yield server, current
    server.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def google(issuers: Issuers, google_port: tuple[HttpServer, CurrentApp], clock: Clock) -> GoogleCloud:
    """The guide's Google Cloud, served, and without AWS behind it."""
    server, current = google_port
    cloud = GoogleCloud(issuers, server.url, clock=clock)
    current.app = create_app(cloud)
    return cloud


@pytest.fixture
def api(google: GoogleCloud, clock: Clock) -> Iterator[Api]:
    """The operator's client."""
    client = Api(google.base_url, google.operator_token, clock)
    yield client
    client.http.close()


@pytest.fixture
def anonymous(google: GoogleCloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=google.base_url, trust_env=False, verify=TLS) as client:
        yield client
