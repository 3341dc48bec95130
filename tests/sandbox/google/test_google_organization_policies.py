"""Organization policies in effect, and whose an access token is: what preflight asks of Google beside IAM."""

import httpx
import pytest

from sandbox import seed
from sandbox.google import GoogleCloud
from sandbox.google.principals import Principal
from tests.sandbox.google.conftest import PROJECT, Api
from tests.sandbox.google.support import refusal

CONSTRAINT = "constraints/iam.workloadIdentityPoolProviders"


def test_a_constraint_that_nobody_set_allows_all(api: Api) -> None:
    policy = api.post(f"{PROJECT}:getEffectiveOrgPolicy", {"constraint": CONSTRAINT})
    assert policy == {"constraint": CONSTRAINT, "listPolicy": {"allValues": "ALLOW"}}


def test_a_constraint_of_the_project_is_answered(api: Api, google: GoogleCloud) -> None:
    allowed = {"allowedValues": ["https://sts.amazonaws.com"]}
    google.projects.get(seed.PROJECT_ID).constraints[CONSTRAINT] = allowed
    assert api.post(f"{PROJECT}:getEffectiveOrgPolicy", {"constraint": CONSTRAINT})["listPolicy"] == allowed


def test_a_constraint_is_named_in_full(api: Api) -> None:
    answer = api.http.post(f"{PROJECT}:getEffectiveOrgPolicy", json={"constraint": "iam.workloadIdentityPoolProviders"})
    assert refusal(answer)[:2] == (400, "INVALID_ARGUMENT")


def test_reading_a_policy_needs_its_permission(api: Api, google: GoogleCloud) -> None:
    token = google.access_tokens.issue(Principal("user:stranger@example.com"), 60)
    answer = api.http.post(
        f"{PROJECT}:getEffectiveOrgPolicy",
        json={"constraint": CONSTRAINT},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert refusal(answer)[0] == 403
    assert "orgpolicy.policy.get" in refusal(answer)[2]


def test_a_persons_token_has_the_persons_e_mail(anonymous: httpx.Client, google: GoogleCloud) -> None:
    answer = anonymous.post("/tokeninfo", data={"access_token": google.operator_token})
    assert answer.json()["email"] == seed.OPERATOR.removeprefix("user:")


def test_a_pods_token_has_no_e_mail(anonymous: httpx.Client, google: GoogleCloud) -> None:
    pod = google.kubernetes_principal(google.projects.get(seed.PROJECT_ID), "default", "ci")
    answer = anonymous.post("/tokeninfo", data={"access_token": google.access_tokens.issue(pod, 60)})
    assert answer.status_code == 200
    assert "email" not in answer.json()


@pytest.mark.parametrize("form", [{}, {"access_token": "ya29.unknown"}])
def test_an_unknown_token_is_invalid(anonymous: httpx.Client, form: dict[str, str]) -> None:
    answer = anonymous.post("/tokeninfo", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_token")
