"""A stack file whose cluster does not exist."""

import pytest

from sandbox.engine import EngineError
from tests.engine.conftest import MakeEngine, stack_config


def test_a_cluster_that_does_not_exist_is_told_with_what_to_do_and_no_traceback(make_engine: MakeEngine) -> None:
    config = stack_config()
    config["gcp-aws-wif:cluster"]["name"] = "mgr-mian-sbx"
    with pytest.raises(EngineError) as caught:
        make_engine("sbx", config).update("preview")
    shown = str(caught.value)
    assert "projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-mian-sbx not found" in shown
    assert "gcloud container clusters list --project=mgr-product-sbx" in shown
    assert "Traceback" not in shown
