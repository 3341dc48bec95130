"""`token`, `explain` and `lint` on a live world: tokens, roles, providers and policies as the clouds have them."""

import json
from pathlib import Path
from typing import Any

import pytest

from doctor.cli import main
from federation import aws
from federation.google import OPEN_ID_TOKEN_CREATOR
from sandbox import seed
from tests.doctor.live.world import (
    EMAIL,
    ISSUER,
    KUBERNETES_MEMBER,
    OIDC_PROVIDER_ARN,
    PROVIDER,
    ROLE_ARN,
    ROLE_MEMBER,
    ROLE_NAME,
    STACK,
    World,
)

CLUSTER_TOKEN = ["--kubernetes", "default/s3-reader"]
SESSION_ARN = f"arn:aws:sts::{seed.ACCOUNT_ID}:assumed-role/{ROLE_NAME}/pod-1"
Json = dict[str, Any]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command with --json; its exit status and its answer."""

    def run(*arguments: str) -> tuple[int, Json]:
        status = main([*arguments, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


def ids(answer: Json) -> list[str]:
    """Of what fails or is unknown; a role of this minute is a problem of nobody."""
    return [each["id"] for each in answer["findings"] if each["outcome"] != "pass"]


def in_pod(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """As if this ran in the workload's pod."""
    monkeypatch.setenv("GCE_METADATA_HOST", world.sandbox.start_pod("default", "s3-reader"))
    return ["--metadata"]


@pytest.mark.usefixtures("up")
def test_the_clusters_token_is_verified_by_the_clusters_keys(run: Any) -> None:
    status, answer = run("token", *CLUSTER_TOKEN)
    assert status == 0
    assert answer["findings"][0]["said"] == f"is by a key of {ISSUER}"
    assert "GKE service account token of system:serviceaccount:default:s3-reader" in answer["verdict"]


def test_the_pods_google_token_is_verified_by_googles_keys(
    up: World, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, answer = run("token", *in_pod(up, monkeypatch))
    assert status == 0
    assert answer["findings"][0]["said"] == "is by a key of https://accounts.google.com"


def test_an_impersonated_token_is_one_of_the_service_account(up: World, run: Any) -> None:
    up.grant(seed.OPERATOR, role=OPEN_ID_TOKEN_CREATOR)
    status, answer = run("token", "--impersonate", EMAIL)
    assert status == 0
    assert f"A Google ID token of {EMAIL} for sts.amazonaws.com" in answer["verdict"]


def test_a_key_that_was_rotated_away_is_d6(up: World, run: Any, tmp_path: Path) -> None:
    issuer = up.sandbox.issuers.create(ISSUER)
    token = tmp_path / "token"
    token.write_text(issuer.sign({"sub": "x", "aud": "y", "iat": 1, "exp": 4102444800}))
    issuer.rotate()
    status, answer = run("token", str(token))
    assert (status, ids(answer)) == (1, ["D6"])


def test_a_cluster_that_is_gone_is_d6(up: World, run: Any, tmp_path: Path) -> None:
    gone = ISSUER.replace("mgr-main-sbx", "deleted")
    token = tmp_path / "token"
    claims = {"sub": "x", "aud": "y", "iat": 1, "exp": 4102444800}
    token.write_text(up.sandbox.issuers.create(gone).sign(claims))
    status, answer = run("token", str(token))
    assert (status, ids(answer)) == (1, ["D6"])


@pytest.mark.parametrize("by", [["--role", ROLE_ARN], ["--stack", STACK]], ids=["role", "stack"])
def test_both_routes_of_the_program_are_admitted(
    up: World, run: Any, monkeypatch: pytest.MonkeyPatch, by: list[str]
) -> None:
    if by[0] == "--stack":
        by = [*by, "--directory", str(up.directory), "--outputs", str(up.outputs_file())]
    for source in (CLUSTER_TOKEN, in_pod(up, monkeypatch)):
        status, answer = run("explain", *source, *by)
        assert (status, ids(answer)) == (0, [])
        assert "IAM OIDC providers" not in answer["verdict"], "they were looked at"


def test_an_issuer_that_the_account_does_not_know_is_d5(up: World, run: Any) -> None:
    up.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=OIDC_PROVIDER_ARN)
    status, answer = run("explain", *CLUSTER_TOKEN, "--role", ROLE_ARN)
    assert (status, ids(answer)[0]) == (1, "D5")
    assert f"--url {ISSUER} --client-id-list sts.amazonaws.com" in answer["findings"][0]["fix"]


@pytest.mark.usefixtures("up")
def test_an_audience_that_the_account_does_not_list_is_d4(run: Any) -> None:
    status, answer = run("explain", *CLUSTER_TOKEN, "--audience", "sts.amazon.com", "--role", ROLE_ARN)
    assert (status, ids(answer)[0]) == (1, "D4")
    assert "ask for a token for sts.amazonaws.com" in answer["findings"][0]["fix"]


def test_a_provider_for_accounts_google_com_breaks_googles_tokens(
    up: World, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    up.iam.create_open_id_connect_provider(Url="https://accounts.google.com", ClientIDList=["x"])
    status, answer = run("explain", *in_pod(up, monkeypatch), "--role", ROLE_ARN)
    assert status == 1
    assert "delete it" in answer["findings"][0]["fix"]
    assert run("lint", "--account")[0] == 1


def test_a_service_account_that_was_made_anew_is_d11(up: World, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old = up.trust()
    up.call_google("DELETE", f"/v1/projects/{seed.PROJECT_ID}/serviceAccounts/{EMAIL}")
    up.make_service_account()
    up.grant(KUBERNETES_MEMBER)
    up.iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=old)
    status, answer = run("explain", *in_pod(up, monkeypatch), "--role", ROLE_ARN)
    assert (status, ids(answer)[0]) == (1, "D11")
    assert f'to "{up.unique_id}"' in answer["findings"][0]["fix"]


@pytest.mark.usefixtures("up")
def test_a_role_that_is_not_there_is_d1(run: Any) -> None:
    status, answer = run("explain", *CLUSTER_TOKEN, "--role", f"{ROLE_ARN}2")
    assert (status, ids(answer)) == (1, ["D1"])
    assert "no such role" in answer["findings"][0]["said"]


@pytest.mark.usefixtures("up")
def test_a_role_of_another_account_is_not_taken_for_this_ones(run: Any) -> None:
    arn = aws.role_arn("aws", "111122223333", ROLE_NAME)
    status, answer = run("explain", *CLUSTER_TOKEN, "--role", arn)
    assert (status, answer["outcome"]) == (3, "unknown")
    assert "set AWS_PROFILE" in answer["findings"][0]["said"]


@pytest.mark.usefixtures("up")
def test_the_way_back_is_open_for_the_role(run: Any) -> None:
    status, answer = run("explain", SESSION_ARN, "--provider", PROVIDER, "--service-account", EMAIL)
    assert (status, ids(answer)) == (0, [])
    assert answer["member"] == [{"member": ROLE_MEMBER}]


def test_a_role_that_lost_its_binding_is_d24(up: World, run: Any) -> None:
    up.grant(KUBERNETES_MEMBER)
    status, answer = run("explain", SESSION_ARN, "--provider", PROVIDER, "--service-account", EMAIL)
    assert (status, ids(answer)) == (1, ["D24"])
    assert ROLE_MEMBER in answer["findings"][0]["fix"]


def test_the_programs_roles_are_linted_clean(up: World, run: Any) -> None:
    where = ["--directory", str(up.directory), "--outputs", str(up.outputs_file())]
    assert run("lint", "--stack", STACK, *where)[0] == 0
    assert run("lint", "--account")[0] == 0


def test_an_open_role_of_the_account_is_found(up: World, run: Any) -> None:
    policy = json.loads(up.trust())
    del policy["Statement"][0]["Condition"]["StringEquals"]["accounts.google.com:sub"]
    up.iam.create_role(RoleName="open", AssumeRolePolicyDocument=json.dumps(policy))
    status, answer = run("lint", "--account")
    assert (status, ids(answer)) == (1, ["D27"])
    assert answer["findings"][0]["subject"] == "open, Statement[0]"


def test_a_workload_that_the_stack_does_not_have_is_told(up: World, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--directory", str(up.directory), "--outputs", str(up.outputs_file())]
    assert main(["explain", *CLUSTER_TOKEN, "--stack", STACK, "--workload", "other", *where]) == 2
    assert "has no workload other; it has s3-reader" in capsys.readouterr().err
