"""IAM: workload identity pools and providers."""

from typing import Any

import pytest

from sandbox import seed
from tests.sandbox.google.conftest import POOLS, Api, Clock
from tests.sandbox.google.support import refusal

POOL = f"{POOLS}/poc-aws-pool"
PROVIDER = f"{POOL}/providers/aws-provider"
POOL_NAME = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/poc-aws-pool"
AWS: dict[str, Any] = {"aws": {"accountId": seed.ACCOUNT_ID}}
OIDC: dict[str, Any] = {
    "oidc": {"issuerUri": "https://issuer.example", "allowedAudiences": ["sts.amazonaws.com"]},
    "attributeMapping": {"google.subject": "assertion.sub"},
}
DAY = 86400


def test_creating_a_pool_is_an_operation_under_the_project_number(api: Api, clock: Clock) -> None:
    operation = api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {"displayName": "AWS Workload Identity Pool"})
    assert operation["name"].startswith(f"{POOL_NAME}/operations/")
    assert "done" not in operation
    clock.advance(1)
    done = api.get(f"/v1/{operation['name']}")
    assert done["done"] is True
    assert done["response"]["displayName"] == "AWS Workload Identity Pool"
    assert api.get(POOL) == {
        "name": POOL_NAME,
        "state": "ACTIVE",
        "displayName": "AWS Workload Identity Pool",
    }


def test_a_new_pool_has_no_attestation_rules(api: Api) -> None:
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    assert api.get(f"{POOL}:listAttestationRules") == {}


def test_an_operation_that_never_was_is_not_found(api: Api) -> None:
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    assert refusal(api.http.get(f"{POOL}/operations/other"))[:2] == (404, "NOT_FOUND")


def test_creating_a_provider_is_an_operation_under_the_pool(api: Api, clock: Clock) -> None:
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    operation = api.post(f"{POOL}/providers?workloadIdentityPoolProviderId=aws-provider", OIDC)
    assert operation["name"].startswith(f"{POOL_NAME}/providers/aws-provider/operations/")
    clock.advance(1)
    assert api.get(f"/v1/{operation['name']}")["response"]["oidc"] == OIDC["oidc"]
    assert api.get(PROVIDER) == {"name": f"{POOL_NAME}/providers/aws-provider", "state": "ACTIVE", **OIDC}


def test_a_deleted_pool_keeps_its_id_for_30_days(api: Api, clock: Clock) -> None:
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    api.http.delete(POOL).raise_for_status()
    deleted = api.get(POOL)
    assert deleted["state"] == "DELETED"
    assert "expireTime" in deleted
    assert refusal(api.http.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", json={})) == (
        409,
        "ALREADY_EXISTS",
        "Requested entity already exists",
    )
    clock.advance(31 * DAY)
    assert refusal(api.http.get(POOL))[:2] == (404, "NOT_FOUND")
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    assert api.get(POOL)["state"] == "ACTIVE"


def test_a_deleted_provider_keeps_its_id_whatever_the_kind_of_the_new_one(api: Api) -> None:
    api.create_provider(AWS)
    api.http.delete(PROVIDER).raise_for_status()
    response = api.http.post(f"{POOL}/providers?workloadIdentityPoolProviderId=aws-provider", json=OIDC)
    assert refusal(response)[:2] == (409, "ALREADY_EXISTS")


@pytest.mark.parametrize("path", [POOL, PROVIDER])
def test_what_is_deleted_can_be_undeleted_but_not_changed_or_deleted_again(api: Api, path: str) -> None:
    api.create_provider(AWS)
    api.http.delete(path).raise_for_status()
    assert refusal(api.http.delete(path))[1] == "NOT_FOUND"
    assert refusal(api.http.patch(f"{path}?updateMask=displayName", json={"displayName": "x"}))[1] == "NOT_FOUND"
    api.post(f"{path}:undelete")
    assert api.get(path)["state"] == "ACTIVE"
    assert refusal(api.http.post(f"{path}:undelete"))[1] == "FAILED_PRECONDITION"


def test_lists_show_deleted_ones_on_request(api: Api) -> None:
    api.create_provider(AWS)
    api.http.delete(PROVIDER).raise_for_status()
    api.http.delete(POOL).raise_for_status()
    assert api.get(POOLS) == {}
    assert [pool["state"] for pool in api.get(f"{POOLS}?showDeleted=true")["workloadIdentityPools"]] == ["DELETED"]
    assert api.get(f"{POOL}/providers") == {}
    providers = api.get(f"{POOL}/providers?showDeleted=true")["workloadIdentityPoolProviders"]
    assert [provider["state"] for provider in providers] == ["DELETED"]


def test_no_provider_can_be_created_in_a_deleted_pool(api: Api) -> None:
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    api.http.delete(POOL).raise_for_status()
    response = api.http.post(f"{POOL}/providers?workloadIdentityPoolProviderId=aws-provider", json=AWS)
    assert refusal(response)[1] == "FAILED_PRECONDITION"


def test_an_update_changes_and_clears_what_its_mask_names(api: Api) -> None:
    api.create_provider({**OIDC, "description": "kept", "displayName": "cleared"})
    wanted = {"oidc": {"issuerUri": "https://other.example"}, "description": "ignored"}
    mask = "oidc.allowed_audiences,oidc.issuer_uri,displayName"
    api.http.patch(f"{PROVIDER}?updateMask={mask}", json=wanted).raise_for_status()
    provider = api.get(PROVIDER)
    assert provider["oidc"] == {"issuerUri": "https://other.example"}
    assert provider["description"] == "kept"
    assert "displayName" not in provider


def test_an_update_is_held_to_the_same_rules(api: Api) -> None:
    api.create_provider(OIDC)
    wanted = {"oidc": {"issuerUri": "http://issuer.example"}}
    assert refusal(api.http.patch(f"{PROVIDER}?updateMask=oidc.issuer_uri", json=wanted))[1] == "INVALID_ARGUMENT"
    assert api.get(PROVIDER)["oidc"] == OIDC["oidc"]


@pytest.mark.parametrize("path", [POOL, PROVIDER])
def test_an_update_without_a_mask_is_refused(api: Api, path: str) -> None:
    api.create_provider(AWS)
    assert refusal(api.http.patch(path, json={"displayName": "x"}))[1] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("path", [f"{POOLS}/other", f"{POOL}/providers/other", f"{POOLS}/other/providers"])
def test_what_never_was_is_not_found(api: Api, path: str) -> None:
    api.create_provider(AWS)
    assert refusal(api.http.get(path))[:2] == (404, "NOT_FOUND")


def test_a_providers_kind_can_not_be_changed(api: Api) -> None:
    api.create_provider(AWS)
    response = api.http.patch(f"{PROVIDER}?updateMask=aws,oidc,attributeMapping", json=OIDC)
    assert refusal(response)[1] == "INVALID_ARGUMENT"
    assert "aws" in api.get(PROVIDER)


@pytest.mark.parametrize("identifier", ["", "abc", "a" * 33, "Upper", "under_score", "gcp-mine"])
def test_an_id_outside_the_limits_is_refused(api: Api, identifier: str) -> None:
    response = api.http.post(f"{POOLS}?workloadIdentityPoolId={identifier}", json={})
    assert refusal(response)[:2] == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("pool", [{"displayName": "x" * 33}, {"description": "x" * 257}, {"surprise": True}])
def test_a_pool_outside_the_limits_is_refused(api: Api, pool: dict[str, Any]) -> None:
    response = api.http.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", json=pool)
    assert refusal(response)[:2] == (400, "INVALID_ARGUMENT")


def oidc(**changes: Any) -> dict[str, Any]:
    return {**OIDC, "oidc": {**OIDC["oidc"], **changes}}


def mapping(**expressions: str) -> dict[str, Any]:
    return {**OIDC, "attributeMapping": {"google.subject": "assertion.sub", **expressions}}


@pytest.mark.parametrize(
    ("provider", "part_of_message"),
    [
        (oidc(issuerUri="http://issuer.example"), "Invalid OIDC issuer URI. The scheme must be https."),
        (oidc(issuerUri="issuer"), "Invalid OIDC issuer URI."),
        (oidc(issuerUri="https://issuer.example?tenant=1"), "Invalid OIDC issuer URI."),
        (oidc(allowedAudiences=[f"a{number}" for number in range(11)]), "10 allowed audiences"),
        (oidc(allowedAudiences=["x" * 257]), "256 characters"),
        (oidc(jwksJson="{"), "Input JWK is not in a valid json format."),
        ({"oidc": OIDC["oidc"]}, "google.subject"),
        (AWS | {"attributeMapping": {"attribute.role": "assertion.arn"}}, "google.subject"),
        (AWS | {"displayName": "x" * 33}, "32 characters"),
        ({"aws": {"accountId": "abc"}}, "12 digits"),
        ({}, "exactly one of aws and oidc"),
        (AWS | OIDC, "exactly one of aws and oidc"),
        (mapping(**{"attribute.Role": "assertion.role"}), "attribute.Role"),
        (mapping(**{"attribute." + "a" * 101: "assertion.role"}), "Invalid attribute"),
        (mapping(**{f"attribute.a{number}": "'x'" for number in range(51)}), "50 custom attributes"),
        (mapping(**{"attribute.role": "'" + "x" * 2047 + "'"}), "2048 characters"),
        (mapping(**{"attribute.role": "assertion."}), "mapping of attribute.role"),
        (OIDC | {"attributeCondition": "x" * 4097}, "4096 characters"),
        (OIDC | {"attributeCondition": "assertion.sub =="}, "attribute condition"),
        (OIDC | {"saml": {}}, "field saml"),
    ],
)
def test_a_provider_outside_the_limits_is_refused(api: Api, provider: dict[str, Any], part_of_message: str) -> None:
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    response = api.http.post(f"{POOL}/providers?workloadIdentityPoolProviderId=aws-provider", json=provider)
    code, status, message = refusal(response)
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert part_of_message in message
