"""The Kubernetes provider, as the engine drives it against the emulated cluster."""

from typing import Any

import pytest

from federation.google import SERVICE_ACCOUNT_ANNOTATION
from sandbox.kubernetes import KubernetesCluster
from sandbox.kubernetes.cluster import Place, Write
from sandbox.kubernetes.objects import KINDS
from sandbox.providers.provider import EmulatedProvider
from sandbox.providers.resource import ProviderError
from sandbox.providers.values import UNKNOWN
from tests.sandbox.providers.support import RefusedAtPlanError, Type

READER = Place(KINDS["serviceaccounts"], "default", "s3-reader")
BY_HAND = Write("kubectl-edit")
MERGE = "application/merge-patch+json"


@pytest.fixture
def service_accounts(kubernetes_provider: EmulatedProvider) -> Type:
    return Type(kubernetes_provider, "kubernetes:core/v1:ServiceAccount")


@pytest.fixture
def config_maps(kubernetes_provider: EmulatedProvider) -> Type:
    return Type(kubernetes_provider, "kubernetes:core/v1:ConfigMap")


def metadata(**changed: Any) -> dict[str, Any]:
    return {"name": "s3-reader", "annotations": {SERVICE_ACCOUNT_ANNOTATION: "a@p.iam.gserviceaccount.com"}, **changed}


def test_a_service_account_is_namespace_and_name_and_has_a_uid(service_accounts: Type) -> None:
    account = service_accounts.create(metadata=metadata())

    assert account.id == "default/s3-reader"
    assert account.state["metadata"]["uid"]
    assert service_accounts.changes(account, metadata=metadata()) == {}


def test_a_preview_knows_the_name_and_not_the_uid(service_accounts: Type) -> None:
    expected = service_accounts.preview(metadata=metadata(annotations=UNKNOWN))

    assert (expected["metadata"]["name"], expected["metadata"]["uid"]) == ("s3-reader", UNKNOWN)


def test_a_preview_of_an_update_knows_the_uid(service_accounts: Type) -> None:
    account = service_accounts.create(metadata=metadata())

    expected = service_accounts.preview_update(account, metadata=metadata(labels={"app": "a"}))

    assert expected["metadata"]["uid"] == account.state["metadata"]["uid"]


def test_a_service_account_without_a_name_gets_one_that_later_updates_keep(service_accounts: Type) -> None:
    account = service_accounts.create(metadata={})

    assert account.id.startswith("default/example-")
    assert service_accounts.changes(account, metadata={}) == {}


def test_annotations_are_changed_in_place_and_taken_away(service_accounts: Type, cluster: KubernetesCluster) -> None:
    account = service_accounts.create(metadata=metadata(labels={"app": "a"}))
    wanted = metadata(annotations={"other": "x"})
    assert service_accounts.changes(account, metadata=wanted) == {
        f'metadata.annotations["{SERVICE_ACCOUNT_ANNOTATION}"]': "delete",
        "metadata.annotations.other": "add",
        "metadata.labels": "delete",
    }

    service_accounts.update(account, metadata=wanted)

    live = cluster.get(READER)["metadata"]
    assert live["annotations"] == {"other": "x"}
    assert "labels" not in live
    assert live["uid"] == account.state["metadata"]["uid"]


def test_what_others_add_stays_and_is_no_change(service_accounts: Type, cluster: KubernetesCluster) -> None:
    account = service_accounts.create(metadata=metadata())
    cluster.patch(READER, MERGE, {"metadata": {"labels": {"theirs": "1"}}}, BY_HAND)

    refreshed = service_accounts.refresh(account)

    assert refreshed is not None
    assert service_accounts.changes(refreshed, metadata=metadata()) == {}
    service_accounts.update(refreshed, metadata=metadata(annotations={"other": "x"}))
    assert cluster.get(READER)["metadata"]["labels"] == {"theirs": "1"}


def test_a_refresh_sees_what_others_changed_of_it(service_accounts: Type, cluster: KubernetesCluster) -> None:
    account = service_accounts.create(metadata=metadata())
    cluster.patch(READER, MERGE, {"metadata": {"annotations": {SERVICE_ACCOUNT_ANNOTATION: "b"}}}, BY_HAND)

    refreshed = service_accounts.refresh(account)

    assert refreshed is not None
    changed = {f'metadata.annotations["{SERVICE_ACCOUNT_ANNOTATION}"]': "update"}
    assert service_accounts.changes(refreshed, metadata=metadata()) == changed


def test_a_field_that_someone_else_took_over_is_a_conflict_that_names_them(
    service_accounts: Type, cluster: KubernetesCluster
) -> None:
    account = service_accounts.create(metadata=metadata())
    cluster.patch(READER, MERGE, {"metadata": {"annotations": {SERVICE_ACCOUNT_ANNOTATION: "b"}}}, BY_HAND)

    with pytest.raises(ProviderError, match='Apply failed with 1 conflict: conflict with "kubectl-edit"'):
        service_accounts.update(account, metadata=metadata())


def test_an_existing_service_account_is_not_taken_over(service_accounts: Type, cluster: KubernetesCluster) -> None:
    before = cluster.create(KINDS["serviceaccounts"], "default", {"metadata": {"name": "s3-reader"}}, BY_HAND)

    with pytest.raises(ProviderError, match='serviceaccounts "s3-reader" already exists'):
        service_accounts.create(metadata=metadata())

    assert cluster.get(READER) == before


def test_what_it_created_itself_it_may_take_away_again(service_accounts: Type, cluster: KubernetesCluster) -> None:
    account = service_accounts.create(metadata=metadata())

    service_accounts.update(account, metadata={"name": "s3-reader"})

    assert not cluster.get(READER)["metadata"].get("annotations")


@pytest.mark.parametrize("changed", [{"name": "other"}, {"namespace": "kube-public"}])
def test_another_name_or_namespace_replaces_it(service_accounts: Type, changed: dict[str, str]) -> None:
    account = service_accounts.create(metadata=metadata())

    answer = service_accounts.diff(account, metadata=metadata(**changed))

    assert answer.replaces == [f"metadata.{name}" for name in changed]
    assert not answer.delete_before_replace


def test_other_data_replaces_a_config_map_and_deletes_the_old_one_first(config_maps: Type) -> None:
    config_map = config_maps.create(metadata={"name": "settings"}, data={"a": "1"})

    answer = config_maps.diff(config_map, metadata={"name": "settings"}, data={"a": "2"})

    assert (answer.replaces, answer.delete_before_replace) == (["data.a"], True)


@pytest.mark.parametrize("import_id", ["default/s3-reader", "s3-reader"])
def test_an_imported_service_account_is_no_change_for_its_program(service_accounts: Type, import_id: str) -> None:
    service_accounts.create(metadata=metadata())

    imported = service_accounts.import_by(import_id)

    assert imported is not None
    assert imported.id == "default/s3-reader"
    assert service_accounts.changes(imported, metadata=metadata()) == {}


def test_one_that_others_deleted_is_dropped_and_can_be_deleted(
    service_accounts: Type, cluster: KubernetesCluster
) -> None:
    account = service_accounts.create(metadata=metadata())
    cluster.delete(READER, BY_HAND)

    assert service_accounts.refresh(account) is None
    service_accounts.delete(account)


def test_a_missing_namespace_is_refused_with_the_clusters_words(service_accounts: Type) -> None:
    with pytest.raises(ProviderError, match=r'created by the Kubernetes API server: namespaces "gone" not found$'):
        service_accounts.create(metadata=metadata(namespace="gone"))


def test_an_invalid_name_is_refused_with_the_clusters_words(service_accounts: Type) -> None:
    with pytest.raises(ProviderError, match=r'ServiceAccount "UPPER" is invalid: metadata.name'):
        service_accounts.create(metadata={"name": "UPPER"})


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"metadata": {"name": "a", "finalizers": []}}, "has no input 'metadata.finalizers'"),
        ({"metadata": {"name": "a", "annotations": {"k": 1}}}, "expected a string, got 1"),
        ({"spec": {}}, "has no input 'spec'"),
    ],
)
def test_what_the_sandbox_lacks_is_named(service_accounts: Type, inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(RefusedAtPlanError, match=said):
        service_accounts.check(inputs)
