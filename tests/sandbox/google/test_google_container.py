"""The GKE API: what the program reads and writes of a cluster."""

import httpx
import jwt
import pytest

from federation.google import gke_issuer
from sandbox import seed
from sandbox.google import GoogleCloud
from tests.sandbox.google.conftest import CLUSTER, PROJECT, WORKLOAD_POOL, Api, Clock
from tests.sandbox.google.support import refusal

NODE_POOL = f"{CLUSTER}/nodePools/default-pool"
TURN_ON = {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": WORKLOAD_POOL}}}
TURN_OFF = {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": ""}}}


def test_the_guides_cluster_starts_without_a_workload_pool(api: Api) -> None:
    cluster = api.get(CLUSTER)
    assert "workloadIdentityConfig" not in cluster
    assert cluster["status"] == "RUNNING"
    assert cluster["nodePools"][0]["config"]["workloadMetadataConfig"] == {"mode": "GCE_METADATA"}


def test_a_cluster_has_what_the_google_provider_dereferences(api: Api) -> None:
    cluster = api.get(CLUSTER)
    assert {"legacyAbac", "networkConfig", "masterAuth", "endpoint", "autopilot"} <= cluster.keys()
    assert cluster["masterAuth"]["clusterCaCertificate"]


def test_the_workload_pool_is_on_only_when_the_operation_is_done(api: Api, clock: Clock) -> None:
    operation = api.http.put(CLUSTER, json=TURN_ON).raise_for_status().json()
    path = f"{PROJECT}/locations/{seed.CLUSTER_LOCATION}/operations/{operation['name']}"
    assert operation["status"] == api.get(path)["status"] == "RUNNING"
    assert "workloadIdentityConfig" not in api.get(CLUSTER)
    assert api.get(CLUSTER)["status"] == "RECONCILING"
    clock.advance(60)
    assert api.get(path)["status"] == "DONE"
    assert api.get(CLUSTER)["workloadIdentityConfig"] == {"workloadPool": WORKLOAD_POOL}
    assert api.get(CLUSTER)["status"] == "RUNNING"


def test_turning_the_workload_pool_on_leaves_existing_node_pools_as_they_are(api: Api) -> None:
    api.enable_workload_pool()
    assert api.get(NODE_POOL)["config"]["workloadMetadataConfig"] == {"mode": "GCE_METADATA"}


def test_a_second_update_during_the_first_names_the_operation_to_wait_for(api: Api) -> None:
    running = api.http.put(CLUSTER, json=TURN_ON).json()["name"]
    assert refusal(api.http.put(CLUSTER, json=TURN_ON)) == (
        400,
        "FAILED_PRECONDITION",
        f"Cluster is running incompatible operation {running}.",
    )


def test_another_projects_workload_pool_is_refused(api: Api) -> None:
    update = {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": "someone-else.svc.id.goog"}}}
    code, status, message = refusal(api.http.put(CLUSTER, json=update))
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert WORKLOAD_POOL in message


def test_an_unknown_cluster_is_not_found_by_its_full_name(api: Api) -> None:
    path = CLUSTER.replace(seed.CLUSTER_NAME, "other").removeprefix("/v1/")
    assert refusal(api.http.get(f"/v1/{path}")) == (404, "NOT_FOUND", f"Not found: {path}.")


def test_an_empty_update_is_refused(api: Api) -> None:
    assert refusal(api.http.put(CLUSTER, json={})) == (400, "INVALID_ARGUMENT", "Must provide an update.")


def test_an_update_that_the_sandbox_does_not_know_is_refused_not_ignored(api: Api) -> None:
    update = {"update": {"desiredLocations": ["europe-west1-b"]}}
    assert "desiredLocations" in refusal(api.http.put(CLUSTER, json=update))[2]


def test_a_node_pool_gets_the_metadata_server_only_with_workload_identity_on(api: Api, clock: Clock) -> None:
    wanted = {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}
    assert refusal(api.http.put(NODE_POOL, json=wanted))[1] == "FAILED_PRECONDITION"
    api.enable_workload_pool()
    api.http.put(NODE_POOL, json=wanted).raise_for_status()
    clock.advance(60)
    assert api.get(NODE_POOL)["config"]["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
    assert refusal(api.http.put(CLUSTER, json=TURN_OFF))[1] == "FAILED_PRECONDITION"


def test_a_node_pool_that_never_was_or_a_mode_that_is_none_is_refused(api: Api) -> None:
    api.enable_workload_pool()
    assert api.get(f"{CLUSTER}/nodePools")["nodePools"] == [api.get(NODE_POOL)]
    assert refusal(api.http.get(f"{CLUSTER}/nodePools/other"))[1] == "NOT_FOUND"
    wanted = {"workloadMetadataConfig": {"mode": "GKE_METADATA"}}
    assert refusal(api.http.put(f"{CLUSTER}/nodePools/other", json=wanted))[1] == "NOT_FOUND"
    wanted["workloadMetadataConfig"]["mode"] = "EXPOSE"
    assert refusal(api.http.put(NODE_POOL, json=wanted))[1] == "INVALID_ARGUMENT"


def test_operations_are_listed_and_others_are_not_found(api: Api) -> None:
    api.enable_workload_pool()
    operations = f"{PROJECT}/locations/{seed.CLUSTER_LOCATION}/operations"
    assert [operation["status"] for operation in api.get(operations)["operations"]] == ["DONE"]
    assert refusal(api.http.get(f"{operations}/other"))[:2] == (404, "NOT_FOUND")


def test_the_workload_pool_can_be_turned_off(api: Api, clock: Clock) -> None:
    api.enable_workload_pool()
    api.http.put(CLUSTER, json=TURN_OFF).raise_for_status()
    clock.advance(60)
    assert "workloadIdentityConfig" not in api.get(CLUSTER)


def test_a_cluster_publishes_its_issuer_and_keys_to_anyone(google: GoogleCloud, anonymous: httpx.Client) -> None:
    issuer = gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)
    document = anonymous.get(f"{CLUSTER}/.well-known/openid-configuration").raise_for_status().json()
    assert document["issuer"] == issuer
    signer = google.issuers.find(issuer)
    assert signer is not None
    token = signer.sign({"sub": "system:serviceaccount:default:s3-reader"})
    key = jwt.PyJWKSet.from_dict(anonymous.get(document["jwks_uri"]).json()).keys[0]
    assert jwt.decode(token, key, algorithms=["RS256"])["iss"] == issuer


def test_google_publishes_its_issuer_and_keys_to_anyone(anonymous: httpx.Client) -> None:
    document = anonymous.get("/.well-known/openid-configuration").raise_for_status().json()
    assert document["issuer"] == "https://accounts.google.com"
    assert anonymous.get(document["jwks_uri"]).json()["keys"]


def test_an_unknown_cluster_publishes_nothing(anonymous: httpx.Client) -> None:
    path = CLUSTER.replace(seed.CLUSTER_NAME, "other")
    assert anonymous.get(f"{path}/.well-known/openid-configuration").status_code == 404
    assert anonymous.get(f"{path}/jwks").status_code == 404


@pytest.mark.parametrize(
    ("headers", "begin"),
    [
        ({}, "Request is missing required authentication credential."),
        ({"Authorization": "Bearer ya29.forged"}, "Request had invalid authentication credentials."),
    ],
)
def test_a_call_without_a_valid_token_is_unauthenticated(
    anonymous: httpx.Client, headers: dict[str, str], begin: str
) -> None:
    code, status, message = refusal(anonymous.get(CLUSTER, headers=headers))
    assert (code, status) == (401, "UNAUTHENTICATED")
    assert message.startswith(begin)


def test_a_body_that_is_no_json_is_an_invalid_argument(api: Api) -> None:
    assert refusal(api.http.put(CLUSTER, content=b"{"))[1] == "INVALID_ARGUMENT"


def test_a_path_that_the_sandbox_does_not_know_says_so(api: Api) -> None:
    code, status, message = refusal(api.http.get("/v1/projects/p/zones/z"))
    assert (code, status) == (404, "NOT_FOUND")
    assert "/v1/projects/p/zones/z" in message
