"""IAM: service accounts and the policies on them."""

from typing import Any

import httpx
import pytest

from federation.google import OPEN_ID_TOKEN_CREATOR, TOKEN_CREATOR, WORKLOAD_IDENTITY_USER
from sandbox import seed
from sandbox.google import GoogleCloud
from sandbox.google.principals import Principal
from tests.sandbox.google.conftest import POOLS, PROJECT, WORKLOAD_POOL, Api, Clock
from tests.sandbox.google.support import refusal

ACCOUNTS = f"{PROJECT}/serviceAccounts"
EMAIL = f"poc-gcp-to-aws-sa@{seed.PROJECT_ID}.iam.gserviceaccount.com"
ACCOUNT = f"{ACCOUNTS}/{EMAIL}"
DAY = 86400


def set_policy(api: Api, bindings: list[dict[str, Any]], etag: str | None = None) -> httpx.Response:
    policy = {"bindings": bindings, "version": 3} | ({"etag": etag} if etag else {})
    return api.http.post(f"{ACCOUNT}:setIamPolicy", json={"policy": policy})


def test_a_service_account_has_an_email_and_a_numeric_unique_id(api: Api) -> None:
    account = api.create_account(displayName="GCP to AWS Service Account")
    assert account["email"] == EMAIL
    assert account["name"] == f"projects/{seed.PROJECT_ID}/serviceAccounts/{EMAIL}"
    assert len(account["uniqueId"]) == 21
    assert account["uniqueId"].isdigit()
    assert api.get(ACCOUNT) == account


def test_a_recreated_service_account_has_another_unique_id(api: Api) -> None:
    first = api.create_account()
    api.http.delete(ACCOUNT).raise_for_status()
    assert api.create_account()["uniqueId"] != first["uniqueId"]


def test_an_account_is_found_by_unique_id_and_by_project_number(api: Api) -> None:
    account = api.create_account()
    assert api.get(f"{ACCOUNTS}/{account['uniqueId']}") == account
    assert api.get(f"/v1/projects/{seed.PROJECT_NUMBER}/serviceAccounts/{EMAIL}") == account
    assert api.get(f"/v1/projects/-/serviceAccounts/{EMAIL}") == account


def test_a_deleted_account_is_not_found(api: Api) -> None:
    api.create_account()
    api.http.delete(ACCOUNT).raise_for_status()
    assert refusal(api.http.get(ACCOUNT))[:2] == (404, "NOT_FOUND")
    assert api.get(ACCOUNTS) == {}


def test_an_account_id_can_be_taken_once(api: Api) -> None:
    api.create_account()
    body = {"accountId": "poc-gcp-to-aws-sa"}
    assert refusal(api.http.post(ACCOUNTS, json=body)) == (
        409,
        "ALREADY_EXISTS",
        f"Service account poc-gcp-to-aws-sa already exists within project projects/{seed.PROJECT_ID}.",
    )


@pytest.mark.parametrize("account_id", ["", "short", "a" * 31, "Upper-case", "1-digit-first", "ends-with-hyphen-"])
def test_an_account_id_outside_the_limits_is_refused(api: Api, account_id: str) -> None:
    assert refusal(api.http.post(ACCOUNTS, json={"accountId": account_id}))[:2] == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("fields", [{"displayName": "ä" * 51}, {"description": "ä" * 129}])
def test_texts_are_limited_in_bytes_not_in_characters(api: Api, fields: dict[str, str]) -> None:
    body = {"accountId": "poc-gcp-to-aws-sa", "serviceAccount": fields}
    assert refusal(api.http.post(ACCOUNTS, json=body))[:2] == (400, "INVALID_ARGUMENT")


def test_an_account_has_no_keys_and_gets_none(api: Api) -> None:
    api.create_account()
    assert api.get(f"{ACCOUNT}/keys?keyTypes=USER_MANAGED") == {}
    assert refusal(api.http.post(f"{ACCOUNT}/keys", json={})) == (
        400,
        "FAILED_PRECONDITION",
        "Key creation is not allowed on this service account.",
    )


def test_an_update_changes_the_fields_in_its_mask(api: Api) -> None:
    account = api.create_account(displayName="old", description="kept")
    wanted = {"displayName": "new", "description": "ignored", "etag": account["etag"]}
    body = {"serviceAccount": wanted, "updateMask": "display_name"}
    updated = api.http.patch(ACCOUNT, json=body).raise_for_status().json()
    assert (updated["displayName"], updated["description"]) == ("new", "kept")
    assert refusal(api.http.patch(ACCOUNT, json=body))[:2] == (409, "ABORTED")


@pytest.mark.parametrize("mask", ["", "email"])
def test_an_update_needs_a_mask_of_fields_that_can_change(api: Api, mask: str) -> None:
    api.create_account()
    assert refusal(api.http.patch(ACCOUNT, json={"serviceAccount": {}, "updateMask": mask}))[1] == "INVALID_ARGUMENT"


def test_an_undeleted_account_is_itself_again_and_keeps_its_grants(api: Api) -> None:
    unique_id = api.create_account()["uniqueId"]
    api.create_account("token-creator")
    creator = f"serviceAccount:token-creator@{seed.PROJECT_ID}.iam.gserviceaccount.com"
    api.grant(EMAIL, TOKEN_CREATOR, creator)
    api.http.delete(ACCOUNT).raise_for_status()
    assert api.post(f"{ACCOUNTS}/{unique_id}:undelete")["restoredAccount"]["uniqueId"] == unique_id
    assert api.post(f"{ACCOUNT}:getIamPolicy")["bindings"][0]["members"] == [creator]


def test_an_account_can_be_undeleted_for_30_days(api: Api, clock: Clock) -> None:
    unique_id = api.create_account()["uniqueId"]
    api.http.delete(ACCOUNT).raise_for_status()
    clock.advance(31 * DAY)
    assert refusal(api.http.post(f"{ACCOUNTS}/{unique_id}:undelete"))[1] == "NOT_FOUND"


def test_an_account_whose_email_is_taken_again_stays_deleted(api: Api) -> None:
    unique_id = api.create_account()["uniqueId"]
    api.http.delete(ACCOUNT).raise_for_status()
    api.create_account()
    assert refusal(api.http.post(f"{ACCOUNTS}/{unique_id}:undelete"))[1] == "FAILED_PRECONDITION"


def test_a_policy_is_empty_at_first_and_after_its_last_binding_goes(api: Api) -> None:
    api.create_account()
    assert api.post(f"{ACCOUNT}:getIamPolicy?options.requestedPolicyVersion=3") == {"etag": "ACAB"}
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    etag = api.post(f"{ACCOUNT}:getIamPolicy")["etag"]
    emptied = api.post(f"{ACCOUNT}:setIamPolicy", {"policy": {"etag": etag, "version": 3}})
    assert emptied.keys() == {"etag"}
    assert emptied["etag"] != etag


def test_a_policy_written_from_a_stale_read_is_aborted(api: Api) -> None:
    api.create_account()
    stale = api.post(f"{ACCOUNT}:getIamPolicy")["etag"]
    binding = {"role": TOKEN_CREATOR, "members": [seed.OPERATOR]}
    assert set_policy(api, [binding], stale).is_success
    code, status, message = refusal(set_policy(api, [], stale))
    assert (code, status) == (409, "ABORTED")
    assert message.startswith("There were concurrent policy changes. Please retry the whole read-modify-write")
    assert api.post(f"{ACCOUNT}:getIamPolicy")["bindings"] == [binding]


def test_a_member_that_is_no_service_account_is_refused(api: Api) -> None:
    api.create_account()
    nobody = f"nobody@{seed.PROJECT_ID}.iam.gserviceaccount.com"
    response = set_policy(api, [{"role": TOKEN_CREATOR, "members": [f"serviceAccount:{nobody}"]}])
    assert refusal(response) == (400, "INVALID_ARGUMENT", f"Service account {nobody} does not exist.")


def test_a_kubernetes_member_needs_the_workload_pool(api: Api) -> None:
    api.create_account()
    binding = {"role": WORKLOAD_IDENTITY_USER, "members": [f"serviceAccount:{WORKLOAD_POOL}[default/s3-reader]"]}
    code, status, message = refusal(set_policy(api, [binding]))
    assert (code, status) == (400, "INVALID_ARGUMENT")
    assert message.startswith(f"Identity Pool does not exist ({WORKLOAD_POOL}). Please check that")
    api.enable_workload_pool()
    assert set_policy(api, [binding]).is_success


def test_a_federated_member_needs_a_pool_that_is_not_deleted(api: Api) -> None:
    api.create_account()
    pool = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/poc-aws-pool"
    binding = {"role": WORKLOAD_IDENTITY_USER, "members": [f"principal://iam.googleapis.com/{pool}/subject/me"]}
    assert refusal(set_policy(api, [binding]))[2].startswith(f"Identity Pool does not exist ({pool}).")
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    assert set_policy(api, [binding]).is_success
    set_policy(api, [])
    api.http.delete(f"{POOLS}/poc-aws-pool").raise_for_status()
    assert refusal(set_policy(api, [binding]))[2].startswith(f"Identity Pool does not exist ({pool}).")


def test_a_federated_member_by_project_id_instead_of_number_is_refused(api: Api) -> None:
    api.create_account()
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    pool = f"projects/{seed.PROJECT_ID}/locations/global/workloadIdentityPools/poc-aws-pool"
    binding = {"role": WORKLOAD_IDENTITY_USER, "members": [f"principal://iam.googleapis.com/{pool}/subject/me"]}
    assert refusal(set_policy(api, [binding]))[1] == "INVALID_ARGUMENT"


def test_a_policy_stays_writable_when_a_members_pool_is_gone(api: Api) -> None:
    api.create_account()
    api.post(f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    pool = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/poc-aws-pool"
    federated = {"role": WORKLOAD_IDENTITY_USER, "members": [f"principal://iam.googleapis.com/{pool}/subject/me"]}
    set_policy(api, [federated])
    api.http.delete(f"{POOLS}/poc-aws-pool").raise_for_status()
    assert set_policy(api, [federated, {"role": TOKEN_CREATOR, "members": [seed.OPERATOR]}]).is_success


@pytest.mark.parametrize("member", ["me@example.com", "robot:me@example.com", "principal://example.com/me"])
def test_a_member_of_no_known_type_is_refused(api: Api, member: str) -> None:
    api.create_account()
    response = set_policy(api, [{"role": TOKEN_CREATOR, "members": [member]}])
    assert refusal(response)[2] == (
        f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
    )


def test_a_role_without_its_prefix_is_refused(api: Api) -> None:
    api.create_account()
    response = set_policy(api, [{"role": "iam.workloadIdentityUser", "members": [seed.OPERATOR]}])
    assert refusal(response)[2].startswith("The role name must be in the form")


def test_a_condition_is_refused_rather_than_ignored(api: Api) -> None:
    api.create_account()
    condition = {"title": "never", "expression": "false"}
    response = set_policy(api, [{"role": TOKEN_CREATOR, "members": [seed.OPERATOR], "condition": condition}])
    assert refusal(response)[1] == "INVALID_ARGUMENT"


def test_bindings_of_one_role_are_merged(api: Api) -> None:
    api.create_account()
    twice = {"role": TOKEN_CREATOR, "members": [seed.OPERATOR]}
    other = {"role": TOKEN_CREATOR, "members": ["user:other@example.com"]}
    written = set_policy(api, [twice, twice, other]).json()
    assert written["bindings"] == [{"role": TOKEN_CREATOR, "members": [seed.OPERATOR, "user:other@example.com"]}]


def test_policies_name_a_deleted_account_as_deleted_and_a_new_one_inherits_nothing(api: Api) -> None:
    api.create_account()
    creator = api.create_account("token-creator")
    api.grant(EMAIL, TOKEN_CREATOR, f"serviceAccount:{creator['email']}")
    api.http.delete(f"{ACCOUNTS}/{creator['email']}").raise_for_status()
    api.create_account("token-creator")
    members = api.post(f"{ACCOUNT}:getIamPolicy")["bindings"][0]["members"]
    assert members == [f"deleted:serviceAccount:{creator['email']}?uid={creator['uniqueId']}"]


def test_a_recreated_account_has_no_policy(api: Api) -> None:
    api.create_account()
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    api.http.delete(ACCOUNT).raise_for_status()
    api.create_account()
    assert api.post(f"{ACCOUNT}:getIamPolicy") == {"etag": "ACAB"}


def test_a_caller_without_a_role_learns_nothing(api: Api, google: GoogleCloud, clock: Clock) -> None:
    api.create_account()
    stranger = Api(api.url, google.access_tokens.issue(Principal("user:stranger@example.com"), 3600), clock)
    expected = (
        403,
        "PERMISSION_DENIED",
        "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist).",
    )
    assert refusal(stranger.http.get(ACCOUNT)) == expected
    assert refusal(stranger.http.get(f"{ACCOUNTS}/nobody@example.com")) == expected
    stranger.http.close()


def test_the_owner_is_told_which_permissions_it_has(api: Api) -> None:
    api.create_account()
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    asked = [f"iam.serviceAccounts.{verb}" for verb in ("get", "getOpenIdToken", "getAccessToken")]
    assert api.post(f"{ACCOUNT}:testIamPermissions", {"permissions": asked}) == {"permissions": asked[:2]}
