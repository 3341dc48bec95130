"""`doctor preflight` in worlds that are broken at one point each, and in those that are not."""

import json
from typing import Any

import boto3
import pytest

from doctor.cli import main
from doctor.errors import UsageError
from doctor.findings import Finding
from doctor.preflight import preflight
from doctor.preflight.google_reads import ACCOUNTS_CONSTRAINT, PROVIDERS_CONSTRAINT
from doctor.stack import load_stack
from federation.aws import oidc_provider_arn
from federation.outcome import FAIL, PASS, UNKNOWN
from sandbox import seed
from sandbox.google.principals import Principal
from tests.doctor.live.world import (
    ACCOUNT_ID,
    CLUSTER,
    EMAIL,
    ISSUER,
    OIDC_PROVIDER_ARN,
    POOLS,
    PROJECT,
    ROLE_NAME,
    STACK,
    World,
)

POOL_RESOURCE = f"projects/{seed.PROJECT_ID}/locations/global/workloadIdentityPools/poc-aws-pool"
DAY = 86400


def findings(world: World) -> list[Finding]:
    """What preflight finds, with the outputs that the world's stack has."""
    return preflight(load_stack(STACK, world.directory, world.outputs_file()), lambda _: None)


def not_passed(world: World) -> list[Finding]:
    return [finding for finding in findings(world) if finding.outcome is not PASS]


def only_problem(world: World) -> Finding:
    """The one finding that is no pass."""
    (finding,) = not_passed(world)
    return finding


@pytest.fixture
def ready(up: World) -> World:
    """A stack that is up, with nodes that serve tokens."""
    up.serve_tokens_on_nodes()
    return up


def test_the_guides_world_is_ready_for_its_first_up(world: World) -> None:
    assert not_passed(world) == []


def test_a_stack_that_is_up_is_ready_for_its_next_up(ready: World) -> None:
    assert not_passed(ready) == []


def test_both_callers_are_named(world: World) -> None:
    said = {finding.subject: finding.said for finding in findings(world)}
    assert said["Google credentials"] == "of platform-engineer@example.com"
    assert said["AWS credentials"] == f"of arn:aws:iam::{seed.ACCOUNT_ID}:root"


def test_a_google_token_that_google_does_not_know_is_found_before_all_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "ya29.expired")
    problem = only_problem(world)
    assert (problem.outcome, problem.subject) == (FAIL, "Google credentials")
    assert problem.fix == "gcloud auth application-default login"
    assert "ya29" not in repr(findings(world))


def test_a_caller_without_an_e_mail_is_unknown_not_absent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    google = world.sandbox.google
    pod = google.kubernetes_principal(google.projects.get(seed.PROJECT_ID), "default", "ci")
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", google.access_tokens.issue(pod, 60))
    (caller,) = [finding for finding in findings(world) if finding.subject == "Google credentials"]
    assert (caller.outcome, caller.said) == (UNKNOWN, "Google takes them, and does not say whose they are")


def test_a_disabled_api_is_named_with_the_command_that_enables_it(world: World) -> None:
    world.call_google("POST", f"{PROJECT}/services/sts.googleapis.com:disable")
    problem = only_problem(world)
    assert problem.said == "not enabled: sts.googleapis.com"
    assert problem.fix == "gcloud services enable sts.googleapis.com --project=mgr-product-sbx"


def test_missing_permissions_on_google_are_named_with_a_role_that_has_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    google = world.sandbox.google
    member = "user:half@example.com"
    roles = ("roles/viewer", "roles/iam.serviceAccountAdmin", "roles/container.clusterAdmin")
    policy = {"bindings": [{"role": role, "members": [member]} for role in roles]}
    google.policies.write(f"projects/{seed.PROJECT_ID}", policy, lambda _: None)
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", google.access_tokens.issue(Principal(member), 60))
    (problem,) = [finding for finding in not_passed(world) if finding.subject.startswith("permissions")]
    assert problem.outcome is FAIL
    assert "iam.workloadIdentityPools.create" in problem.said
    assert "iam.serviceAccounts.create" not in problem.said
    assert problem.fix.endswith("--role=roles/iam.workloadIdentityPoolAdmin")


def test_a_cluster_that_is_not_there_is_said_with_the_command_that_lists_them(world: World) -> None:
    world.configure(cluster={"name": "elsewhere", "location": "europe-west1", "workloadPool": "enable"})
    (problem,) = [finding for finding in not_passed(world) if finding.subject == "cluster elsewhere"]
    assert "there is none of this name in europe-west1 of project mgr-product-sbx" in problem.said
    assert "gcloud container clusters list --project=mgr-product-sbx" in problem.fix


def test_a_workload_pool_that_is_off_fails_only_a_stack_that_verifies_it(world: World) -> None:
    world.configure(cluster={"name": seed.CLUSTER_NAME, "location": seed.CLUSTER_LOCATION, "workloadPool": "verify"})
    problem = only_problem(world)
    assert problem.said == "it is off"
    assert "--workload-pool=mgr-product-sbx.svc.id.goog" in problem.fix


def test_nodes_without_a_metadata_server_are_found_once_the_pool_is_on(up: World) -> None:
    problem = only_problem(up)
    assert problem.subject == "node pool default-pool"
    assert "--workload-metadata=GKE_METADATA" in problem.fix


def test_d12_a_soft_deleted_pool_under_the_id_comes_with_the_way_out(world: World) -> None:
    world.make_pool()
    world.call_google("DELETE", f"{POOLS}/poc-aws-pool")
    problem = not_passed(world)[0]
    assert (problem.id, problem.outcome) == ("D12", FAIL)
    undelete, adopt = problem.fix.splitlines()
    assert (
        undelete
        == "gcloud iam workload-identity-pools undelete poc-aws-pool --location=global --project=mgr-product-sbx"
    )
    assert f'"id": "{POOL_RESOURCE}"' in adopt, (
        "with the project's id: by its number, the next up would replace the pool"
    )
    assert "pulumi import --file adopt.json" in adopt


def test_d12_a_soft_deleted_provider_in_a_pool_that_is_there(world: World) -> None:
    world.make_pool()
    world.call_google("DELETE", f"{POOLS}/poc-aws-pool/providers/aws-provider")
    world.configure(
        workloadIdentityPool={
            "id": "poc-aws-pool",
            "mode": "lookup",
            "provider": {"id": "aws-provider", "kind": "aws"},
        }
    )
    problem = only_problem(world)
    assert problem.id == "D12"
    assert problem.fix.startswith(
        "gcloud iam workload-identity-pools providers undelete aws-provider --workload-identity-pool=poc-aws-pool"
    )


def test_d12_a_pool_of_somebody_else_under_the_id(world: World) -> None:
    world.call_google("POST", f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
    problem = only_problem(world)
    assert "it is there already" in problem.said
    assert problem.id == "D12"
    assert "mode: lookup" in problem.fix


def test_an_id_is_free_again_after_thirty_days(world: World) -> None:
    world.make_pool()
    world.call_google("DELETE", f"{POOLS}/poc-aws-pool")
    google = world.sandbox.google
    for pool in google.workload_identity_pools.pools_of(google.projects.get(seed.PROJECT_ID)):
        pool.deleted_at = (pool.deleted_at or 0) - 31 * DAY
    assert not_passed(world) == []


def test_a_pool_to_look_up_that_is_not_there_is_said(world: World) -> None:
    world.configure(
        workloadIdentityPool={"id": "poc-aws-pool", "mode": "lookup", "provider": {"id": "p-aws", "kind": "aws"}}
    )
    problem = only_problem(world)
    assert problem.said == "the stack looks it up, and there is none"


def test_a_disabled_pool_is_said_with_the_command_that_enables_it(ready: World) -> None:
    ready.call_google("PATCH", f"{POOLS}/poc-aws-pool?updateMask=disabled", {"disabled": True})
    assert only_problem(ready).fix.endswith("--no-disabled")


def test_without_outputs_what_is_there_is_unknown_rather_than_foreign(
    ready: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    found = [
        finding
        for finding in preflight(load_stack(STACK, ready.directory), lambda _: None)
        if finding.outcome is not PASS
    ]
    assert {finding.outcome for finding in found} == {UNKNOWN}
    assert all("the Pulumi CLI is not on PATH" in finding.said for finding in found)


def test_a_service_account_of_somebody_else_is_said(world: World) -> None:
    world.make_service_account()
    problem = only_problem(world)
    assert problem.subject == f"service account {EMAIL}"
    assert "409 already exists" in problem.said


def test_d11_a_service_account_made_anew_no_longer_matches_the_trust(ready: World) -> None:
    ready.call_google("DELETE", f"{PROJECT}/serviceAccounts/{EMAIL}")
    ready.call_google("POST", f"{PROJECT}/serviceAccounts", {"accountId": ACCOUNT_ID})
    problem = only_problem(ready)
    assert problem.id == "D11"
    assert problem.fix == "pulumi up --refresh"


@pytest.mark.parametrize(
    ("constraint", "policy"),
    [
        (PROVIDERS_CONSTRAINT, {"allowedValues": ["https://token.actions.githubusercontent.com"]}),
        (PROVIDERS_CONSTRAINT, {"allValues": "DENY"}),
        (PROVIDERS_CONSTRAINT, {"deniedValues": ["https://sts.amazonaws.com"]}),
        (ACCOUNTS_CONSTRAINT, {"allowedValues": ["111122223333"]}),
    ],
)
def test_d26_an_organization_policy_against_the_provider(world: World, constraint: str, policy: Any) -> None:
    world.sandbox.google.projects.get(seed.PROJECT_ID).constraints[constraint] = policy
    problem = only_problem(world)
    assert (problem.id, problem.outcome) == ("D26", FAIL)
    assert constraint in problem.fix


def test_d26_stays_silent_under_policies_that_allow_the_provider(world: World) -> None:
    constraints = world.sandbox.google.projects.get(seed.PROJECT_ID).constraints
    constraints[PROVIDERS_CONSTRAINT] = {"allowedValues": ["https://sts.amazonaws.com"]}
    constraints[ACCOUNTS_CONSTRAINT] = {"allowedValues": [seed.ACCOUNT_ID]}
    assert not_passed(world) == []


def test_d26_an_organization_policy_that_nobody_shows_is_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    google = world.sandbox.google
    member = "user:no-organization@example.com"
    roles = ["roles/container.admin", "roles/iam.serviceAccountAdmin", "roles/iam.workloadIdentityPoolAdmin"]
    roles.append("roles/serviceusage.serviceUsageAdmin")
    policy = {"bindings": [{"role": role, "members": [member]} for role in roles]}
    google.policies.write(f"projects/{seed.PROJECT_ID}", policy, lambda _: None)
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", google.access_tokens.issue(Principal(member), 60))
    found = not_passed(world)
    assert [(finding.id, finding.outcome) for finding in found] == [("D26", UNKNOWN)] * 2
    assert "orgpolicy.policy.get" in found[0].said


def test_an_account_that_the_stack_may_not_change_ends_aws_findings(world: World) -> None:
    world.configure(**{"aws:allowedAccountIds": ["111122223333"]})
    (problem,) = [finding for finding in not_passed(world) if finding.subject.startswith("AWS")]
    assert problem.outcome is FAIL
    assert "put 211125558983 into aws:allowedAccountIds" in problem.fix
    assert not [finding for finding in findings(world) if finding.subject.startswith("role ")]


def test_d8_a_provider_of_somebody_else_is_to_be_looked_up(world: World) -> None:
    world.iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["another.example.com"])
    problem = only_problem(world)
    assert (problem.id, problem.outcome) == ("D8", FAIL)
    assert "mode: lookup" in problem.fix


def test_d8_stays_silent_where_the_provider_is_looked_up(world: World) -> None:
    world.iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=["another.example.com"])
    world.configure(awsOidcProvider={"mode": "lookup", "clientIds": ["sts.amazonaws.com"]})
    assert not_passed(world) == []
    said = {finding.subject: finding.said for finding in findings(world)}
    assert said[f"IAM OIDC provider {OIDC_PROVIDER_ARN.partition('/')[2]}"].endswith(
        "adds sts.amazonaws.com to its client ids"
    )


def test_d5_a_provider_to_look_up_that_is_not_there(world: World) -> None:
    world.configure(awsOidcProvider={"mode": "lookup"})
    problem = only_problem(world)
    assert problem.id == "D5"
    assert "mode: create" in problem.fix


def test_d8_a_role_of_somebody_else(world: World) -> None:
    nobody = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
    world.iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=policy)
    problem = only_problem(world)
    assert (problem.id, problem.subject) == ("D8", f"role {ROLE_NAME}")


def test_a_provider_for_google_breaks_the_route_google(world: World) -> None:
    world.iam.create_open_id_connect_provider(Url="https://accounts.google.com", ClientIDList=["sts.amazonaws.com"])
    problem = only_problem(world)
    assert "InvalidIdentityToken" in problem.said
    arn = oidc_provider_arn("aws", seed.ACCOUNT_ID, "https://accounts.google.com")
    assert problem.fix.startswith(f"aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {arn}")


def test_a_provider_for_google_is_no_matter_to_the_route_cluster_alone(world: World) -> None:
    world.iam.create_open_id_connect_provider(Url="https://accounts.google.com", ClientIDList=["sts.amazonaws.com"])
    workloads = world.workloads()
    workloads[0]["routes"] = ["cluster"]
    world.configure(workloads=workloads)
    assert not_passed(world) == []


def test_an_account_full_of_providers_is_unknown_as_its_quota_may_be_raised(world: World) -> None:
    for number in range(100):
        world.iam.create_open_id_connect_provider(Url=f"https://issuer{number}.example.com", ClientIDList=["a"])
    problem = only_problem(world)
    assert (problem.subject, problem.outcome) == ("number of IAM OIDC providers", UNKNOWN)


def test_d19_a_trust_policy_that_others_have_filled(ready: World) -> None:
    trust = json.loads(ready.trust())
    trust["Statement"] *= 2
    for number, statement in enumerate(trust["Statement"]):
        statement["Sid"] = f"Statement{number}"
    ready.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=json.dumps(trust))
    problem = only_problem(ready)
    assert (problem.id, problem.subject) == ("D19", f"trust policy of {ROLE_NAME}")
    assert "of the 2048 characters" in problem.said


def as_user(world: World, monkeypatch: pytest.MonkeyPatch, *actions: str) -> None:
    """Makes the caller on AWS a user who may do just these."""
    world.iam.create_user(UserName="engineer")
    allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    world.iam.put_user_policy(UserName="engineer", PolicyName="p", PolicyDocument=policy)
    key = world.iam.create_access_key(UserName="engineer")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])


def test_missing_permissions_on_aws_are_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(world, monkeypatch, "iam:Get*", "iam:List*", "iam:Simulate*", "iam:Tag*", "iam:Update*", "iam:Attach*")
    problem = only_problem(world)
    assert problem.said == "the caller has not iam:CreateOpenIDConnectProvider, iam:CreateRole"
    assert "iam:CreateOpenIDConnectProvider, iam:CreateRole" in problem.fix


def test_a_caller_who_may_all_passes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(world, monkeypatch, "iam:*")
    assert not_passed(world) == []


def test_permissions_that_can_not_be_simulated_are_unknown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(world, monkeypatch, "iam:Get*", "iam:List*")
    problem = only_problem(world)
    assert (problem.subject, problem.outcome) == ("permissions in IAM", UNKNOWN)
    assert "iam:SimulatePrincipalPolicy" in problem.said


def test_no_aws_credentials_are_a_failure_with_a_way_to_sign_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (problem,) = [finding for finding in not_passed(world) if finding.subject == "AWS credentials"]
    assert problem.outcome is FAIL
    assert "aws sso login" in problem.fix


def oidc_pool(outbound: str) -> dict[str, Any]:
    provider = {"id": "aws-oidc", "kind": "oidc", "outboundFederation": outbound}
    return {"id": "poc-aws-pool", "provider": provider}


def test_outbound_federation_that_is_off_is_said_to_a_stack_that_looks_it_up(world: World) -> None:
    world.configure(workloadIdentityPool=oidc_pool("lookup"))
    problem = only_problem(world)
    assert problem.fix.startswith("aws iam enable-outbound-web-identity-federation")


def test_outbound_federation_that_is_on_is_said_to_a_stack_that_enables_it(world: World) -> None:
    world.iam.enable_outbound_web_identity_federation()
    world.configure(workloadIdentityPool=oidc_pool("create"))
    problem = only_problem(world)
    assert "FeatureEnabled" in problem.said
    assert "outboundFederation: lookup" in problem.fix


def test_the_command_prints_json_and_progress_apart(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.directory)
    status = main(["preflight", "-s", STACK, "--outputs", str(world.outputs_file()), "--json"])
    printed = capsys.readouterr()
    answer = json.loads(printed.out)
    assert (status, answer["outcome"]) == (0, "pass")
    assert "… asking AWS who calls" in printed.err


def test_what_fails_comes_first_and_is_counted_last(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.make_pool()
    world.call_google("DELETE", f"{POOLS}/poc-aws-pool")
    status = main(
        ["preflight", "-s", STACK, "--directory", str(world.directory), "--outputs", str(world.outputs_file())]
    )
    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert lines[0].startswith("FAIL D12 workload identity pool poc-aws-pool")
    assert lines[-1].endswith("as `pulumi up` needs it, 2 not, 0 unknown.")


def test_no_credential_is_in_the_output(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    main(["preflight", "-s", STACK, "--directory", str(world.directory), "--outputs", str(world.outputs_file())])
    printed = "".join(capsys.readouterr())
    assert world.sandbox.google.operator_token not in printed
    assert world.sandbox.endpoints.kubernetes_token not in printed


def test_the_cluster_is_only_read(world: World) -> None:
    before = world.call_google("GET", CLUSTER)
    findings(world)
    assert world.call_google("GET", CLUSTER) == before


def test_a_stack_without_a_file_is_a_usage_error_that_names_the_stacks(world: World) -> None:
    with pytest.raises(UsageError, match=r"Pulumi\.prod\.yaml; run this in the project's directory.*: sbx"):
        load_stack("prod", world.directory)


def test_a_stack_file_with_mistakes_shows_each(world: World) -> None:
    world.configure(cluster={"name": "UPPER", "location": "europe-west1"})
    with pytest.raises(UsageError, match="UPPER"):
        load_stack(STACK, world.directory)


def test_boto_needs_no_region_of_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    assert boto3.Session().region_name is None
    assert not_passed(world) == []
