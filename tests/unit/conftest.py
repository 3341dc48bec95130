"""What every unit test starts from: no stack config, and none of the caller's cloud settings."""

import asyncio
import os
from collections.abc import Iterator

import pulumi
import pytest


@pytest.fixture(autouse=True)
def _no_config(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in os.environ:
        if variable.startswith(("AWS_", "GOOGLE_", "CLOUDSDK_", "PULUMI_", "KUBECONFIG")):
            monkeypatch.delenv(variable)
    pulumi.runtime.set_all_config({})
    yield
    pulumi.runtime.set_all_config({})


@pytest.fixture(autouse=True, scope="module")
def module_event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """The loop of a module's own fixtures, which are made before those of its tests."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def _event_loop(module_event_loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    """`pulumi.runtime.test` takes the thread's event loop, which `asyncio.run` in an earlier test has taken away."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.close()
    asyncio.set_event_loop(module_event_loop)
