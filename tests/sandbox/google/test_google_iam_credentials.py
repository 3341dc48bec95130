"""Tokens for a service account: for whom its policy allows, with the claims that Google writes."""

from typing import Any

import jwt
import pytest

from federation.google import GOOGLE_ISSUER, OPEN_ID_TOKEN_CREATOR, TOKEN_CREATOR
from sandbox import seed
from sandbox.faults import Faults
from sandbox.google import GoogleCloud
from tests.sandbox.google.conftest import PROJECT, Api, Clock
from tests.sandbox.google.support import refusal

EMAIL = f"poc-gcp-to-aws-sa@{seed.PROJECT_ID}.iam.gserviceaccount.com"
ACCOUNT = f"/v1/projects/-/serviceAccounts/{EMAIL}"
AUDIENCE = {"audience": "sts.amazonaws.com"}
SCOPE = {"scope": ["https://www.googleapis.com/auth/cloud-platform"]}


@pytest.fixture
def account(api: Api) -> Any:
    return api.create_account()


def claims(api: Api, **body: Any) -> dict[str, Any]:
    token = api.post(f"{ACCOUNT}:generateIdToken", AUDIENCE | body)["token"]
    key = jwt.PyJWKSet.from_dict(api.get("/oauth2/v3/certs")).keys[0]
    decoded: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE["audience"])
    return decoded


def test_an_id_token_names_the_account_by_its_unique_id_for_an_hour(api: Api, account: Any) -> None:
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    found = claims(api)
    assert found["iss"] == GOOGLE_ISSUER
    assert found["aud"] == "sts.amazonaws.com"
    assert found["sub"] == found["azp"] == account["uniqueId"]
    assert found["exp"] - found["iat"] == 3600
    assert "email" not in found


def test_an_id_token_has_the_email_only_when_asked(api: Api, account: Any) -> None:
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    found = claims(api, includeEmail=True)
    assert (found["email"], found["email_verified"]) == (account["email"], True)


def test_the_authorized_party_comes_in_both_forms(api: Api, account: Any) -> None:
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    found = claims(api, useEmailAzp=True)
    assert (found["azp"], found["sub"]) == (EMAIL, account["uniqueId"])


@pytest.mark.usefixtures("account")
def test_an_account_outside_an_organization_has_no_organization_number(api: Api) -> None:
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    assert claims(api, organizationNumberIncluded=True)["google"] == {"organization_number": None}


@pytest.mark.usefixtures("account")
def test_the_projects_owner_has_no_token_by_that_alone(api: Api) -> None:
    response = api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE)
    assert refusal(response) == (
        403,
        "PERMISSION_DENIED",
        "Permission 'iam.serviceAccounts.getOpenIdToken' denied on resource (or it may not exist).",
    )
    assert response.json()["error"]["details"][0]["reason"] == "IAM_PERMISSION_DENIED"


@pytest.mark.usefixtures("account")
def test_an_open_id_token_creator_gets_id_tokens_only(api: Api) -> None:
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    assert api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE).is_success
    assert refusal(api.http.post(f"{ACCOUNT}:generateAccessToken", json=SCOPE))[2] == (
        "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist)."
    )


@pytest.mark.usefixtures("account")
def test_a_token_creator_gets_both_kinds(api: Api) -> None:
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    assert api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE).is_success
    assert api.http.post(f"{ACCOUNT}:generateAccessToken", json=SCOPE).is_success


@pytest.mark.usefixtures("account")
def test_a_token_creator_of_one_account_gets_no_token_of_its_neighbour(api: Api) -> None:
    neighbour = api.create_account("neighbour")["email"]
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    response = api.http.post(f"/v1/projects/-/serviceAccounts/{neighbour}:generateIdToken", json=AUDIENCE)
    assert refusal(response)[1] == "PERMISSION_DENIED"


@pytest.mark.usefixtures("account")
def test_an_access_token_acts_as_the_account_until_it_expires(api: Api, clock: Clock) -> None:
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    token = api.post(f"{ACCOUNT}:generateAccessToken", SCOPE | {"lifetime": "600s"})["accessToken"]
    impersonator = Api(api.url, token, clock)
    assert refusal(impersonator.http.get(PROJECT))[1] == "PERMISSION_DENIED"  # known, and without a role
    clock.advance(601)
    assert refusal(impersonator.http.get(PROJECT))[1] == "UNAUTHENTICATED"
    impersonator.http.close()


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("end", ["delete", "disable"])
def test_an_access_token_dies_with_its_account(api: Api, clock: Clock, end: str) -> None:
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    impersonator = Api(api.url, api.post(f"{ACCOUNT}:generateAccessToken", SCOPE)["accessToken"], clock)
    if end == "delete":
        api.http.delete(f"{PROJECT}/serviceAccounts/{EMAIL}").raise_for_status()
        api.create_account()
    else:
        api.post(f"{PROJECT}/serviceAccounts/{EMAIL}:disable")
    assert refusal(impersonator.http.get(PROJECT))[1] == "UNAUTHENTICATED"
    impersonator.http.close()


@pytest.mark.usefixtures("account")
def test_a_disabled_account_issues_no_tokens(api: Api) -> None:
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    api.post(f"{PROJECT}/serviceAccounts/{EMAIL}:disable")
    assert refusal(api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE))[1] == "FAILED_PRECONDITION"
    api.post(f"{PROJECT}/serviceAccounts/{EMAIL}:enable")
    assert api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE).is_success


@pytest.mark.parametrize(
    ("lifetime", "part_of_message"),
    [("0s", "larger then zero"), ("3601s", "lifetimes of more than 1 hour"), ("1h", "lifetime")],
)
@pytest.mark.usefixtures("account")
def test_an_access_token_lives_an_hour_at_most(api: Api, lifetime: str, part_of_message: str) -> None:
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    response = api.http.post(f"{ACCOUNT}:generateAccessToken", json=SCOPE | {"lifetime": lifetime})
    assert part_of_message in refusal(response)[2]


@pytest.mark.parametrize(("method", "body"), [("generateIdToken", SCOPE), ("generateAccessToken", AUDIENCE)])
@pytest.mark.usefixtures("account")
def test_a_token_needs_its_audience_or_scope(api: Api, method: str, body: dict[str, Any]) -> None:
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    assert refusal(api.http.post(f"{ACCOUNT}:{method}", json=body))[1] == "INVALID_ARGUMENT"


def test_an_unknown_account_is_not_found_by_its_email(api: Api) -> None:
    assert refusal(api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE)) == (
        404,
        "NOT_FOUND",
        f"Not found; Gaia id not found for email {EMAIL}",
    )


@pytest.mark.usefixtures("account")
def test_a_delegate_stands_between_caller_and_account(api: Api) -> None:
    delegate = api.create_account("delegate")["email"]
    chain = AUDIENCE | {"delegates": [f"projects/-/serviceAccounts/{delegate}"]}
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, f"serviceAccount:{delegate}")
    assert "implicitDelegation" in refusal(api.http.post(f"{ACCOUNT}:generateIdToken", json=chain))[2]
    api.grant(delegate, TOKEN_CREATOR, seed.OPERATOR)
    assert api.http.post(f"{ACCOUNT}:generateIdToken", json=chain).is_success
    assert refusal(api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE))[1] == "PERMISSION_DENIED"


@pytest.mark.usefixtures("account")
def test_the_api_must_be_enabled_in_the_accounts_project(api: Api) -> None:
    api.grant(EMAIL, TOKEN_CREATOR, seed.OPERATOR)
    api.post(f"{PROJECT}/services/iamcredentials.googleapis.com:disable")
    message = refusal(api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE))[2]
    assert message.startswith("IAM Service Account Credentials API has not been used in project")


@pytest.mark.usefixtures("account")
def test_a_grant_takes_effect_after_the_propagation_time(api: Api, google: GoogleCloud, clock: Clock) -> None:
    google.faults = Faults(propagation_seconds=120)
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    assert api.post(f"{PROJECT}/serviceAccounts/{EMAIL}:getIamPolicy")["bindings"]
    assert refusal(api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE))[1] == "PERMISSION_DENIED"
    clock.advance(121)
    assert api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE).is_success


def test_a_revoked_grant_works_on_until_the_propagation_time_is_over(
    api: Api, google: GoogleCloud, clock: Clock, account: Any
) -> None:
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    google.faults = Faults(propagation_seconds=120)
    api.post(f"{PROJECT}/serviceAccounts/{account['uniqueId']}:setIamPolicy", {"policy": {}})
    assert api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE).is_success
    clock.advance(121)
    assert refusal(api.http.post(f"{ACCOUNT}:generateIdToken", json=AUDIENCE))[1] == "PERMISSION_DENIED"
