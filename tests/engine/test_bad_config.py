"""What the engine shows for a configuration that cannot work: every error, once, and nothing registered."""

import pytest

from sandbox.engine import EngineError
from tests.engine.conftest import MakeEngine, stack_config


@pytest.fixture(scope="module")
def shown(make_engine: MakeEngine) -> str:
    config = stack_config()
    config["gcp-aws-wif:cluster"]["colour"] = "blue"
    config["gcp-aws-wif:workloads"][0]["gcpServiceAccount"]["id"] = "poc"
    config["gcp-aws-wif:workloads"][0]["awsRole"]["audience"] = "*"
    with pytest.raises(EngineError) as caught:
        make_engine("sbx", config).update("preview")
    return str(caught.value)


@pytest.mark.parametrize("named", ["colour", "gcpServiceAccount.id", "awsRole.audience"])
def test_every_error_is_shown(shown: str, named: str) -> None:
    assert named in shown


def test_there_is_no_traceback(shown: str) -> None:
    assert "Traceback" not in shown


def test_no_resource_is_registered(make_engine: MakeEngine) -> None:
    config = stack_config()
    config["gcp-aws-wif:workloads"][0]["routes"] = ["telegraph"]
    engine = make_engine("never-up", config)
    with pytest.raises(EngineError):
        engine.update("up")
    assert engine.update("destroy").changed() in ({}, {"delete": 1}), "at most the stack itself"
