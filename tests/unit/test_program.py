"""The whole program with the guide's stack file, and what must hold of any stack file."""

import json
import traceback
from collections import Counter
from typing import Any

import pulumi
import pytest
from pulumi.output import Unknown

from tests.unit.support import (
    ACCOUNT,
    ACCOUNT_MEMBER,
    ENABLED_POOL,
    KUBERNETES_PROVIDER,
    KUBERNETES_SERVICE_ACCOUNT,
    OIDC_PROVIDER,
    POOL,
    POOL_PROVIDER,
    ROLE,
    ROLE_POLICY_ATTACHMENT,
    Built,
    World,
    guide,
    run_refused_stack,
    run_stack,
)

ISSUER = "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
POOL_NAME = "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool"
ROLE_ARN = "arn:aws:iam::211125558983:role/GCPWorkloadIAMRole"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def sbx() -> Built:
    return run_stack(guide())


def workload(name: str, **overrides: Any) -> dict[str, Any]:
    return {
        "name": name,
        "routes": ["google", "cluster"],
        "kubernetes": {"namespace": "default", "serviceAccount": name, "manage": True},
        "gcpServiceAccount": {"id": f"sa-{name}"},
        "awsRole": {"name": f"Role-{name}", "s3": "read-only"},
        "returnToGcp": True,
        **overrides,
    }


def with_workloads(*workloads: dict[str, Any]) -> dict[str, Any]:
    return {**guide(), "gcp-aws-wif:workloads": list(workloads)}


def trusted(built: Built, sid: str) -> dict[str, Any]:
    statements = built.document(ROLE, "assumeRolePolicy")["Statement"]
    (condition,) = (statement["Condition"]["StringEquals"] for statement in statements if statement["Sid"] == sid)
    decoded: dict[str, Any] = condition
    return decoded


def test_the_guides_stack_is_this_tree_of_resources(sbx: Built) -> None:
    names = {registered.urn: registered.name for registered in sbx.registered}
    assert {(names.get(each.parent, ""), each.type, each.name) for each in sbx.registered} == {
        ("", "gcpawswif:gcp:GkeWorkloadPool", "gke"),
        ("gke", ENABLED_POOL, "gke-enabled"),
        ("", KUBERNETES_PROVIDER, "gke-cluster"),
        ("", "gcpawswif:aws:OidcProvider", "aws-oidc"),
        ("aws-oidc", OIDC_PROVIDER, "aws-oidc-provider"),
        ("", "gcpawswif:gcp:WorkloadIdentityPool", "workload-identity"),
        ("workload-identity", POOL, "workload-identity-pool"),
        ("workload-identity", POOL_PROVIDER, "workload-identity-provider"),
        ("", "gcpawswif:index:FederatedWorkload", "s3-reader"),
        ("s3-reader", "gcpawswif:gcp:ServiceAccount", "s3-reader-gcp"),
        ("s3-reader-gcp", ACCOUNT, "s3-reader-gcp-account"),
        ("s3-reader-gcp", ACCOUNT_MEMBER, "s3-reader-gcp-kubernetes-user"),
        ("s3-reader", "gcpawswif:kubernetes:Identity", "s3-reader-kubernetes"),
        ("s3-reader-kubernetes", KUBERNETES_SERVICE_ACCOUNT, "s3-reader-kubernetes-service-account"),
        ("s3-reader", "gcpawswif:aws:WorkloadRole", "s3-reader-aws"),
        ("s3-reader-aws", ROLE, "s3-reader-aws-role"),
        ("s3-reader-aws", ROLE_POLICY_ATTACHMENT, "s3-reader-aws-s3-read-only"),
        ("s3-reader", ACCOUNT_MEMBER, "s3-reader-return-to-gcp"),
    }, "a name or parent that changes replaces what hangs on it in every stack that is up"


def test_its_exports_are_the_documented_ones(sbx: Built) -> None:
    exports = json.loads(json.dumps(sbx.exports))
    workloads = exports.pop("workloads")
    assert exports == {
        "gke_workload_pool": "mgr-product-sbx.svc.id.goog",
        "gke_issuer": ISSUER,
        "aws_oidc_provider_arn": f"arn:aws:iam::211125558983:oidc-provider/{ISSUER.removeprefix('https://')}",
        "workload_identity_pool": POOL_NAME,
        "workload_identity_provider": f"{POOL_NAME}/providers/aws-provider",
    }
    assert list(workloads) == ["s3-reader"]


def test_the_roles_trust_is_made_of_the_service_accounts_and_the_clusters_own_outputs(sbx: Built) -> None:
    assert trusted(sbx, "GoogleServiceAccount") == {
        "accounts.google.com:sub": "115000000000000000001",
        "accounts.google.com:oaud": "sts.amazonaws.com",
        "accounts.google.com:aud": ["115000000000000000001", EMAIL],
    }
    assert trusted(sbx, "ClusterServiceAccount") == {
        f"{ISSUER.removeprefix('https://')}:sub": "system:serviceaccount:default:s3-reader",
        f"{ISSUER.removeprefix('https://')}:aud": "sts.amazonaws.com",
    }


def test_a_service_account_made_anew_is_trusted_in_the_same_run_and_the_old_one_no_more() -> None:
    anew = run_stack(guide(), World(unique_ids=lambda: "999999999999999999999"))
    assert trusted(anew, "GoogleServiceAccount")["accounts.google.com:sub"] == "999999999999999999999"
    assert "115000000000000000001" not in anew.one(ROLE).inputs["assumeRolePolicy"]


def test_the_member_of_the_way_back_is_the_guides_to_the_letter(sbx: Built) -> None:
    assert sbx.one(ACCOUNT_MEMBER, "s3-reader-return-to-gcp").inputs == {
        "serviceAccountId": f"projects/mgr-product-sbx/serviceAccounts/{EMAIL}",
        "role": "roles/iam.workloadIdentityUser",
        "member": f"principal://iam.googleapis.com/{POOL_NAME}/subject/{ROLE_ARN}",
    }


def test_the_kubernetes_service_account_goes_to_the_configured_cluster(sbx: Built) -> None:
    provider = sbx.one(KUBERNETES_PROVIDER, "gke-cluster")
    assert sbx.one(KUBERNETES_SERVICE_ACCOUNT).provider.startswith(provider.urn)


def test_without_a_managed_service_account_the_cluster_is_not_connected_to() -> None:
    unmanaged = workload("alpha", kubernetes={"namespace": "default", "serviceAccount": "alpha", "manage": False})
    assert run_stack(with_workloads(unmanaged)).all(KUBERNETES_PROVIDER) == []


def test_a_preview_shows_what_is_certain_and_leaves_open_what_the_clouds_decide() -> None:
    preview = run_stack(guide(), World(known_at_preview=False), preview=True)
    assert preview.exports["gke_workload_pool"] == "mgr-product-sbx.svc.id.goog"
    assert preview.exports["gke_issuer"] == ISSUER
    assert preview.exports["workloads"]["s3-reader"]["routes"] == ["google", "cluster"]
    assert isinstance(preview.exports["workloads"]["s3-reader"]["gcp_service_account_unique_id"], Unknown)
    assert isinstance(preview.one(ROLE).inputs["assumeRolePolicy"], Unknown)
    assert preview.one(ROLE).inputs["name"] == "GCPWorkloadIAMRole"
    assert preview.one(OIDC_PROVIDER).inputs["url"] == ISSUER
    kubernetes_user = preview.one(ACCOUNT_MEMBER, "s3-reader-gcp-kubernetes-user").inputs
    assert kubernetes_user["member"] == "serviceAccount:mgr-product-sbx.svc.id.goog[default/s3-reader]"


def test_a_preview_registers_the_same_resources_as_an_update(sbx: Built) -> None:
    preview = run_stack(guide(), World(known_at_preview=False), preview=True)
    assert {each.urn for each in preview.registered} == {each.urn for each in sbx.registered}


@pytest.mark.parametrize("protect", [True, False])
def test_protect_is_for_everything_that_the_program_makes_or_for_nothing(protect: bool) -> None:
    built = run_stack({**guide(), "gcp-aws-wif:protect": protect})
    made = [each for each in built.registered if each.type != KUBERNETES_PROVIDER]
    assert {each.protect for each in made} == {protect}


def test_tags_and_labels_of_the_stack_reach_both_clouds() -> None:
    config = {**guide(), "gcp-aws-wif:tags": {"team": "data"}, "gcp-aws-wif:labels": {"team": "data"}}
    config["gcp-aws-wif:workloads"][0]["awsRole"]["tags"] = {"cost": "7"}
    built = run_stack(config)
    assert built.one(ROLE).inputs["tags"] == {"team": "data", "cost": "7"}
    assert built.one(OIDC_PROVIDER).inputs["tags"] == {"team": "data"}
    assert built.one(KUBERNETES_SERVICE_ACCOUNT).inputs["metadata"]["labels"] == {"team": "data"}


@pytest.fixture(scope="module")
def three() -> Built:
    return run_stack(with_workloads(workload("alpha"), workload("beta"), workload("gamma")))


def test_no_two_resources_have_the_same_urn(three: Built) -> None:
    urns = Counter(each.urn for each in three.registered)
    assert [urn for urn, times in urns.items() if times > 1] == [], "mocks do not notice, the engine refuses it"


def test_every_component_registers_its_outputs_once(three: Built) -> None:
    components = [each.urn for each in three.registered if each.type.startswith("gcpawswif:")]
    registrations = [urn for urn in three.output_registrations if "pulumi:pulumi:Stack::" not in urn]
    assert sorted(registrations) == sorted(components)


def test_every_child_is_named_after_the_component_it_belongs_to(three: Built) -> None:
    names = {each.urn: each.name for each in three.registered}
    children = [(each.name, names[each.parent]) for each in three.registered if each.parent in names]
    assert len(children) == len(three.registered) - 7, "4 shared things and 3 workloads belong to the stack alone"
    assert [child for child, parent in children if not child.startswith(f"{parent}-")] == []


def test_every_workload_trusts_its_own_service_account_and_no_other(three: Built) -> None:
    subjects = [
        statement["Condition"]["StringEquals"]["accounts.google.com:sub"]
        for role in three.all(ROLE)
        for statement in json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        if statement["Sid"] == "GoogleServiceAccount"
    ]
    assert len(set(subjects)) == len(subjects) == 3


def test_workloads_share_the_pool_and_the_oidc_provider(three: Built) -> None:
    assert len(three.all(POOL)) == len(three.all(POOL_PROVIDER)) == len(three.all(OIDC_PROVIDER)) == 1
    condition = three.one(POOL_PROVIDER).inputs["attributeCondition"]
    assert all(f"assumed-role/Role-{name}/" in condition for name in ("alpha", "beta", "gamma"))


@pytest.mark.parametrize("names", [["gamma", "beta", "alpha"], ["alpha", "gamma"], ["alpha", "beta", "gamma", "delta"]])
def test_reordering_adding_or_removing_a_workload_leaves_the_others_as_they_are(three: Built, names: list[str]) -> None:
    changed = run_stack(with_workloads(*map(workload, names)), World(unique_ids=lambda: "1" * 21))
    kept = {"alpha", "beta", "gamma"} & set(names)

    def of_kept_workloads(built: Built) -> set[str]:
        return {each.urn for each in built.registered if each.name.split("-")[0] in kept}

    assert of_kept_workloads(changed) == of_kept_workloads(three)


def test_workloads_may_be_in_other_projects_than_the_stacks() -> None:
    config = with_workloads(workload("alpha", gcpServiceAccount={"id": "sa-alpha", "project": "identities-sbx"}))
    config["gcp-aws-wif:cluster"]["project"] = "clusters-sbx"
    config["gcp-aws-wif:workloadIdentityPool"]["project"] = "pools-sbx"
    built = run_stack(config)
    assert built.one(ACCOUNT).inputs["project"] == "identities-sbx"
    assert built.one(POOL).inputs["project"] == built.one(POOL_PROVIDER).inputs["project"] == "pools-sbx"
    member = built.one(ACCOUNT_MEMBER, "alpha-gcp-kubernetes-user").inputs["member"]
    assert member == "serviceAccount:clusters-sbx.svc.id.goog[default/alpha]", "the pool is the cluster's project's"
    assert "/projects/clusters-sbx/" in built.one(OIDC_PROVIDER).inputs["url"]


def test_a_config_with_errors_registers_nothing_and_tells_all_of_them_without_a_traceback() -> None:
    config = guide()
    config["gcp-aws-wif:workloads"][0]["routes"] = ["carrier-pigeon"]
    config["gcp-aws-wif:cluster"]["colour"] = "blue"
    built, error = run_refused_stack(config)
    assert built.registered == []
    assert isinstance(error, pulumi.RunError), "the one exception of which Pulumi prints just the text"
    assert "routes" in str(error)
    assert "carrier-pigeon" in str(error)
    assert "gcp-aws-wif:cluster.colour" in str(error)
    assert "ValidationError" not in "".join(traceback.format_exception(error))


def test_a_workload_pool_that_is_off_stops_the_program_before_it_makes_anything() -> None:
    config = guide()
    config["gcp-aws-wif:cluster"]["workloadPool"] = "verify"
    built, error = run_refused_stack(config, World(cluster={"workloadIdentityConfigs": []}))
    assert [each.type for each in built.registered] == ["gcpawswif:gcp:GkeWorkloadPool"]
    assert "gcloud container clusters update mgr-main-sbx" in str(error)


def test_a_key_that_the_program_does_not_know_is_refused_though_nothing_asks_for_it() -> None:
    built, error = run_refused_stack({**guide(), "gcp-aws-wif:workload": []})
    assert built.registered == []
    assert "gcp-aws-wif:workload" in str(error)


def test_what_is_hardly_meant_is_a_warning() -> None:
    config = guide()
    config["gcp-aws-wif:workloads"][0]["kubernetes"]["serviceAccount"] = "default"
    (warning,) = run_stack(config).warnings
    assert "every pod of the namespace" in warning


def test_the_guides_stack_has_no_warning(sbx: Built) -> None:
    assert sbx.warnings == []
