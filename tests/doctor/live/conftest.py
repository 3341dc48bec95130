"""A sandbox for every test, with an environment in which every client finds it and nothing else."""

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.environment import command_environment
from sandbox.server import Sandbox
from tests.doctor.live.world import PROJECT_DIRECTORY, STACK, World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The guide's world before `pulumi up`, and the stack's file."""
    project = tmp_path / "project"
    project.mkdir()
    for name in ("Pulumi.yaml", f"Pulumi.{STACK}.yaml"):
        shutil.copy(PROJECT_DIRECTORY / name, project / name)
    sandbox = Sandbox(tmp_path / "sandbox").start()
    environment = command_environment(os.environ, sandbox.endpoints, sandbox.directory, [])
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    yield World(sandbox, project)
    # Its servers take most of a second to end, in which the next test can run: nobody calls them any more.
    threading.Thread(target=sandbox.stop).start()


@pytest.fixture
def up(world: World) -> World:
    """The guide's world after `pulumi up`."""
    world.up()
    return world
