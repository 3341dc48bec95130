"""The Google provider, as the engine drives it against the emulated Google Cloud."""

from typing import Any

import pytest

from sandbox import seed
from sandbox.providers.gcp import gcp_package
from sandbox.providers.gcp.client import GoogleClient
from sandbox.providers.provider import EmulatedProvider
from sandbox.providers.resource import ProviderError
from sandbox.providers.values import UNKNOWN
from tests.sandbox.providers.support import Deployed, RefusedAtPlanError, Type, call, configured

PROJECT = f"projects/{seed.PROJECT_ID}"
EMAIL = f"poc-gcp-to-aws-sa@{seed.PROJECT_ID}.iam.gserviceaccount.com"
ACCOUNT = f"{PROJECT}/serviceAccounts/{EMAIL}"
POOL = f"{PROJECT}/locations/global/workloadIdentityPools/poc-aws-pool"
PROVIDER = f"{POOL}/providers/aws-provider"
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"
SOMEONE = "user:someone@example.com"
AWS = {"accountId": seed.ACCOUNT_ID}
OIDC = {"issuerUri": "https://issuer.example.com", "allowedAudiences": ["sts.amazonaws.com"]}
MAPPING = {"google.subject": "assertion.sub"}


@pytest.fixture
def accounts(gcp_provider: EmulatedProvider) -> Type:
    return Type(gcp_provider, "gcp:serviceaccount/account:Account")


@pytest.fixture
def account(accounts: Type) -> Deployed:
    return accounts.create(accountId="poc-gcp-to-aws-sa", displayName="GCP to AWS")


@pytest.fixture
def members(gcp_provider: EmulatedProvider) -> Type:
    return Type(gcp_provider, "gcp:serviceaccount/iAMMember:IAMMember")


@pytest.fixture
def project_members(gcp_provider: EmulatedProvider) -> Type:
    return Type(gcp_provider, "gcp:projects/iAMMember:IAMMember")


@pytest.fixture
def pools(gcp_provider: EmulatedProvider) -> Type:
    return Type(gcp_provider, "gcp:iam/workloadIdentityPool:WorkloadIdentityPool")


@pytest.fixture
def providers(gcp_provider: EmulatedProvider) -> Type:
    return Type(gcp_provider, "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider")


@pytest.fixture
def pool(pools: Type) -> Deployed:
    return pools.create(workloadIdentityPoolId="poc-aws-pool", displayName="AWS")


def aws_provider(**changed: Any) -> dict[str, Any]:
    """The inputs of the guide's provider, changed."""
    return {
        "workloadIdentityPoolId": "poc-aws-pool",
        "workloadIdentityPoolProviderId": "aws-provider",
        "aws": AWS,
        **changed,
    }


def bindings(api: GoogleClient) -> dict[str, list[str]]:
    policy = api.call("POST", f"/v1/{ACCOUNT}:getIamPolicy")
    return {binding["role"]: binding["members"] for binding in policy.get("bindings", [])}


def test_a_service_account_is_its_name_and_has_what_google_fills_in(account: Deployed) -> None:
    assert account.id == account.state["name"] == ACCOUNT
    assert (account.state["email"], account.state["member"]) == (EMAIL, f"serviceAccount:{EMAIL}")
    assert len(account.state["uniqueId"]) == 21
    assert (account.state["project"], account.state["disabled"]) == (seed.PROJECT_ID, False)


def test_a_preview_knows_the_email_and_not_the_unique_id(accounts: Type) -> None:
    expected = accounts.preview(accountId="poc-gcp-to-aws-sa")

    assert (expected["email"], expected["uniqueId"]) == (EMAIL, UNKNOWN)


def test_a_preview_of_an_unknown_account_id_knows_no_email(accounts: Type) -> None:
    assert accounts.preview(accountId=UNKNOWN)["email"] == UNKNOWN


def test_a_recreated_account_has_another_unique_id(accounts: Type, account: Deployed) -> None:
    accounts.delete(account)

    assert accounts.create(accountId="poc-gcp-to-aws-sa").state["uniqueId"] != account.state["uniqueId"]


def test_texts_and_disabling_are_updated_in_place(accounts: Type, account: Deployed) -> None:
    wanted = {"accountId": "poc-gcp-to-aws-sa", "description": "For pods", "disabled": True}
    assert accounts.changes(account, **wanted) == {"description": "add", "disabled": "update", "displayName": "delete"}

    updated = accounts.update(account, **wanted)

    assert accounts.refresh(updated) == updated
    given = {key: updated.state[key] for key in ("description", "disabled", "displayName")}
    assert given == {"description": "For pods", "disabled": True, "displayName": ""}
    assert updated.state["uniqueId"] == account.state["uniqueId"]


def test_another_account_id_or_project_replaces_the_account(accounts: Type, account: Deployed) -> None:
    by_id = accounts.diff(account, accountId="another-account", displayName="GCP to AWS")
    by_project = accounts.diff(account, accountId="poc-gcp-to-aws-sa", displayName="GCP to AWS", project="elsewhere")

    assert (by_id.replaces, by_id.delete_before_replace) == (["accountId"], False)
    assert (by_project.replaces, by_project.delete_before_replace) == (["project"], True)


@pytest.mark.parametrize("import_id", [ACCOUNT, f"{seed.PROJECT_ID}/{EMAIL}", EMAIL])
def test_an_account_is_imported_by_any_real_form_of_its_id(accounts: Type, account: Deployed, import_id: str) -> None:
    imported = accounts.import_by(import_id)

    assert imported is not None
    assert (imported.id, imported.state["uniqueId"]) == (ACCOUNT, account.state["uniqueId"])
    assert accounts.changes(imported, accountId="poc-gcp-to-aws-sa", displayName="GCP to AWS") == {}


def test_an_account_that_others_deleted_is_dropped_and_can_be_deleted(
    accounts: Type, account: Deployed, google_api: GoogleClient
) -> None:
    google_api.call("DELETE", f"/v1/{ACCOUNT}")

    assert accounts.refresh(account) is None
    accounts.delete(account)


def test_a_taken_account_id_is_refused_unless_it_may_exist(accounts: Type, account: Deployed) -> None:
    with pytest.raises(ProviderError, match=r"Error creating service account: googleapi: Error 409"):
        accounts.create(accountId="poc-gcp-to-aws-sa")
    adopted = accounts.create(accountId="poc-gcp-to-aws-sa", createIgnoreAlreadyExists=True)
    assert adopted.state["uniqueId"] == account.state["uniqueId"]


def test_deletion_can_be_prevented_or_abandoned(accounts: Type, google_api: GoogleClient) -> None:
    prevented = accounts.create(accountId="kept-account", deletionPolicy="PREVENT")
    abandoned = accounts.create(accountId="left-account", deletionPolicy="ABANDON")

    with pytest.raises(ProviderError, match="deletion_policy to something other than PREVENT"):
        accounts.delete(prevented)
    accounts.delete(abandoned)
    assert google_api.find(f"/v1/{abandoned.id}") is not None


def test_a_resource_without_any_project_is_told_where_to_set_it() -> None:
    provider = configured("gcp", gcp_package("http://127.0.0.1:1", "no token"))

    with pytest.raises(RefusedAtPlanError, match="project: required field is not set; set gcp:project"):
        Type(provider, "gcp:serviceaccount/account:Account").check({"accountId": "poc-gcp-to-aws-sa"})


def test_a_member_is_added_beside_others_and_taken_away_alone(
    members: Type, account: Deployed, google_api: GoogleClient
) -> None:
    others = members.create(serviceAccountId=account.id, role=TOKEN_CREATOR, member="user:other@example.com")
    mine = members.create(serviceAccountId=account.id, role=TOKEN_CREATOR, member=SOMEONE)

    assert mine.id == f"{ACCOUNT}/{TOKEN_CREATOR}/{SOMEONE}"
    assert sorted(bindings(google_api)[TOKEN_CREATOR]) == ["user:other@example.com", SOMEONE]
    members.delete(mine)
    assert bindings(google_api) == {TOKEN_CREATOR: ["user:other@example.com"]}
    members.delete(others)
    assert bindings(google_api) == {}
    members.delete(others)


def test_a_member_that_others_took_away_is_dropped_by_a_refresh(members: Type, account: Deployed) -> None:
    member = members.create(serviceAccountId=account.id, role=TOKEN_CREATOR, member=SOMEONE)
    assert members.refresh(member) == member

    members.delete(member)

    assert members.refresh(member) is None


def test_a_member_of_a_deleted_account_is_dropped_and_can_be_deleted(
    members: Type, accounts: Type, account: Deployed
) -> None:
    member = members.create(serviceAccountId=account.id, role=TOKEN_CREATOR, member=SOMEONE)
    accounts.delete(account)

    assert members.refresh(member) is None
    members.delete(member)


def test_a_member_is_imported_by_account_role_and_member(members: Type, account: Deployed) -> None:
    described = {"serviceAccountId": account.id, "role": TOKEN_CREATOR, "member": SOMEONE}
    member = members.create(**described)

    imported = members.import_by(f"{ACCOUNT} {TOKEN_CREATOR} {SOMEONE}")

    assert imported is not None
    assert imported.id == member.id
    assert members.changes(imported, **described) == {}
    with pytest.raises(ProviderError, match="'serviceAccountId role member'"):
        members.import_by(TOKEN_CREATOR)


def test_the_case_of_an_email_is_no_change_and_that_of_a_pools_subject_is(members: Type, account: Deployed) -> None:
    person = members.create(serviceAccountId=account.id, role=TOKEN_CREATOR, member=SOMEONE)
    assert members.changes(person, serviceAccountId=account.id, role=TOKEN_CREATOR, member=SOMEONE.upper()) == {
        "member": "update_replace"
    }
    shouted = "user:SomeOne@Example.com"
    assert members.changes(person, serviceAccountId=account.id, role=TOKEN_CREATOR, member=shouted) == {}

    subject = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/Role"
    state = {**person.state, "member": subject}
    pooled = Deployed(person.id, person.inputs, state)
    changed = members.changes(pooled, serviceAccountId=account.id, role=TOKEN_CREATOR, member=subject.lower())
    assert changed == {"member": "update_replace"}


def test_every_input_of_a_member_replaces_it(members: Type, account: Deployed) -> None:
    member = members.create(serviceAccountId=account.id, role=TOKEN_CREATOR, member=SOMEONE)
    condition = {"title": "until", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}

    answer = members.diff(
        member, serviceAccountId=UNKNOWN, role="roles/viewer", member="user:b@example.com", condition=condition
    )

    assert sorted(answer.replaces) == ["condition", "member", "role", "serviceAccountId"]


def test_a_member_of_the_project_is_added_and_taken_away(project_members: Type, google_api: GoogleClient) -> None:
    member = project_members.create(project=seed.PROJECT_ID, role="roles/viewer", member=SOMEONE)

    assert member.id == f"{seed.PROJECT_ID}/roles/viewer/{SOMEONE}"
    policy = google_api.call("POST", f"/v1/{PROJECT}:getIamPolicy", {})
    assert {"role": "roles/viewer", "members": [SOMEONE]} in policy["bindings"]
    project_members.delete(member)
    assert project_members.refresh(member) is None


def test_a_pool_is_its_path_and_its_name_has_the_projects_number(pool: Deployed) -> None:
    assert pool.id == POOL
    assert pool.state["name"] == POOL.replace(seed.PROJECT_ID, seed.PROJECT_NUMBER)
    assert (pool.state["state"], pool.state["project"]) == ("ACTIVE", seed.PROJECT_ID)


def test_a_pool_is_updated_in_place_and_replaced_by_another_id(pools: Type, pool: Deployed) -> None:
    wanted = {"workloadIdentityPoolId": "poc-aws-pool", "description": "New", "disabled": True}
    assert pools.changes(pool, **wanted) == {"description": "add", "disabled": "add", "displayName": "delete"}

    updated = pools.update(pool, **wanted)

    assert pools.changes(updated, **wanted) == {}
    assert updated.state["description"] == "New"
    assert pools.diff(updated, workloadIdentityPoolId="another-pool").replaces == ["workloadIdentityPoolId"]


@pytest.mark.parametrize("import_id", [POOL, f"{seed.PROJECT_ID}/poc-aws-pool", "poc-aws-pool"])
def test_a_pool_is_imported_by_any_real_form_of_its_id(pools: Type, pool: Deployed, import_id: str) -> None:
    imported = pools.import_by(import_id)

    assert imported is not None
    assert imported.id == pool.id
    assert pools.changes(imported, workloadIdentityPoolId="poc-aws-pool", displayName="AWS") == {}


def test_a_soft_deleted_pool_is_gone_and_its_id_is_taken(pools: Type, pool: Deployed) -> None:
    pools.delete(pool)

    assert pools.refresh(pool) is None
    assert pools.import_by(POOL) is None
    pools.delete(pool)
    with pytest.raises(ProviderError, match="Error creating WorkloadIdentityPool: googleapi: Error 409"):
        pools.create(workloadIdentityPoolId="poc-aws-pool")


def test_a_provider_is_made_updated_imported_and_deleted(providers: Type, pool: Deployed) -> None:  # noqa: ARG001
    provider = providers.create(**aws_provider(displayName="AWS"))
    assert provider.id == PROVIDER
    assert provider.state["name"] == PROVIDER.replace(seed.PROJECT_ID, seed.PROJECT_NUMBER)

    wanted = aws_provider(attributeMapping={"google.subject": "assertion.arn"}, attributeCondition="true")
    assert providers.changes(provider, **wanted) == {
        "attributeCondition": "add",
        "attributeMapping": "add",
        "displayName": "delete",
    }
    updated = providers.update(provider, **wanted)
    assert providers.changes(updated, **wanted) == {}

    imported = providers.import_by("poc-aws-pool/aws-provider")
    assert imported is not None
    assert providers.changes(imported, **wanted) == {}
    providers.delete(updated)
    assert providers.refresh(updated) is None


def test_a_changed_audience_is_shown_where_it_is(providers: Type, pool: Deployed) -> None:  # noqa: ARG001
    inputs = {"workloadIdentityPoolId": "poc-aws-pool", "workloadIdentityPoolProviderId": "oidc-provider"}
    provider = providers.create(**inputs, oidc=OIDC, attributeMapping=MAPPING)
    wanted = {**OIDC, "allowedAudiences": ["another", "one"]}

    changes = providers.changes(provider, **inputs, oidc=wanted, attributeMapping=MAPPING)

    assert changes == {"oidc.allowedAudiences[0]": "update", "oidc.allowedAudiences[1]": "add"}
    updated = providers.update(provider, **inputs, oidc=wanted, attributeMapping=MAPPING)
    assert updated.state["oidc"] == wanted


@pytest.mark.parametrize(
    ("type_name", "inputs", "said"),
    [
        ("accounts", {"accountId": "short"}, "must be 6-30 characters"),
        ("accounts", {"accountId": "UPPER-case"}, r"match \[a-z\]"),
        ("accounts", {"accountId": "poc-gcp-to-aws-sa", "description": "x" * 257}, r"range \(0 - 256\)"),
        ("accounts", {"accountId": "poc-gcp-to-aws-sa", "deletionPolicy": "KEEP"}, "one of DELETE, PREVENT, ABANDON"),
        ("pools", {"workloadIdentityPoolId": "gcp-pool"}, 'can not start with "gcp-"'),
        ("pools", {"workloadIdentityPoolId": "abc"}, "must be 4-32 characters"),
        ("pools", {"workloadIdentityPoolId": "Pool"}, "only lowercase letters"),
        ("pools", {"workloadIdentityPoolId": "pool", "attestationRules": []}, "has no input 'attestationRules'"),
        ("providers", aws_provider(workloadIdentityPoolProviderId="gcp-x"), 'can not start with "gcp-"'),
        ("providers", aws_provider(oidc=OIDC), "one of `aws,oidc,saml,x509` can be specified, but aws,oidc were"),
        ("providers", aws_provider(aws={}), "aws.accountId is required"),
        ("providers", aws_provider(aws={"account": "1"}), r"has no input 'aws.account'; it has: accountId"),
        ("members", {"serviceAccountId": EMAIL, "role": "r", "member": SOMEONE}, "must be a service account's name"),
        ("members", {"serviceAccountId": ACCOUNT, "role": "r", "member": EMAIL}, "must have one of the types"),
    ],
)
def test_a_preview_refuses_what_the_real_provider_refuses(
    request: pytest.FixtureRequest, type_name: str, inputs: dict[str, Any], said: str
) -> None:
    with pytest.raises(RefusedAtPlanError, match=said):
        request.getfixturevalue(type_name).check(inputs)


@pytest.mark.parametrize(
    "changed",
    [
        {"aws": {"accountId": "abc"}},
        {"attributeCondition": "x" * 4097},
        {"displayName": "x" * 33},
        {"description": "x" * 257},
    ],
)
def test_a_preview_passes_what_only_google_refuses(
    providers: Type,
    pool: Deployed,  # noqa: ARG001
    changed: dict[str, Any],
) -> None:
    with pytest.raises(ProviderError, match="Error creating WorkloadIdentityPoolProvider: googleapi: Error 400"):
        providers.create(**aws_provider(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"oidc": {"issuerUri": "http://issuer.example.com"}, "attributeMapping": MAPPING},
        {"oidc": OIDC},
    ],
)
def test_a_preview_passes_an_oidc_provider_that_only_google_refuses(
    providers: Type,
    pool: Deployed,  # noqa: ARG001
    changed: dict[str, Any],
) -> None:
    inputs = {key: value for key, value in aws_provider(**changed).items() if key != "aws"}

    with pytest.raises(ProviderError, match="Error creating WorkloadIdentityPoolProvider: googleapi: Error 400"):
        providers.create(**inputs)


def test_a_role_without_its_prefix_passes_the_preview_and_is_refused_by_google(
    members: Type, account: Deployed
) -> None:
    with pytest.raises(ProviderError, match=r"Error applying IAM policy for service account.*googleapi: Error 400"):
        members.create(serviceAccountId=account.id, role="viewer", member=SOMEONE)


def test_the_cluster_is_found_with_its_workload_pool_off(gcp_provider: EmulatedProvider) -> None:
    cluster = call(
        gcp_provider,
        "gcp:container/getCluster:getCluster",
        name=seed.CLUSTER_NAME,
        location=seed.CLUSTER_LOCATION,
    )

    assert cluster["id"] == f"{PROJECT}/locations/{seed.CLUSTER_LOCATION}/clusters/{seed.CLUSTER_NAME}"
    assert cluster["workloadIdentityConfigs"] == []
    assert cluster["nodePools"][0]["nodeConfigs"][0]["workloadMetadataConfigs"] == [{"mode": "GCE_METADATA"}]
    assert cluster["masterAuths"][0]["clusterCaCertificate"]


def test_a_missing_cluster_is_named(gcp_provider: EmulatedProvider) -> None:
    with pytest.raises(ProviderError, match=f"^{PROJECT}/locations/europe-west1/clusters/gone not found$"):
        call(gcp_provider, "gcp:container/getCluster:getCluster", name="gone", location="europe-west1")


def test_the_project_is_known_by_id_and_number(gcp_provider: EmulatedProvider) -> None:
    project = call(gcp_provider, "gcp:organizations/getProject:getProject")

    assert (project["projectId"], project["number"]) == (seed.PROJECT_ID, seed.PROJECT_NUMBER)


def test_the_providers_own_configuration_is_known(gcp_provider: EmulatedProvider) -> None:
    config = call(gcp_provider, "gcp:organizations/getClientConfig:getClientConfig")

    assert config["project"] == seed.PROJECT_ID


def test_existing_pools_and_providers_are_found(
    gcp_provider: EmulatedProvider, providers: Type, pool: Deployed
) -> None:
    provider = providers.create(**aws_provider())
    names = {"workloadIdentityPoolId": "poc-aws-pool", "workloadIdentityPoolProviderId": "aws-provider"}

    found_pool = call(
        gcp_provider, "gcp:iam/getWorkloadIdentityPool:getWorkloadIdentityPool", workloadIdentityPoolId="poc-aws-pool"
    )
    found = call(gcp_provider, "gcp:iam/getWorkloadIdentityPoolProvider:getWorkloadIdentityPoolProvider", **names)

    assert (found_pool["id"], found_pool["name"]) == (pool.id, pool.state["name"])
    assert (found["name"], found["aws"], found["oidcs"]) == (provider.state["name"], [AWS], [])


def test_a_missing_pool_is_named(gcp_provider: EmulatedProvider) -> None:
    with pytest.raises(ProviderError, match="workloadIdentityPools/gone not found"):
        call(gcp_provider, "gcp:iam/getWorkloadIdentityPool:getWorkloadIdentityPool", workloadIdentityPoolId="gone")
