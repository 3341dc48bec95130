"""`doctor credentials`, as the AWS SDK calls it."""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import CredentialRetrievalError

from doctor.cli import main
from federation.google import OPEN_ID_TOKEN_CREATOR
from sandbox import seed
from tests.doctor.live.world import EMAIL, PROJECT_DIRECTORY, ROLE_ARN, World

CLUSTER_ROUTE = ["credentials", "--role-arn", ROLE_ARN, "--kubernetes", "default/s3-reader"]


def profile(world: World, monkeypatch: pytest.MonkeyPatch, *options: str) -> None:
    """Makes AWS_PROFILE=workload a profile whose only credentials are this command's."""
    command = f"{sys.executable} -m doctor credentials --role-arn {ROLE_ARN} {' '.join(options)}"
    config = world.directory / "aws-config"
    config.write_text(f"[profile workload]\nregion = {seed.REGION}\ncredential_process = {command}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "workload")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT_DIRECTORY))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)


def caller() -> str:
    arn: str = boto3.Session().client("sts").get_caller_identity()["Arn"]
    return arn


SESSION_ARN = f"arn:aws:sts::{seed.ACCOUNT_ID}:assumed-role/GCPWorkloadIAMRole/gcp-aws-wif"


def test_a_profile_lists_buckets_by_a_kubernetes_service_account(up: World, monkeypatch: pytest.MonkeyPatch) -> None:
    profile(up, monkeypatch, "--kubernetes", "default/s3-reader")
    assert caller() == SESSION_ARN
    buckets = [bucket["Name"] for bucket in boto3.Session().client("s3").list_buckets()["Buckets"]]
    assert sorted(buckets) == sorted(seed.BUCKETS)


def test_a_profile_works_by_impersonation(up: World, monkeypatch: pytest.MonkeyPatch) -> None:
    up.grant(seed.OPERATOR, role=OPEN_ID_TOKEN_CREATOR)
    profile(up, monkeypatch, "--impersonate", EMAIL)
    assert caller() == SESSION_ARN


def test_a_profile_works_by_the_metadata_server(up: World, monkeypatch: pytest.MonkeyPatch) -> None:
    profile(up, monkeypatch, "--metadata")
    monkeypatch.setenv("GCE_METADATA_HOST", up.sandbox.start_pod("default", "s3-reader"))
    assert caller() == SESSION_ARN


def test_a_profile_works_by_a_token_file(up: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = "/api/v1/namespaces/default/serviceaccounts/s3-reader/token"
    token = up.call_kubernetes("POST", path, {"spec": {"audiences": ["sts.amazonaws.com"]}})["status"]["token"]
    (tmp_path / "token").write_text(token)
    profile(up, monkeypatch, "--token-file", str(tmp_path / "token"))
    assert caller() == SESSION_ARN


def test_a_refused_identity_gives_the_sdk_one_line_that_says_how_to_go_on(
    up: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile(up, monkeypatch, "--kubernetes", "default/default")
    with pytest.raises(CredentialRetrievalError) as refused:
        caller()
    (line,) = [line for line in str(refused.value).splitlines() if "AWS said" in line]
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in line
    assert "python -m doctor explain" in line


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(arguments)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.usefixtures("up")
def test_the_output_is_what_the_sdk_documents(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run([*CLUSTER_ROUTE, "--duration", "900"], capsys)
    assert (status, err) == (0, "")
    output: dict[str, Any] = json.loads(out)
    assert output["Version"] == 1
    assert output.keys() == {"Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert output["Expiration"].endswith("+00:00")


@pytest.mark.usefixtures("up")
def test_nothing_is_written_to_disk(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert run(CLUSTER_ROUTE, capsys)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.usefixtures("up")
def test_a_pod_without_a_service_account_is_told_what_its_metadata_server_said(
    up: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", up.sandbox.start_pod("default", "default"))
    status, out, err = run(["credentials", "--role-arn", ROLE_ARN, "--metadata"], capsys)
    assert (status, out) == (1, "")
    assert "is not annotated with a target Google service account" in err
    assert err.count("\n") == 1


def test_a_token_file_that_only_root_can_read_names_fs_group(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("a.b.c")

    def refuse(*_: object, **__: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refuse)  # root, as whom tests may run, reads anything
    status, out, err = run(
        ["credentials", "--role-arn", ROLE_ARN, "--region", "eu-west-1", "--token-file", str(token)], capsys
    )
    assert (status, out) == (1, "")
    assert "set securityContext.fsGroup on the pod" in err


def test_without_a_region_the_option_to_add_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    status, _, err = run(CLUSTER_ROUTE, capsys)
    assert status == 2
    assert "add --region, such as --region eu-west-1" in err


def test_a_session_name_that_sts_refuses_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run([*CLUSTER_ROUTE, "--session-name", "a b"], capsys)
    assert status == 2
    assert "2-64 of letters, digits and _+=,.@-" in err
