"""From the role's AWS credentials back to Google Cloud, with the `external_account` file that the stack puts out."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.auth.exceptions import OAuthError, RefreshError

from federation.google import WORKLOAD_IDENTITY_USER, service_account_email
from sandbox import seed
from sandbox.server import Sandbox
from tests.paths.support import (
    PROJECT,
    Outputs,
    assume_role,
    aws_client,
    documented_program,
    exchange_role,
    google,
    in_the_sandbox,
    let_browse,
    make_pod,
    service_account_token,
)

EMAIL = service_account_email("image-exporter", seed.PROJECT_ID)
ACCOUNT = f"{PROJECT}/serviceAccounts/{EMAIL}"
REJECTED_BY_CONDITION = "The given credential is rejected by the attribute condition."
OTHER_ACCOUNT = "999999999999"
NAME_OF_THE_PROJECT = f"""
from google.auth.transport.requests import AuthorizedSession
answer = AuthorizedSession(credentials).get(os.environ["GOOGLE_APIS"] + "{PROJECT}")
print(answer.status_code, answer.json()["projectNumber"])
"""
BY_DEFAULT_CREDENTIALS = """
import os
import google.auth
credentials, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
"""


@pytest.fixture(scope="module")
def workload(sandbox: Sandbox, example: Outputs) -> dict[str, Any]:
    let_browse(sandbox, EMAIL)
    found: dict[str, Any] = example["workloads"]["image-exporter"]
    return found


@pytest.fixture(scope="module")
def external_account(sandbox: Sandbox, workload: Mapping[str, Any]) -> dict[str, Any]:
    return in_the_sandbox(sandbox, workload["external_account"])


@pytest.fixture
def file(external_account: Mapping[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "external-account.json"
    path.write_text(json.dumps(external_account))
    return path


@pytest.fixture
def session(sandbox: Sandbox, workload: Mapping[str, Any]) -> dict[str, Any]:
    """The role's AWS credentials."""
    token = service_account_token(sandbox, "default", "image-exporter")
    return assume_role(sandbox, workload["aws_role_arn"], token)


def session_of_another_role(sandbox: Sandbox, name: str, account: str = seed.ACCOUNT_ID) -> dict[str, Any]:
    operator = {"AccessKeyId": account, "SecretAccessKey": seed.OPERATOR_SECRET_ACCESS_KEY}
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = aws_client(sandbox, "iam", operator).create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    sts = aws_client(sandbox, "sts", operator)
    credentials: dict[str, Any] = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="attacker")["Credentials"]
    return credentials


def test_plain_google_auth_calls_an_api_as_the_service_account(
    sandbox: Sandbox, file: Path, session: Mapping[str, Any]
) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", BY_DEFAULT_CREDENTIALS + NAME_OF_THE_PROJECT],
        env={
            "PATH": os.environ["PATH"],
            "GOOGLE_APPLICATION_CREDENTIALS": str(file),
            "GOOGLE_APIS": sandbox.endpoints.google,
            "AWS_REGION": seed.REGION,
            "GOOGLE_CLOUD_PROJECT": seed.PROJECT_ID,  # else google-auth asks for the name of the pool's project
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert completed.stdout.split() == ["200", seed.PROJECT_NUMBER], completed.stderr


def test_the_documented_program_does_so_in_the_pod(
    sandbox: Sandbox, workload: Mapping[str, Any], file: Path, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    pod = make_pod(sandbox, workload, "cluster", volume)
    pod.project_token()
    pod.variables = {"EXTERNAL_ACCOUNT": str(file), "GOOGLE_APIS": sandbox.endpoints.google}
    program = documented_program("from google.auth import aws") + NAME_OF_THE_PROJECT
    assert pod.run(program).split() == ["200", seed.PROJECT_NUMBER]


def test_the_file_names_no_secret_and_only_google(workload: Mapping[str, Any]) -> None:
    account = workload["external_account"]
    assert account["type"] == "external_account"
    assert account["token_url"] == "https://sts.googleapis.com/v1/token"
    assert account["service_account_impersonation_url"].endswith(f"/{EMAIL}:generateAccessToken")
    assert not {"client_secret", "private_key"} & account.keys()


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_the_file_is_the_one_that_gcloud_makes(example: Outputs, workload: Mapping[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "by-gcloud.json"
    command = ["gcloud", "iam", "workload-identity-pools", "create-cred-config", example["workload_identity_provider"]]
    subprocess.run(
        [*command, "--aws", "--enable-imdsv2", f"--service-account={EMAIL}", f"--output-file={file}"],
        env={"PATH": os.environ["PATH"], "CLOUDSDK_CONFIG": str(tmp_path / "gcloud")},
        check=True,
        capture_output=True,
    )
    assert json.loads(file.read_text()) == workload["external_account"]


def test_the_guides_member_holds_to_the_letter(sandbox: Sandbox, workload: Mapping[str, Any]) -> None:
    (binding,) = google(sandbox, "POST", f"{ACCOUNT}:getIamPolicy")["bindings"]
    assert binding == {
        "role": WORKLOAD_IDENTITY_USER,
        "members": [
            f"principal://iam.googleapis.com/projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools"
            f"/example-aws-pool/subject/arn:aws:iam::{seed.ACCOUNT_ID}:role/ImageExporter"
        ],
    }
    assert workload["aws_role_arn"] == f"arn:aws:iam::{seed.ACCOUNT_ID}:role/ImageExporter"


@pytest.mark.parametrize("name", ["Neighbour", "ImageExporter2", "NotImageExporter"])
def test_another_role_of_the_account_is_refused(
    sandbox: Sandbox, external_account: Mapping[str, Any], name: str
) -> None:
    attacker = session_of_another_role(sandbox, name)
    with pytest.raises(OAuthError, match=REJECTED_BY_CONDITION):
        exchange_role(external_account, attacker)


def test_a_workload_that_does_not_return_is_refused(
    sandbox: Sandbox, example: Outputs, external_account: Mapping[str, Any]
) -> None:
    token = service_account_token(sandbox, "default", "report-reader")
    neighbour = assume_role(sandbox, example["workloads"]["report-reader"]["aws_role_arn"], token)
    with pytest.raises(OAuthError, match=REJECTED_BY_CONDITION):
        exchange_role(external_account, neighbour)


def test_a_role_of_that_name_in_another_account_is_refused(
    sandbox: Sandbox, external_account: Mapping[str, Any]
) -> None:
    attacker = session_of_another_role(sandbox, "ImageExporter", OTHER_ACCOUNT)
    with pytest.raises(OAuthError, match=f"invalid_grant.*{OTHER_ACCOUNT}"):
        exchange_role(external_account, attacker)


def test_an_iam_user_whose_path_looks_like_the_role_is_refused(
    sandbox: Sandbox, external_account: Mapping[str, Any]
) -> None:
    iam = aws_client(sandbox, "iam")
    iam.create_user(UserName="attacker", Path="/assumed-role/ImageExporter/")
    attacker = iam.create_access_key(UserName="attacker")["AccessKey"]
    with pytest.raises(OAuthError, match=REJECTED_BY_CONDITION):
        exchange_role(external_account, attacker)


def test_a_request_meant_for_another_provider_is_refused(
    external_account: Mapping[str, Any], session: Mapping[str, Any]
) -> None:
    audience = external_account["audience"].replace("aws-roles", "another")
    with pytest.raises(OAuthError, match="invalid_target"):
        exchange_role({**external_account, "audience": audience}, session)


def test_credentials_of_a_session_that_is_over_are_refused(
    sandbox: Sandbox, external_account: Mapping[str, Any], session: Mapping[str, Any]
) -> None:
    sandbox.aws.expire_sessions()
    with pytest.raises(OAuthError, match=r"invalid_grant.*ExpiredToken"):
        exchange_role(external_account, session)


def test_stolen_credentials_are_worth_nothing_once_the_binding_is_gone(
    sandbox: Sandbox, external_account: Mapping[str, Any], session: Mapping[str, Any]
) -> None:
    assert exchange_role(external_account, session)
    before = google(sandbox, "POST", f"{ACCOUNT}:getIamPolicy")["bindings"]
    google(sandbox, "POST", f"{ACCOUNT}:setIamPolicy", {"policy": {"bindings": []}})
    try:
        with pytest.raises(RefreshError, match=r"iam\.serviceAccounts\.getAccessToken.* denied on resource"):
            exchange_role(external_account, session)
    finally:
        google(sandbox, "POST", f"{ACCOUNT}:setIamPolicy", {"policy": {"bindings": before}})


def test_stolen_credentials_are_worth_nothing_once_the_provider_is_gone(
    sandbox: Sandbox, example: Outputs, external_account: Mapping[str, Any], session: Mapping[str, Any]
) -> None:
    assert exchange_role(external_account, session)
    google(sandbox, "DELETE", f"/v1/{example['workload_identity_provider']}")
    with pytest.raises(OAuthError, match="invalid_target"):
        exchange_role(external_account, session)
