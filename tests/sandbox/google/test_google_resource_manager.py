"""Projects: who owns them, which APIs they use, what a disabled one says."""

import pytest

from sandbox import seed
from sandbox.google import GoogleCloud
from sandbox.google.principals import Principal
from tests.sandbox.google.conftest import PROJECT, Api, Clock
from tests.sandbox.google.support import refusal


@pytest.mark.parametrize("project", [seed.PROJECT_ID, seed.PROJECT_NUMBER])
def test_a_project_is_read_by_id_or_number(api: Api, project: str) -> None:
    v1, v3 = api.get(f"/v1/projects/{project}"), api.get(f"/v3/projects/{project}")
    assert (v1["projectId"], v1["projectNumber"]) == (seed.PROJECT_ID, seed.PROJECT_NUMBER)
    assert (v3["projectId"], v3["name"]) == (seed.PROJECT_ID, f"projects/{seed.PROJECT_NUMBER}")


def test_an_unknown_project_looks_like_a_forbidden_one(api: Api) -> None:
    expected = (403, "PERMISSION_DENIED", "The caller does not have permission")
    assert refusal(api.http.get("/v1/projects/someone-else")) == expected


def test_a_project_is_billed(api: Api) -> None:
    assert api.get(f"{PROJECT}/billingInfo")["billingEnabled"] is True


def test_the_operator_owns_the_project(api: Api) -> None:
    policy = api.post(f"{PROJECT}:getIamPolicy", {"options": {"requestedPolicyVersion": 3}})
    assert policy["bindings"] == [{"role": "roles/owner", "members": [seed.OPERATOR]}]


def test_a_grant_on_the_project_reaches_whom_it_names(api: Api, google: GoogleCloud, clock: Clock) -> None:
    viewer = Api(api.url, google.access_tokens.issue(Principal("user:viewer@example.com"), 3600), clock)
    assert refusal(viewer.http.get(PROJECT))[1] == "PERMISSION_DENIED"
    policy = api.post(f"{PROJECT}:getIamPolicy")
    policy["bindings"].append({"role": "roles/viewer", "members": ["user:viewer@example.com"]})
    api.post(f"{PROJECT}:setIamPolicy", {"policy": policy, "updateMask": "bindings,etag,auditConfigs"})
    assert viewer.http.get(PROJECT).is_success
    assert refusal(viewer.http.post(f"{PROJECT}/serviceAccounts", json={}))[1] == "PERMISSION_DENIED"
    viewer.http.close()


def test_permissions_of_the_caller_are_told(api: Api) -> None:
    asked = ["iam.workloadIdentityPools.create", "iam.serviceAccounts.getAccessToken"]
    assert api.post(f"{PROJECT}:testIamPermissions", {"permissions": asked}) == {"permissions": asked[:1]}


def test_a_disabled_api_says_where_to_enable_it(api: Api) -> None:
    api.post(f"{PROJECT}/services/iam.googleapis.com:disable")
    response = api.http.get(f"{PROJECT}/serviceAccounts")
    code, status, message = refusal(response)
    assert (code, status) == (403, "PERMISSION_DENIED")
    assert message.startswith(
        "Identity and Access Management (IAM) API has not been used in project 960144414359 before or it is disabled. "
        "Enable it by visiting https://console.developers.google.com/apis/api/iam.googleapis.com/overview"
    )
    info = response.json()["error"]["details"][0]
    assert (info["reason"], info["metadata"]["service"]) == ("SERVICE_DISABLED", "iam.googleapis.com")
    api.post(f"{PROJECT}/services/iam.googleapis.com:enable")
    assert api.http.get(f"{PROJECT}/serviceAccounts").is_success


def test_services_are_listed_by_state(api: Api) -> None:
    api.post(f"{PROJECT}/services/container.googleapis.com:disable")
    enabled = api.get(f"{PROJECT}/services?filter=state:ENABLED")["services"]
    disabled = api.get(f"{PROJECT}/services?filter=state:DISABLED")["services"]
    assert "iam.googleapis.com" in {service["config"]["name"] for service in enabled}
    assert [service["config"]["name"] for service in disabled] == ["container.googleapis.com"]
    assert api.get(f"{PROJECT}/services/container.googleapis.com")["state"] == "DISABLED"


def test_a_service_that_the_sandbox_does_not_know_can_not_be_enabled(api: Api) -> None:
    assert refusal(api.http.post(f"{PROJECT}/services/vision.googleapis.com:enable"))[1] == "NOT_FOUND"


def test_projects_have_service_accounts_and_clusters_of_their_own(api: Api, google: GoogleCloud) -> None:
    google.add_project("other-project", "111111111111")
    google.add_cluster("other-project", "us-central1-f", "other")
    body = {"accountId": "poc-gcp-to-aws-sa"}
    account = api.post("/v1/projects/other-project/serviceAccounts", body)
    assert account["email"] == "poc-gcp-to-aws-sa@other-project.iam.gserviceaccount.com"
    assert refusal(api.http.get(f"{PROJECT}/serviceAccounts/{account['email']}"))[1] == "NOT_FOUND"
    assert api.get("/v1/projects/other-project/locations/us-central1-f/clusters/other")["name"] == "other"
