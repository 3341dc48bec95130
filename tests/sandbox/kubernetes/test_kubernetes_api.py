"""The emulated API server's objects and errors, as clients see them."""

from typing import Any

import httpx
import pytest
import yaml

from sandbox.kubernetes import KubernetesCluster, kubeconfig
from tests.sandbox.kubernetes.conftest import ISSUER, causes

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
READER = f"{ACCOUNTS}/s3-reader"
CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}


def create(api: httpx.Client, **metadata: Any) -> Any:
    return api.post(ACCOUNTS, json={"metadata": {"name": "s3-reader", **metadata}}).json()


def apply(api: httpx.Client, manager: str, body: Any, **parameters: str) -> Any:
    return api.patch(
        READER, content=yaml.safe_dump(body), headers=APPLY, params={"fieldManager": manager, **parameters}
    )


def annotated(**annotations: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"annotations": annotations}}


def test_a_new_object_has_what_the_server_gives_it(api: httpx.Client) -> None:
    answer = api.post(ACCOUNTS, json={"metadata": {"name": "s3-reader"}, "unknownField": 1})

    assert answer.status_code == 201
    found = answer.json()
    assert found.keys() == {"apiVersion", "kind", "metadata"}
    assert found["metadata"]["namespace"] == "default"
    assert found["metadata"]["creationTimestamp"] == "2026-11-24T00:00:00Z"
    assert found["metadata"]["uid"]
    assert found["metadata"]["resourceVersion"]
    assert api.get(READER).json() == found


def test_a_generated_name_starts_as_asked(api: httpx.Client) -> None:
    answer = api.post(ACCOUNTS, json={"metadata": {"generateName": "reader-"}})

    assert answer.json()["metadata"]["name"].startswith("reader-")


@pytest.mark.parametrize("namespace", ["default", "kube-system", "kube-public", "kube-node-lease"])
def test_every_namespace_has_a_default_service_account(api: httpx.Client, namespace: str) -> None:
    assert api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/default").status_code == 200


def test_a_new_namespace_is_active_and_takes_its_objects_along_when_deleted(api: httpx.Client) -> None:
    api.post("/api/v1/namespaces", json={"metadata": {"name": "team"}})
    assert api.get("/api/v1/namespaces/team").json()["status"] == {"phase": "Active"}
    assert api.get("/api/v1/namespaces/team/serviceaccounts/default").status_code == 200

    api.delete("/api/v1/namespaces/team")

    assert api.get("/api/v1/namespaces/team/serviceaccounts/default").status_code == 404


def test_a_deleted_default_service_account_comes_back_as_another(api: httpx.Client) -> None:
    before = api.get(f"{ACCOUNTS}/default").json()["metadata"]["uid"]

    api.delete(f"{ACCOUNTS}/default")

    assert api.get(f"{ACCOUNTS}/default").json()["metadata"]["uid"] != before


def test_objects_are_listed_by_namespace_and_in_all(api: httpx.Client) -> None:
    create(api)

    listed = api.get(ACCOUNTS).json()
    names = [found["metadata"]["name"] for found in listed["items"]]
    assert (listed["kind"], names) == ("ServiceAccountList", ["default", "s3-reader"])
    assert len(api.get("/api/v1/serviceaccounts").json()["items"]) == 5


def test_a_taken_name_is_a_conflict(api: httpx.Client) -> None:
    create(api)

    answer = api.post(ACCOUNTS, json={"metadata": {"name": "s3-reader"}})

    assert answer.status_code == 409
    assert (answer.json()["kind"], answer.json()["reason"]) == ("Status", "AlreadyExists")
    assert answer.json()["message"] == 'serviceaccounts "s3-reader" already exists'


@pytest.mark.parametrize("method", ["get", "delete", "put"])
def test_a_missing_object_is_not_found(api: httpx.Client, method: str) -> None:
    options: dict[str, Any] = {"json": {"metadata": {}}} if method == "put" else {}

    answer = getattr(api, method)(READER, **options)

    assert (answer.status_code, answer.json()["message"]) == (404, 'serviceaccounts "s3-reader" not found')


def test_an_object_in_a_missing_namespace_is_not_found(api: httpx.Client) -> None:
    answer = api.post("/api/v1/namespaces/gone/serviceaccounts", json={"metadata": {"name": "a"}})

    assert (answer.status_code, answer.json()["message"]) == (404, 'namespaces "gone" not found')


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"name": "UPPER"}, "metadata.name"),
        ({"name": "a" * 254}, "metadata.name"),
        ({}, "metadata.name"),
        ({"name": "a", "labels": {"k": "not a label"}}, "metadata.labels"),
        ({"name": "a", "labels": {"k": "x" * 64}}, "metadata.labels"),
        ({"name": "a", "annotations": {"bad key": "v"}}, "metadata.annotations"),
    ],
)
def test_an_invalid_object_names_the_field(api: httpx.Client, metadata: dict[str, Any], field: str) -> None:
    answer = api.post(ACCOUNTS, json={"metadata": metadata})

    assert (answer.status_code, answer.json()["reason"]) == (422, "Invalid")
    assert list(causes(answer)) == [field]


def test_a_namespaces_name_has_no_dots(api: httpx.Client) -> None:
    answer = api.post("/api/v1/namespaces", json={"metadata": {"name": "a.b"}})

    assert "RFC 1123 label" in causes(answer)["metadata.name"]


@pytest.mark.parametrize(
    "body",
    [
        {"metadata": {"name": "a", "annotations": {"k": 1}}},
        {"metadata": []},
        {"kind": "Secret", "metadata": {"name": "a"}},
        {"metadata": {"name": "a"}, "automountServiceAccountToken": "yes"},
        {"metadata": {"name": "a", "namespace": "other"}},
        [],
    ],
)
def test_a_body_of_wrong_types_is_a_bad_request(api: httpx.Client, body: Any) -> None:
    answer = api.post(ACCOUNTS, json=body)

    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


def test_a_body_that_is_no_json_is_a_bad_request(api: httpx.Client) -> None:
    assert api.post(ACCOUNTS, content="{").json()["reason"] == "BadRequest"


def test_an_update_from_an_old_version_is_a_conflict(api: httpx.Client) -> None:
    old = create(api)
    assert api.put(READER, json={**old, "automountServiceAccountToken": False}).status_code == 200

    answer = api.put(READER, json=old)

    assert answer.status_code == 409
    assert "the object has been modified; please apply your changes to the latest version" in answer.json()["message"]


def test_an_update_of_a_recreated_object_is_a_conflict(api: httpx.Client) -> None:
    old = create(api)
    api.delete(READER)
    new = create(api)
    body = {"metadata": {**new["metadata"], "uid": old["metadata"]["uid"]}}

    assert "UID in precondition" in api.put(READER, json=body).json()["message"]


def test_an_update_that_changes_nothing_keeps_the_version(api: httpx.Client) -> None:
    before = create(api)

    assert api.put(READER, json=before).json() == before


def test_a_merge_patch_changes_and_takes_away(api: httpx.Client) -> None:
    create(api, annotations={"a": "1", "b": "1"})

    patched = api.patch(READER, json={"metadata": {"annotations": {"a": "2", "b": None}}}, headers=MERGE).json()

    assert patched["metadata"]["annotations"] == {"a": "2"}


def test_a_strategic_patch_merges_named_lists_and_a_merge_patch_replaces_them(api: httpx.Client) -> None:
    api.post(ACCOUNTS, json={"metadata": {"name": "s3-reader"}, "imagePullSecrets": [{"name": "a"}, {"name": "b"}]})

    patch = {"imagePullSecrets": [{"name": "c"}, {"name": "a", "$patch": "delete"}]}
    merged = api.patch(READER, json=patch, headers=STRATEGIC).json()
    assert merged["imagePullSecrets"] == [{"name": "b"}, {"name": "c"}]
    replaced = api.patch(READER, json={"imagePullSecrets": [{"name": "d"}]}, headers=MERGE).json()
    assert replaced["imagePullSecrets"] == [{"name": "d"}]


def test_an_unknown_kind_of_patch_is_unsupported(api: httpx.Client) -> None:
    create(api)

    answer = api.patch(READER, json={}, headers={"Content-Type": "application/json-patch+json"})

    assert (answer.status_code, answer.json()["reason"]) == (415, "UnsupportedMediaType")
    assert "application/apply-patch+yaml" in answer.json()["message"]


def test_applying_creates_changes_and_takes_away_what_the_manager_no_longer_wants(api: httpx.Client) -> None:
    created = apply(api, "pulumi", annotated(a="1", b="1")).json()
    changed = apply(api, "pulumi", annotated(a="2")).json()

    assert changed["metadata"]["annotations"] == {"a": "2"}
    assert changed["metadata"]["uid"] == created["metadata"]["uid"]


def test_applying_leaves_what_others_own(api: httpx.Client) -> None:
    create(api, annotations={"theirs": "1"})
    apply(api, "pulumi", annotated(mine="1"))

    assert apply(api, "pulumi", annotated()).json()["metadata"]["annotations"] == {"theirs": "1"}


def test_applying_over_what_others_own_is_a_conflict_unless_forced(api: httpx.Client) -> None:
    create(api, annotations={"a": "theirs"})

    refused = apply(api, "pulumi", annotated(a="mine"))
    assert (refused.status_code, refused.json()["reason"]) == (409, "Conflict")
    assert causes(refused) == {".metadata.annotations.a": 'conflict with "kubectl"'}
    forced = apply(api, "pulumi", annotated(a="mine"), force="true")
    assert forced.json()["metadata"]["annotations"] == {"a": "mine"}
    assert apply(api, "pulumi", annotated(a="again")).status_code == 200


def test_applying_the_same_value_as_others_is_no_conflict(api: httpx.Client) -> None:
    create(api, annotations={"a": "same"})

    assert apply(api, "pulumi", annotated(a="same")).status_code == 200


def test_applying_needs_a_manager(api: httpx.Client) -> None:
    answer = api.patch(READER, content="{}", headers=APPLY)

    assert list(causes(answer)) == ["fieldManager"]


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_a_dry_run_changes_nothing(api: httpx.Client, method: str) -> None:
    before = create(api)
    parameters = {"dryRun": "All"}

    if method == "post":
        body = {"metadata": {"name": "other"}}
        assert api.post(ACCOUNTS, json=body, params=parameters).status_code == 201
    elif method == "patch":
        patch = {"metadata": {"labels": {"a": "b"}}}
        answer = api.patch(READER, json=patch, headers=MERGE, params=parameters)
        assert answer.json()["metadata"]["labels"] == {"a": "b"}
    else:
        assert api.request("DELETE", READER, params=parameters).status_code == 200
    assert api.get(READER).json() == before
    assert api.get(f"{ACCOUNTS}/other").status_code == 404


def test_an_immutable_config_map_keeps_its_data(api: httpx.Client) -> None:
    api.post(CONFIG_MAPS, json={"metadata": {"name": "fixed"}, "data": {"a": "1"}, "immutable": True})

    answer = api.patch(f"{CONFIG_MAPS}/fixed", json={"data": {"a": "2"}}, headers=MERGE)

    assert causes(answer) == {"data": "Forbidden: field is immutable when `immutable` is set"}


def test_a_system_namespace_may_not_be_deleted(api: httpx.Client) -> None:
    answer = api.delete("/api/v1/namespaces/kube-system")

    assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")
    assert "this namespace may not be deleted" in answer.json()["message"]


def test_a_pod_of_a_missing_service_account_is_forbidden(api: httpx.Client) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"serviceAccountName": "gone"}}

    answer = api.post("/api/v1/namespaces/default/pods", json=body)

    assert answer.status_code == 403
    assert 'serviceaccount "gone" not found' in answer.json()["message"]


@pytest.mark.parametrize(
    "path", ["/api/v1/secrets", "/api/v1/namespaces/default/secrets/a", "/nothing", ACCOUNTS + "/"]
)
def test_what_the_server_does_not_have_is_not_found(api: httpx.Client, path: str) -> None:
    answer = api.get(path, follow_redirects=False)

    assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound")


@pytest.mark.parametrize("parameter", ["labelSelector", "watch"])
def test_a_list_that_the_server_cannot_make_is_refused_not_wrong(api: httpx.Client, parameter: str) -> None:
    answer = api.get(ACCOUNTS, params={parameter: "true"})

    assert (answer.status_code, answer.json()["message"]) == (400, f"this sandbox's API server has no {parameter}")


def test_discovery_tells_the_version_the_kinds_and_the_issuer(api: httpx.Client) -> None:
    assert api.get("/version").json()["major"] == "1"
    kinds = {resource["name"]: resource["kind"] for resource in api.get("/api/v1").json()["resources"]}
    assert kinds["serviceaccounts/token"] == "TokenRequest"
    assert api.get("/.well-known/openid-configuration").json()["issuer"] == ISSUER
    assert api.get("/openid/v1/jwks").json()["keys"]


@pytest.mark.parametrize("path", ["/api/v1", ACCOUNTS, READER, "/.well-known/openid-configuration"])
def test_a_stranger_sees_nothing(api: httpx.Client, path: str) -> None:
    answer = api.get(path, headers={"Authorization": "Bearer guessed"})

    assert (answer.status_code, answer.json()["message"]) == (401, "Unauthorized")


def test_the_version_is_for_everyone(api: httpx.Client) -> None:
    assert api.get("/version", headers={"Authorization": ""}).status_code == 200


def test_the_annotation_that_the_metadata_server_reads(api: httpx.Client, cluster: KubernetesCluster) -> None:
    create(api, annotations={"iam.gke.io/gcp-service-account": "a@p.iam.gserviceaccount.com"})

    key = "iam.gke.io/gcp-service-account"
    assert cluster.annotation("default", "s3-reader", key) == "a@p.iam.gserviceaccount.com"
    assert cluster.annotation("default", "default", key) is None
    assert cluster.annotation("default", "gone", key) is None


def test_a_kubeconfig_names_the_url_and_the_token_once() -> None:
    config = kubeconfig("http://127.0.0.1:1234", "the-token")

    current = next(context for context in config["contexts"] if context["name"] == config["current-context"])
    cluster = next(one for one in config["clusters"] if one["name"] == current["context"]["cluster"])
    user = next(one for one in config["users"] if one["name"] == current["context"]["user"])
    assert (cluster["cluster"]["server"], user["user"]["token"]) == ("http://127.0.0.1:1234", "the-token")


def test_two_clusters_have_different_operator_tokens(cluster: KubernetesCluster) -> None:
    assert KubernetesCluster(cluster.issuer).operator_token != cluster.operator_token
