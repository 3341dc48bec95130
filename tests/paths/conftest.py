"""The sandbox in this process, so that a test can expire a session or rotate a key, and the example stack up in it."""

from collections.abc import Iterator

import pytest

from sandbox.server import Sandbox
from tests.engine.conftest import MakeEngine, make_engine, no_stack_file_of_the_checkout_changes, toolchain
from tests.paths.support import Outputs

__all__ = ["make_engine", "no_stack_file_of_the_checkout_changes", "toolchain"]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("paths") / "sandbox") as running:
        yield running


@pytest.fixture(scope="module")
def example(make_engine: MakeEngine) -> Outputs:
    """The outputs of the example stack, which is up."""
    engine = make_engine("example")
    engine.update("up")
    return engine.outputs()
