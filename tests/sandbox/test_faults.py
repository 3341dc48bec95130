"""Faults: switched at run time, repeatable by their seed."""

import time

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from sandbox.faults import FaultMiddleware, Faults


class World:
    """An application behind the middleware, and its faults."""

    def __init__(self) -> None:
        self.faults = Faults()
        app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("well"))])
        self.client = TestClient(FaultMiddleware(app, lambda: self.faults, PlainTextResponse("unavailable", 503)))

    def fates(self, requests: int = 40) -> list[int]:
        return [self.client.get("/").status_code for _ in range(requests)]


def test_without_faults_every_request_is_served():
    assert set(World().fates()) == {200}


def test_a_rate_of_one_fails_every_request_with_the_clouds_own_answer():
    world = World()
    world.faults = Faults(error_rate=1)
    assert world.client.get("/").text == "unavailable"
    assert set(world.fates()) == {503}


def test_the_same_seed_fails_the_same_requests_and_another_seed_others():
    world = World()
    world.faults = Faults(error_rate=0.5, seed=7)
    first = world.fates()
    world.faults = Faults(error_rate=0.5, seed=7)
    assert world.fates() == first
    world.faults = Faults(error_rate=0.5, seed=8)
    assert world.fates() != first
    assert set(first) == {200, 503}


def test_latency_is_added_to_a_request():
    world = World()
    world.faults = Faults(latency_seconds=0.05)
    start = time.monotonic()
    world.client.get("/")
    assert time.monotonic() - start >= 0.05


@pytest.mark.parametrize(
    "faults", [{"error_rate": 1.1}, {"error_rate": -0.1}, {"latency_seconds": -1}, {"propagation_seconds": -1}]
)
def test_faults_that_can_not_be_are_refused(faults: dict[str, float]):
    with pytest.raises(ValueError, match=next(iter(faults))):
        Faults(**faults)  # type: ignore[arg-type]
