from typing import Any, Literal

import pulumi
import pytest

from components.gke_workload_pool import GkeWorkloadPool
from tests.unit.support import CLUSTER, ENABLED_POOL, Built, World, build

TOKEN = "gcpawswif:gcp:GkeWorkloadPool"
NODE_POOL_COMMAND = (
    "gcloud container node-pools update default-pool --cluster=mgr-main-sbx --project=mgr-product-sbx"
    " --location=europe-west1 --workload-metadata=GKE_METADATA"
)


def build_pool(
    mode: Literal["verify", "enable"] = "verify", pods_use_metadata_server: bool = True, **cluster: Any
) -> Built:
    def program() -> None:
        GkeWorkloadPool(
            "gke",
            {
                "project": "mgr-product-sbx",
                "location": "europe-west1",
                "cluster": "mgr-main-sbx",
                "mode": mode,
                "pods_use_metadata_server": pods_use_metadata_server,
            },
        )

    return build(program, World(cluster=cluster))


def node_pool(mode: str | None) -> dict[str, Any]:
    return {
        "name": "default-pool",
        "nodeConfigs": [{"workloadMetadataConfigs": [{"mode": mode}] if mode else []}],
    }


@pytest.mark.parametrize("mode", ["verify", "enable"])
def test_it_gives_the_projects_pool_and_the_clusters_issuer(mode: Literal["verify", "enable"]) -> None:
    assert build_pool(mode).outputs_of(TOKEN) == {
        "workload_pool": "mgr-product-sbx.svc.id.goog",
        "issuer": "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx",
    }


def test_verify_registers_nothing_but_itself() -> None:
    built = build_pool("verify")
    assert built.all(ENABLED_POOL) == []
    assert built.invoked == [CLUSTER]


@pytest.mark.parametrize("off", [[], [{"workloadPool": ""}]])
def test_verify_fails_with_the_command_that_turns_the_pool_on(off: list[dict[str, str]]) -> None:
    with pytest.raises(pulumi.RunError) as error:
        build_pool("verify", workloadIdentityConfigs=off)
    assert (
        "gcloud container clusters update mgr-main-sbx --project=mgr-product-sbx --location=europe-west1"
        " --workload-pool=mgr-product-sbx.svc.id.goog"
    ) in str(error.value)
    assert "workloadPool: enable" in str(error.value)


def test_verify_refuses_another_projects_pool() -> None:
    with pytest.raises(pulumi.RunError, match=r"has the workload pool fleet-host\.svc\.id\.goog"):
        build_pool("verify", workloadIdentityConfigs=[{"workloadPool": "fleet-host.svc.id.goog"}])


def test_enable_hands_the_pool_to_a_resource_that_turns_it_on() -> None:
    built = build_pool("enable", workloadIdentityConfigs=[])
    enabled = built.one(ENABLED_POOL, "gke-enabled")
    assert enabled.parent == built.one(TOKEN).urn
    assert enabled.inputs["cluster"] == "projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
    assert enabled.inputs["workload_pool"] == "mgr-product-sbx.svc.id.goog"


def test_no_credential_is_among_the_inputs_that_go_into_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.secret")
    inputs = build_pool("enable").one(ENABLED_POOL).inputs
    assert set(inputs) == {"cluster", "workload_pool", "__provider"}
    assert "ya29.secret" not in str(inputs)


def test_the_service_account_that_the_google_provider_impersonates_turns_the_pool_on() -> None:
    pulumi.runtime.set_all_config({"gcp:impersonateServiceAccount": "deployer@p.iam.gserviceaccount.com"})
    inputs = build_pool("enable").one(ENABLED_POOL).inputs
    assert inputs["impersonate_service_account"] == "deployer@p.iam.gserviceaccount.com"


@pytest.mark.parametrize("mode", [None, "GCE_METADATA"])
def test_a_node_pool_without_the_metadata_server_is_a_warning_with_the_command(mode: str | None) -> None:
    (warning,) = build_pool(nodePools=[node_pool(mode)]).warnings
    assert NODE_POOL_COMMAND in warning


def test_a_node_pool_with_the_metadata_server_is_no_warning() -> None:
    assert build_pool(nodePools=[node_pool("GKE_METADATA")]).warnings == []


def test_autopilot_has_no_node_pools_to_warn_of() -> None:
    assert build_pool(nodePools=[node_pool(None)], enableAutopilot=True).warnings == []


def test_node_pools_do_not_matter_to_pods_that_bring_their_own_token() -> None:
    assert build_pool(nodePools=[node_pool(None)], pods_use_metadata_server=False).warnings == []
