from typing import Any, cast

import pulumi
import pytest

from components.workload_identity_pool import WorkloadIdentityPool, WorkloadIdentityPoolArgs
from federation.workload_identity import (
    aws_attribute_condition,
    aws_attribute_mapping,
    oidc_attribute_condition,
    oidc_attribute_mapping,
)
from tests.unit.support import (
    ACCOUNT_ID,
    LOOKED_UP_FEDERATION,
    OUTBOUND_FEDERATION,
    OUTBOUND_ISSUER,
    POOL,
    POOL_PROVIDER,
    Built,
    World,
    build,
)

TOKEN = "gcpawswif:gcp:WorkloadIdentityPool"
ROLES = ["GCPWorkloadIAMRole", "AnotherRole"]
POOL_NAME = "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool"


def build_pool(
    provider: dict[str, Any] | None = None,
    partition: str = "aws",
    looked_up: dict[str, Any] | None = None,
    **overrides: Any,
) -> Built:
    args: dict[str, Any] = {
        "project": "mgr-product-sbx",
        "pool_id": "poc-aws-pool",
        "mode": "create",
        "display_name": "AWS Workload Identity Pool",
        "provider": {"provider_id": "aws-provider", "kind": "aws", "display_name": "AWS OIDC Provider"},
        "role_names": ROLES,
    }
    args["provider"] |= provider or {}
    return build(
        lambda: WorkloadIdentityPool("workload-identity", cast(WorkloadIdentityPoolArgs, args | overrides)),
        World(partition=partition, pool=looked_up or {}),
    )


def test_the_pool_is_the_configured_one() -> None:
    assert build_pool(description="AWS roles.").one(POOL).inputs == {
        "project": "mgr-product-sbx",
        "workloadIdentityPoolId": "poc-aws-pool",
        "displayName": "AWS Workload Identity Pool",
        "description": "AWS roles.",
    }


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_kind_aws_pins_account_and_roles_of_the_partition_that_aws_names(partition: str) -> None:
    provider = build_pool(partition=partition).one(POOL_PROVIDER)
    assert provider.inputs == {
        "project": "mgr-product-sbx",
        "workloadIdentityPoolId": "poc-aws-pool",
        "workloadIdentityPoolProviderId": "aws-provider",
        "displayName": "AWS OIDC Provider",
        "attributeMapping": aws_attribute_mapping(partition, ACCOUNT_ID),
        "attributeCondition": aws_attribute_condition(partition, ACCOUNT_ID, ROLES),
        "aws": {"accountId": ACCOUNT_ID},
    }


def test_kind_oidc_takes_the_accounts_own_issuer_and_one_audience() -> None:
    built = build_pool({"kind": "oidc", "issuer": "outbound"})
    inputs = built.one(POOL_PROVIDER).inputs
    assert inputs["oidc"] == {"issuerUri": OUTBOUND_ISSUER, "allowedAudiences": ["sts.amazonaws.com"]}
    assert inputs["attributeMapping"] == oidc_attribute_mapping()
    assert inputs["attributeCondition"] == oidc_attribute_condition("aws", ACCOUNT_ID, ROLES)
    assert "aws" not in inputs


def test_the_accounts_federation_is_left_as_it_is_unless_asked_for() -> None:
    built = build_pool({"kind": "oidc", "issuer": "outbound"})
    assert built.all(OUTBOUND_FEDERATION) == []
    assert LOOKED_UP_FEDERATION in built.invoked


def test_the_accounts_federation_can_be_turned_on() -> None:
    built = build_pool({"kind": "oidc", "issuer": "outbound", "outbound_federation": "create"})
    assert built.one(OUTBOUND_FEDERATION).parent == built.one(TOKEN).urn
    assert built.one(POOL_PROVIDER).inputs["oidc"]["issuerUri"] == OUTBOUND_ISSUER
    assert LOOKED_UP_FEDERATION not in built.invoked


def test_an_issuer_can_be_given() -> None:
    built = build_pool({"kind": "oidc", "issuer": "https://issuer.example.com"})
    assert built.one(POOL_PROVIDER).inputs["oidc"]["issuerUri"] == "https://issuer.example.com"
    assert LOOKED_UP_FEDERATION not in built.invoked


def test_no_role_that_returns_means_that_nobody_is_admitted() -> None:
    assert build_pool(role_names=[]).one(POOL_PROVIDER).inputs["attributeCondition"] == "false"


@pytest.mark.parametrize("mode", ["create", "lookup"])
def test_its_outputs_have_the_project_number_whoever_made_the_pool(mode: str) -> None:
    assert build_pool(mode=mode).outputs_of(TOKEN) == {
        "pool_name": POOL_NAME,
        "provider_name": f"{POOL_NAME}/providers/aws-provider",
    }


def test_another_stacks_pool_gets_a_provider_and_is_not_owned() -> None:
    built = build_pool(mode="lookup")
    assert built.all(POOL) == []
    assert built.one(POOL_PROVIDER).inputs["workloadIdentityPoolId"] == "poc-aws-pool"


@pytest.mark.parametrize(
    ("looked_up", "command"),
    [
        ({"state": "DELETED"}, "gcloud iam workload-identity-pools undelete poc-aws-pool --project=mgr-product-sbx"),
        ({"disabled": True}, "gcloud iam workload-identity-pools update poc-aws-pool --project=mgr-product-sbx"),
    ],
)
def test_another_stacks_pool_that_cannot_be_used_is_refused_with_the_command(
    looked_up: dict[str, Any], command: str
) -> None:
    with pytest.raises(pulumi.RunError, match=command):
        build_pool(mode="lookup", looked_up=looked_up)


def test_nothing_is_deleted_before_a_replacement_that_google_may_refuse() -> None:
    built = build_pool()
    for child in (built.one(POOL), built.one(POOL_PROVIDER)):
        assert child.parent == built.one(TOKEN).urn
        assert not child.delete_before_replace, "the id of a deleted one is taken for 30 days"
