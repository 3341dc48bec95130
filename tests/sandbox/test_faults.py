"""Faults: switched at run time, repeatable by their seed."""

import time
from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from sandbox.faults import FaultMiddleware, Faults
from sandbox.http_server import HttpServer


class World:
    """An application behind the middleware, and its faults."""

    def __init__(self, client: httpx.Client) -> None:
        self.faults = Faults()
        self.client = client

    def app(self) -> FaultMiddleware:
        well = Starlette(routes=[Route("/", lambda _: PlainTextResponse("well"))])
        return FaultMiddleware(well, lambda: self.faults, PlainTextResponse("unavailable", 503))

    def fates(self, requests: int = 40) -> list[int]:
        return [self.client.get("/").status_code for _ in range(requests)]


@pytest.fixture
def world() -> Iterator[World]:
    server = HttpServer()
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        world = World(client)
        server.start(world.app())
        yield world
    server.stop()


def test_without_faults_every_request_is_served(world: World) -> None:
    assert set(world.fates()) == {200}


def test_a_rate_of_one_fails_every_request_with_the_clouds_own_answer(world: World) -> None:
    world.faults = Faults(error_rate=1)
    assert world.client.get("/").text == "unavailable"
    assert set(world.fates()) == {503}


def test_the_same_seed_fails_the_same_requests_and_another_seed_others(world: World) -> None:
    world.faults = Faults(error_rate=0.5, seed=7)
    first = world.fates()
    world.faults = Faults(error_rate=0.5, seed=7)
    assert world.fates() == first
    world.faults = Faults(error_rate=0.5, seed=8)
    assert world.fates() != first
    assert set(first) == {200, 503}


def test_latency_is_added_to_a_request(world: World) -> None:
    world.faults = Faults(latency_seconds=0.05)
    start = time.monotonic()
    world.client.get("/")
    assert time.monotonic() - start >= 0.05


@pytest.mark.parametrize(
    "faults", [{"error_rate": 1.1}, {"error_rate": -0.1}, {"latency_seconds": -1}, {"propagation_seconds": -1}]
)
def test_faults_that_can_not_be_are_refused(faults: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(faults))):
        Faults(**faults)  # type: ignore[arg-type]
