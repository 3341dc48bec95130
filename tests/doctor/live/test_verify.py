"""`doctor verify` on stacks that keep their promise, and on those that do not at one point each."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from doctor.cli import main
from doctor.errors import UsageError
from doctor.findings import Finding
from doctor.report import Report
from doctor.stack import load_stack
from doctor.verify import Options, verify
from doctor.verify.place import check_place
from doctor.verify.waiting import Patience
from doctor.verify.workload import MadeWorkload, made_workloads
from federation.google import OPEN_ID_TOKEN_CREATOR, service_account_email
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.trust import cluster_statement, google_statement, trust_policy
from federation.workload_identity import oidc_attribute_condition, oidc_attribute_mapping
from sandbox import seed
from sandbox.faults import Faults
from tests.doctor.live.world import (
    ACCOUNT_ID,
    EMAIL,
    ISSUER,
    KUBERNETES_MEMBER,
    OIDC_PROVIDER_ARN,
    POOLS,
    PROJECT,
    PROVIDER,
    ROLE_MEMBER,
    ROLE_NAME,
    STACK,
    World,
)

HASTY = Patience(lambda _: None, limit_seconds=1, successes=1, hopeless_after_seconds=0)


def report(world: World, options: Options | None = None, patience: Patience = HASTY) -> Report:
    return verify(load_stack(STACK, world.directory, world.outputs_file()), options or Options(), patience)


def steps(report: Report) -> dict[str, str]:
    """The outcome of each row of the table."""
    (section,) = report.sections
    return {row["step"]: row["outcome"].value for row in section.rows}


def only_problem(world: World, patience: Patience = HASTY) -> Finding:
    (finding,) = report(world, patience=patience).findings
    return finding


@pytest.fixture
def in_pod(up: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A stack that is up, seen from a place with the workload's metadata server."""
    monkeypatch.setenv("GCE_METADATA_HOST", up.sandbox.start_pod("default", "s3-reader"))
    return up


def test_all_that_the_stack_promises_holds_from_the_workloads_pod(in_pod: World) -> None:
    seen = report(in_pod)
    assert seen.findings == []
    assert steps(seen) == dict.fromkeys(
        (
            "9 credentials of s3-reader by google",
            "10 S3 as GCPWorkloadIAMRole",
            "11 refused: iam:ListRoles as GCPWorkloadIAMRole",
            "refused: another audience, google, of s3-reader",
            "9 credentials of s3-reader by cluster",
            "refused: another audience, cluster, of s3-reader",
            "refused: default/default in place of s3-reader",
            "way back of s3-reader",
        ),
        "pass",
    )


def test_the_route_google_is_tried_by_impersonation(up: World) -> None:
    up.grant(ROLE_MEMBER, KUBERNETES_MEMBER)
    grant_operator(up, EMAIL)
    seen = report(up, Options(impersonate=True))
    assert seen.findings == []
    assert steps(seen)["9 credentials of s3-reader by google"] == "pass"


def grant_operator(world: World, email: str) -> None:
    """Adds the person at the keyboard to those who may make the account's ID tokens."""
    path = f"{PROJECT}/serviceAccounts/{email}"
    policy = world.call_google("POST", f"{path}:getIamPolicy")
    bindings = [*policy.get("bindings", []), {"role": OPEN_ID_TOKEN_CREATOR, "members": [seed.OPERATOR]}]
    world.call_google("POST", f"{path}:setIamPolicy", {"policy": {**policy, "bindings": bindings}})


def test_a_place_outside_google_cloud_does_not_try_the_route_google_and_says_how_to(up: World) -> None:
    problem = only_problem(up)
    assert problem.outcome is UNKNOWN
    assert "add --impersonate" in problem.fix


def test_a_place_of_another_identity_does_not_try_the_route_google(up: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", up.sandbox.start_pod("default", "default"))
    problem = only_problem(up)
    assert problem.outcome is UNKNOWN
    assert "this place is mgr-product-sbx.svc.id.goog" in problem.said


def test_another_service_account_is_refused_when_named(in_pod: World) -> None:
    other = service_account_email("neighbour", seed.PROJECT_ID)
    in_pod.call_google("POST", f"{PROJECT}/serviceAccounts", {"accountId": "neighbour"})
    grant_operator(in_pod, other)
    seen = report(in_pod, Options(other_service_account=other))
    assert steps(seen)[f"refused: {other} in place of s3-reader"] == "pass"


def test_propagation_is_waited_for(in_pod: World) -> None:
    in_pod.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=nobodys_trust())
    in_pod.sandbox.aws.faults = Faults(propagation_seconds=1.5)
    in_pod.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=in_pod.trust())
    progress: list[str] = []
    patience = Patience(progress.append, limit_seconds=20, successes=2, hopeless_after_seconds=0)
    assert report(in_pod, patience=patience).findings == []
    assert any("AWS said AccessDenied" in line for line in progress)
    assert any(line == "s3-reader, route google: 1 of 2" for line in progress)


def test_what_works_too_few_times_in_a_row_is_unknown(in_pod: World) -> None:
    seen = report(in_pod, patience=Patience(lambda _: None, limit_seconds=0, successes=3))
    unstable = [finding for finding in seen.findings if finding.subject.startswith("9 credentials")]
    assert [(finding.id, finding.outcome) for finding in unstable] == [("D9", UNKNOWN)] * 2


def nobodys_trust() -> str:
    return trust_policy(google_statement("1" * 21, "nobody@example.iam.gserviceaccount.com", "nobody"))


def test_d9_aws_still_spreading_is_told_from_a_trust_that_is_wrong(in_pod: World) -> None:
    in_pod.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=nobodys_trust())
    in_pod.sandbox.aws.faults = Faults(propagation_seconds=600)
    in_pod.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=in_pod.trust())
    seen = report(in_pod)
    assert [finding.id for finding in seen.findings] == ["D9", "D9"]
    assert "AWS is still spreading the role" in seen.findings[0].said


def test_d10_google_still_spreading_is_told_from_a_binding_that_is_missing(in_pod: World) -> None:
    in_pod.grant()
    in_pod.sandbox.google.faults = Faults(propagation_seconds=600)
    in_pod.grant(KUBERNETES_MEMBER, ROLE_MEMBER)
    seen = report(in_pod)
    assert [finding.id for finding in seen.findings] == ["D10", "D10"]
    google, way_back = seen.findings
    assert "Google is still spreading the binding" in google.said
    assert "Google is still spreading it" in way_back.said


def test_a_missing_binding_of_the_pods_is_named_with_the_command_that_adds_it(in_pod: World) -> None:
    in_pod.grant(ROLE_MEMBER)
    problem = only_problem(in_pod)
    assert problem.subject == "9 credentials of s3-reader by google"
    assert f"--role=roles/iam.workloadIdentityUser --member='{KUBERNETES_MEMBER}'" in problem.fix


def test_d24_a_missing_binding_of_the_role(in_pod: World) -> None:
    in_pod.grant(KUBERNETES_MEMBER)
    problem = only_problem(in_pod)
    assert (problem.id, problem.subject) == ("D24", "way back of s3-reader")
    assert ROLE_MEMBER in problem.fix


def test_d23_a_provider_whose_condition_forgets_the_role(in_pod: World) -> None:
    path = f"{POOLS}/poc-aws-pool/providers/aws-provider?updateMask=attributeCondition"
    in_pod.call_google("PATCH", path, {"attributeCondition": "assertion.arn.startsWith('arn:aws:sts::1:')"})
    problem = only_problem(in_pod)
    assert (problem.id, problem.subject) == ("D23", "way back of s3-reader")


def test_d11_a_service_account_made_anew(in_pod: World) -> None:
    in_pod.call_google("DELETE", f"{PROJECT}/serviceAccounts/{EMAIL}")
    in_pod.call_google("POST", f"{PROJECT}/serviceAccounts", {"accountId": ACCOUNT_ID})
    in_pod.grant(KUBERNETES_MEMBER, ROLE_MEMBER)
    problem = only_problem(in_pod)
    assert problem.id == "D11"
    assert problem.subject == "9 credentials of s3-reader by google"


def test_d1_a_trust_that_pins_another_kubernetes_service_account(in_pod: World) -> None:
    document = trust_policy(
        google_statement(in_pod.unique_id, EMAIL, "sts.amazonaws.com"),
        cluster_statement(OIDC_PROVIDER_ARN, ISSUER, "sts.amazonaws.com", "system:serviceaccount:default:S3-reader"),
    )
    in_pod.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=document)
    problem = only_problem(in_pod)
    assert (problem.id, problem.subject) == ("D1", "9 credentials of s3-reader by cluster")
    assert "system:serviceaccount:default:s3-reader" in problem.fix


def test_d5_a_provider_that_was_deleted(in_pod: World) -> None:
    in_pod.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=OIDC_PROVIDER_ARN)
    assert only_problem(in_pod).id == "D5"


def test_d4_a_provider_that_lacks_the_client_id(in_pod: World) -> None:
    in_pod.iam.add_client_id_to_open_id_connect_provider(
        OpenIDConnectProviderArn=OIDC_PROVIDER_ARN, ClientID="another.example.com"
    )
    in_pod.iam.remove_client_id_from_open_id_connect_provider(
        OpenIDConnectProviderArn=OIDC_PROVIDER_ARN, ClientID="sts.amazonaws.com"
    )
    assert only_problem(in_pod).id == "D4"


def test_d20_a_role_that_s3_refuses(in_pod: World) -> None:
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]}
    in_pod.iam.put_role_policy(RoleName=ROLE_NAME, PolicyName="scp", PolicyDocument=json.dumps(deny))
    problem = only_problem(in_pod)
    assert (problem.id, problem.subject) == ("D20", "10 S3 as GCPWorkloadIAMRole")
    assert "kms:Decrypt" in problem.fix


def test_granted_buckets_are_listed_under_their_prefix(in_pod: World) -> None:
    workloads = in_pod.workloads()
    workloads[0]["awsRole"]["s3"] = [{"bucket": seed.BUCKETS[2], "access": "read-only", "prefix": "reports/"}]
    in_pod.configure(workloads=workloads)
    (section,) = report(in_pod).sections
    seen = {row["step"]: row["seen"] for row in section.rows}
    assert seen["10 S3 as GCPWorkloadIAMRole"] == "gar-credential-provider-test/reports/: empty"


def test_a_role_that_may_list_roles_fails_step_11(in_pod: World) -> None:
    in_pod.iam.attach_role_policy(RoleName=ROLE_NAME, PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
    problem = only_problem(in_pod)
    assert problem.subject == "11 refused: iam:ListRoles as GCPWorkloadIAMRole"
    assert "aws iam list-attached-role-policies --role-name GCPWorkloadIAMRole" in problem.fix


def test_d27_a_role_that_any_pod_can_assume(in_pod: World) -> None:
    trust = json.loads(in_pod.trust())
    key = ISSUER.removeprefix("https://")
    trust["Statement"][1]["Condition"] = {"StringEquals": {f"{key}:aud": "sts.amazonaws.com"}}
    in_pod.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=json.dumps(trust))
    problem = only_problem(in_pod)
    assert (problem.id, problem.outcome, problem.severity) == ("D27", FAIL, "critical")
    assert "of default/default" in problem.said


def test_d13_a_metadata_server_that_does_not_answer(up: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:9")
    problem = only_problem(up)
    assert (problem.id, problem.outcome) == ("D13", FAIL)


def test_a_way_back_by_outbound_tokens(in_pod: World) -> None:
    issuer = in_pod.iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    provider = {
        "oidc": {"issuerUri": issuer, "allowedAudiences": ["sts.amazonaws.com"]},
        "attributeMapping": oidc_attribute_mapping(),
        "attributeCondition": oidc_attribute_condition("aws", seed.ACCOUNT_ID, [ROLE_NAME]),
    }
    in_pod.call_google("POST", f"{POOLS}/poc-aws-pool/providers?workloadIdentityPoolProviderId=outbound", provider)
    allow = {"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*"}
    in_pod.iam.put_role_policy(
        RoleName=ROLE_NAME,
        PolicyName="outbound",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allow]}),
    )
    account = in_pod.outputs["workloads"]["s3-reader"]["external_account"]
    account["audience"] = f"//iam.googleapis.com/{PROVIDER.replace('aws-provider', 'outbound')}"
    account["subject_token_type"] = "urn:ietf:params:oauth:token-type:jwt"
    assert report(in_pod).findings == []


def test_no_token_and_no_credential_is_in_the_output(
    in_pod: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[str] = []
    for client in (httpx.Client, requests.Session):
        monkeypatch.setattr(client, "send", remembering(client.send, received))
    in_pod.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=nobodys_trust())
    main([*command(in_pod), "--limit", "1"])
    printed = "".join(capsys.readouterr())
    secrets = {part for text in received for part in re.findall(r"[\w-]{40,}", text) if EMAIL not in part}
    assert secrets, "tokens were received"
    assert not re.search(r"eyJ|ASIA|ya29\.", printed)
    assert not [secret for secret in secrets if secret in printed]


def remembering(send: Callable[..., Any], received: list[str]) -> Callable[..., Any]:
    """The same method, which notes what is answered."""

    def send_and_note(self: Any, request: Any, **options: Any) -> Any:
        response = send(self, request, **options)
        received.append(response.text)
        return response

    return send_and_note


def command(world: World) -> list[str]:
    return ["verify", "-s", STACK, "--directory", str(world.directory), "--outputs", str(world.outputs_file())]


def test_the_command_ends_with_one_table_and_the_status(in_pod: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command(in_pod), "--successes", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out.endswith("8 as promised, 0 not, 0 unknown.\n")


def test_json_has_a_row_for_each_step(in_pod: World, capsys: pytest.CaptureFixture[str]) -> None:
    main([*command(in_pod), "--successes", "1", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["outcome"] == "pass"
    assert {row["outcome"] for row in answer["verified"]} == {"pass"}


def test_a_stack_that_is_not_up_is_a_usage_error(world: World) -> None:
    with pytest.raises(UsageError, match="run `pulumi up --stack sbx` first"):
        report(world)


def test_a_missing_cli_is_said_with_both_ways_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UsageError, match=r"install it .* or give --outputs"):
        verify(load_stack(STACK, world.directory), Options(), HASTY)


@pytest.fixture
def workloads(up: World) -> list[MadeWorkload]:
    return made_workloads(load_stack(STACK, up.directory, up.outputs_file()).settings, up.outputs)


def pod(tmp_path: Path, workloads: list[MadeWorkload], **changes: str | None) -> dict[str, str]:
    """The environment of the workload's pod, changed."""
    token = tmp_path / "token"
    token.write_text("a.b.c")
    usual: dict[str, str | None] = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "AWS_ROLE_ARN": workloads[0].role_arn,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token),
        "AWS_REGION": "eu-west-1",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def place(workloads: list[MadeWorkload], environment: dict[str, str]) -> list[tuple[str, Any]]:
    return [(finding.id, finding.outcome) for finding in check_place(workloads, environment)]


def test_a_pod_that_is_set_up_passes(tmp_path: Path, workloads: list[MadeWorkload]) -> None:
    assert place(workloads, pod(tmp_path, workloads)) == [("", PASS)]


def test_a_place_outside_kubernetes_is_not_taken_for_a_pod(workloads: list[MadeWorkload]) -> None:
    assert place(workloads, {}) == []


@pytest.mark.parametrize("missing", ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"])
def test_d14_a_pod_that_was_given_nothing(tmp_path: Path, workloads: list[MadeWorkload], missing: str) -> None:
    assert place(workloads, pod(tmp_path, workloads, **{missing: None})) == [("D14", FAIL)]


def test_d14_a_pod_without_the_file(tmp_path: Path, workloads: list[MadeWorkload]) -> None:
    environment = pod(tmp_path, workloads, AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "absent"))
    assert place(workloads, environment) == [("D14", FAIL)]


def test_d15_a_pod_that_may_not_read_its_token(
    tmp_path: Path, workloads: list[MadeWorkload], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = pod(tmp_path, workloads)

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)  # root, as whom tests may run, reads anything
    assert place(workloads, environment) == [("D15", FAIL)]


def test_d16_a_pod_without_a_region(tmp_path: Path, workloads: list[MadeWorkload]) -> None:
    assert ("D16", FAIL) in place(workloads, pod(tmp_path, workloads, AWS_REGION=None))


def test_d25_container_credentials_that_googles_library_does_not_find(workloads: list[MadeWorkload]) -> None:
    environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
    assert place(workloads, environment) == [("D25", FAIL)]
    assert place(workloads, {**environment, "AWS_ACCESS_KEY_ID": "ASIA"}) == []
