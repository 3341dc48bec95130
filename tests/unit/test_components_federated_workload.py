"""What each choice of routes and way back registers, and what it does not."""

from typing import Any

import pytest

from federation.external_account import external_account
from federation.pod_patch import pod_patch
from tests.unit.support import (
    ACCOUNT,
    ACCOUNT_MEMBER,
    KUBERNETES_SERVICE_ACCOUNT,
    ROLE,
    ROLE_POLICY,
    Built,
    guide,
    run_stack,
)

EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"
ROLE_ARN = "arn:aws:iam::211125558983:role/GCPWorkloadIAMRole"
PROVIDER_NAME = "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool/providers/aws-provider"
ANNOTATION = "iam.gke.io/gcp-service-account"


def run_workload(
    routes: list[str], returns: bool = False, provider: dict[str, Any] | None = None, **overrides: Any
) -> Built:
    """The guide's stack, with its workload by these routes and with what they need."""
    config = guide()
    (workload,) = config["gcp-aws-wif:workloads"]
    workload |= {"routes": routes, "returnToGcp": returns} | overrides
    if "google" not in routes and not returns:
        del workload["gcpServiceAccount"]
    if "cluster" not in routes:
        del config["gcp-aws-wif:awsOidcProvider"]
    if returns:
        config["gcp-aws-wif:workloadIdentityPool"]["provider"] |= provider or {}
    else:
        del config["gcp-aws-wif:workloadIdentityPool"]
    return run_stack(config)


def sids(built: Built) -> list[str]:
    return [statement["Sid"] for statement in built.document(ROLE, "assumeRolePolicy")["Statement"]]


def members(built: Built) -> set[str]:
    return {each.name for each in built.all(ACCOUNT_MEMBER)}


def summary(built: Built) -> dict[str, Any]:
    found: dict[str, Any] = built.exports["workloads"]["s3-reader"]
    return found


def test_route_cluster_alone_needs_no_google_service_account() -> None:
    built = run_workload(["cluster"])
    assert built.all(ACCOUNT) == []
    assert sids(built) == ["ClusterServiceAccount"]
    assert "annotations" not in built.one(KUBERNETES_SERVICE_ACCOUNT).inputs["metadata"]


def test_route_google_alone_needs_no_oidc_provider() -> None:
    built = run_workload(["google"])
    assert built.exports.get("aws_oidc_provider_arn") is None
    assert sids(built) == ["GoogleServiceAccount"]
    assert built.one(KUBERNETES_SERVICE_ACCOUNT).inputs["metadata"]["annotations"] == {ANNOTATION: EMAIL}
    assert members(built) == {"s3-reader-gcp-kubernetes-user"}


def test_both_routes_are_two_statements_of_one_trust() -> None:
    assert sids(run_workload(["google", "cluster"])) == ["GoogleServiceAccount", "ClusterServiceAccount"]


def test_route_cluster_with_a_way_back_has_an_account_that_only_the_role_may_be() -> None:
    built = run_workload(["cluster"], returns=True)
    assert members(built) == {"s3-reader-return-to-gcp"}
    assert sids(built) == ["ClusterServiceAccount"]
    assert "annotations" not in built.one(KUBERNETES_SERVICE_ACCOUNT).inputs["metadata"]


def test_without_a_way_back_the_role_may_be_no_account() -> None:
    assert "s3-reader-return-to-gcp" not in members(run_workload(["google"]))


def test_the_way_back_by_kind_aws_needs_no_permission() -> None:
    assert run_workload(["cluster"], returns=True).all(ROLE_POLICY) == []


def test_the_way_back_by_kind_oidc_allows_the_role_its_tokens() -> None:
    built = run_workload(["cluster"], returns=True, provider={"kind": "oidc", "issuer": "outbound"})
    assert [policy.name for policy in built.all(ROLE_POLICY)] == ["s3-reader-aws-outbound-tokens"]


def test_a_workload_that_stays_gets_no_tokens_though_others_return() -> None:
    config = guide()
    config["gcp-aws-wif:workloadIdentityPool"]["provider"] |= {"kind": "oidc", "issuer": "outbound"}
    config["gcp-aws-wif:workloads"].append(
        {
            "name": "stays",
            "routes": ["cluster"],
            "kubernetes": {"namespace": "default", "serviceAccount": "stays"},
            "awsRole": {"name": "Stays", "s3": "read-only"},
        }
    )
    assert [policy.name for policy in run_stack(config).all(ROLE_POLICY)] == ["s3-reader-aws-outbound-tokens"]


def test_a_workload_outside_kubernetes_has_neither_a_service_account_there_nor_a_patch() -> None:
    config = guide()
    config["gcp-aws-wif:workloads"][0]["routes"] = ["google"]
    del config["gcp-aws-wif:workloads"][0]["kubernetes"], config["gcp-aws-wif:awsOidcProvider"]
    built = run_stack(config)
    assert built.all(KUBERNETES_SERVICE_ACCOUNT) == []
    assert members(built) == {"s3-reader-return-to-gcp"}
    assert summary(built)["pod_patch"] == {}
    assert summary(built).get("kubernetes_service_account") is None


def test_the_summary_has_what_a_pod_needs_by_each_route() -> None:
    built = run_workload(["google", "cluster"], returns=True)
    patches = {
        route: pod_patch(
            route=route,
            role_arn=ROLE_ARN,
            audience="sts.amazonaws.com",
            region="eu-west-1",
            service_account="s3-reader",
        )
        for route in ("google", "cluster")
    }
    assert summary(built) == {
        "routes": ["google", "cluster"],
        "audience": "sts.amazonaws.com",
        "aws_role_arn": ROLE_ARN,
        "gcp_service_account_email": EMAIL,
        "gcp_service_account_unique_id": "115000000000000000001",
        "kubernetes_service_account": "default/s3-reader",
        "pod_patch": patches,
        "external_account": external_account(kind="aws", provider_name=PROVIDER_NAME, service_account_email=EMAIL),
    }


def test_the_patch_is_for_the_configured_container_and_says_to_a_webhook_what_is_asked_for() -> None:
    config = guide()
    config["gcp-aws-wif:workloads"][0]["kubernetes"] |= {"container": "web", "skipPodIdentityWebhook": True}
    template = summary(run_stack(config))["pod_patch"]["cluster"]["spec"]["template"]
    assert [container["name"] for container in template["spec"]["containers"]] == ["web"]
    assert template["metadata"]["annotations"] == {"eks.amazonaws.com/skip-containers": "web"}


def test_the_summary_has_no_credential_file_without_a_way_back() -> None:
    assert summary(run_workload(["google"])).get("external_account") is None


@pytest.mark.parametrize("routes", [["google"], ["cluster"], ["google", "cluster"]])
def test_the_audience_is_the_same_in_the_trust_and_in_the_pod(routes: list[str]) -> None:
    role = {"name": "GCPWorkloadIAMRole", "audience": "my-audience", "s3": "read-only"}
    config = guide()
    config["gcp-aws-wif:awsOidcProvider"]["clientIds"] = ["my-audience"]
    config["gcp-aws-wif:workloads"][0] |= {"routes": routes, "awsRole": role}
    if "cluster" not in routes:
        del config["gcp-aws-wif:awsOidcProvider"]
    built = run_stack(config)
    for statement in built.document(ROLE, "assumeRolePolicy")["Statement"]:
        assert "my-audience" in statement["Condition"]["StringEquals"].values()
    for route in routes:
        assert "my-audience" in str(summary(built)["pod_patch"][route])
