import json
from typing import Any, cast

import pulumi
import pulumi_gcp as gcp
import pytest

from components.gke_kubernetes_provider import gke_kubernetes_provider
from components.kubernetes_identity import KubernetesIdentity, KubernetesIdentityArgs
from tests.unit.support import CA_CERTIFICATE, KUBERNETES_PROVIDER, KUBERNETES_SERVICE_ACCOUNT, Built, build

TOKEN = "gcpawswif:kubernetes:Identity"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"


def build_identity(**overrides: Any) -> Built:
    args: dict[str, Any] = {"namespace": "default", "service_account": "s3-reader", "manage": True}
    return build(lambda: KubernetesIdentity("s3-reader-kubernetes", cast(KubernetesIdentityArgs, args | overrides)))


def test_its_name_is_the_configured_one_and_not_made_up() -> None:
    metadata = build_identity(labels={"team": "data"}).one(KUBERNETES_SERVICE_ACCOUNT).inputs["metadata"]
    assert metadata == {"namespace": "default", "name": "s3-reader", "labels": {"team": "data"}}


def test_the_annotation_names_the_google_service_account() -> None:
    metadata = build_identity(gcp_service_account_email=EMAIL).one(KUBERNETES_SERVICE_ACCOUNT).inputs["metadata"]
    assert metadata["annotations"] == {"iam.gke.io/gcp-service-account": EMAIL}


def test_it_belongs_to_the_component_and_makes_room_for_its_replacement() -> None:
    built = build_identity()
    service_account = built.one(KUBERNETES_SERVICE_ACCOUNT)
    assert service_account.parent == built.one(TOKEN).urn
    assert service_account.delete_before_replace


@pytest.mark.parametrize("manage", [True, False])
def test_its_outputs_are_the_same_whoever_makes_it(manage: bool) -> None:
    assert build_identity(manage=manage).outputs_of(TOKEN) == {
        "service_account": "default/s3-reader",
        "subject": "system:serviceaccount:default:s3-reader",
    }


def test_a_service_account_that_something_else_makes_is_not_registered() -> None:
    assert build_identity(manage=False).all(KUBERNETES_SERVICE_ACCOUNT) == []


def build_provider() -> Built:
    def program() -> None:
        cluster = gcp.container.get_cluster_output(
            project="mgr-product-sbx", location="europe-west1", name="mgr-main-sbx"
        )
        gke_kubernetes_provider("gke-cluster", cluster)

    return build(program)


def test_the_provider_is_the_configured_clusters_own() -> None:
    provider = build_provider().one(KUBERNETES_PROVIDER, "gke-cluster").inputs
    kubeconfig = json.loads(provider["kubeconfig"])
    assert kubeconfig["clusters"][0]["cluster"] == {
        "server": "https://198.51.100.7",
        "certificate-authority-data": CA_CERTIFICATE,
    }
    assert provider["clusterIdentifier"] == ("projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"), (
        "an address that changes must not replace the service accounts"
    )


def test_the_kubeconfig_holds_no_credential() -> None:
    (user,) = json.loads(build_provider().one(KUBERNETES_PROVIDER).inputs["kubeconfig"])["users"]
    assert set(user["user"]) == {"exec"}
    assert user["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"


@pytest.mark.parametrize("key", ["kubernetes:context", "kubernetes:kubeconfig"])
def test_a_cluster_named_in_the_stacks_config_wins(key: str) -> None:
    pulumi.runtime.set_all_config({key: "mine"})
    assert build_provider().all(KUBERNETES_PROVIDER) == []
