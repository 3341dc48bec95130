"""A sandbox served by its own process, as a user serves it, and the stack sbx on the real engine in it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sandbox.cli import served_endpoints
from sandbox.engine import Engine
from sandbox.environment import Endpoints, command_environment
from sandbox.workspace import make_workspace
from toolchain import Toolchain, find_or_install_pulumi

PROJECT = Path(__file__).parents[2]
READY_SECONDS = 10


@dataclass(frozen=True)
class ServedSandbox:
    """`python -m sandbox serve`, running."""

    process: subprocess.Popen[str]
    directory: Path
    endpoints: Endpoints
    ready_after_seconds: float

    def google(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self._call(method, self.endpoints.google + path, self.endpoints.google_token, body)

    def kubernetes(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self._call(method, self.endpoints.kubernetes + path, self.endpoints.kubernetes_token, body)

    @staticmethod
    def _call(method: str, url: str, token: str, body: object) -> httpx.Response:
        return httpx.request(
            method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )


def serve(directory: Path) -> ServedSandbox:
    """Start a sandbox and wait until it answers."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", "--directory", str(directory)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while (endpoints := served_endpoints(directory)) is None:
        if process.poll() is not None:
            raise RuntimeError(process.stdout.read() if process.stdout else "")
        if time.monotonic() - started > READY_SECONDS:
            process.kill()
            raise RuntimeError(f"the sandbox was not ready within {READY_SECONDS} s")
        time.sleep(0.05)
    return ServedSandbox(process, directory, endpoints, time.monotonic() - started)


def end(sandbox: ServedSandbox) -> int:
    """Ctrl-C."""
    sandbox.process.send_signal(signal.SIGINT)
    return sandbox.process.wait(timeout=10)


@pytest.fixture(scope="session")
def toolchain() -> Toolchain:
    return find_or_install_pulumi(print)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSandbox]:
    served = serve(tmp_path_factory.mktemp("served") / "sandbox")
    yield served
    if served.process.poll() is None:
        end(served)


MakeEngine = Callable[..., Engine]


@pytest.fixture(scope="module")
def make_engine(sandbox: ServedSandbox, toolchain: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> MakeEngine:
    """An engine on a stack of the project: `make_engine("sbx")`, or with another configuration."""

    def make(stack: str, config: dict[str, Any] | None = None) -> Engine:
        environment = command_environment(os.environ, sandbox.endpoints, sandbox.directory, toolchain.path_entries)
        project = make_workspace(PROJECT, tmp_path_factory.mktemp("project") / "project")
        if config is not None:
            (project / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
        engine = Engine(project, stack, environment)
        engine.create_stack()
        return engine

    return make


def stack_config(stack: str = "sbx") -> dict[str, Any]:
    """The configuration of a stack of the checkout, to change and give to `make_engine`."""
    config: dict[str, Any] = yaml.safe_load((PROJECT / f"Pulumi.{stack}.yaml").read_text())["config"]
    return config


@pytest.fixture(scope="session", autouse=True)
def no_stack_file_of_the_checkout_changes() -> Iterator[None]:
    before = {path: path.read_bytes() for path in PROJECT.glob("Pulumi*.yaml")}
    yield
    assert {path: path.read_bytes() for path in PROJECT.glob("Pulumi*.yaml")} == before
