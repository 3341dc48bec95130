"""From a pod's metadata server through the patch's own sidecar to S3."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from federation.google import service_account_email
from federation.trust import google_statement, trust_policy
from sandbox import seed
from sandbox.server import Sandbox
from tests.paths.support import (
    PROJECT,
    Outputs,
    Pod,
    assume_role,
    aws_client,
    google,
    id_token,
    make_pod,
    refusal,
    service_account_token,
    wait_until,
)

NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
EMAIL = service_account_email("state-auditor", seed.PROJECT_ID)
LIST_BUCKETS = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"].rpartition("/")[0])
print(*sorted(bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]))
"""


@pytest.fixture(scope="module")
def workload(example: Outputs) -> dict[str, Any]:
    found: dict[str, Any] = example["workloads"]["state-auditor"]
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def pod(sandbox: Sandbox, workload: dict[str, Any], tmp_path: Path) -> Pod:
    volume = tmp_path / "volume"
    volume.mkdir()
    return make_pod(sandbox, workload, "google", volume)


@pytest.fixture
def sidecar(pod: Pod, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = pod.start_sidecar(log)
    wait_until(pod.token_file.exists, "the token file")
    yield process
    process.terminate()
    process.wait(timeout=10)


@pytest.mark.usefixtures("sidecar")
def test_plain_boto3_beside_the_sidecar_lists_buckets_as_the_role(pod: Pod) -> None:
    arn, _, buckets = pod.run(LIST_BUCKETS).partition("\n")
    assert arn == f"arn:aws:sts::{seed.ACCOUNT_ID}:assumed-role/StateAuditor"
    assert buckets.split() == sorted(seed.BUCKETS)


@pytest.mark.usefixtures("sidecar")
def test_the_sidecars_token_is_the_service_accounts_for_the_roles_audience(pod: Pod, workload: dict[str, Any]) -> None:
    claims = jwt.decode(pod.token_file.read_text(), options={"verify_signature": False})
    assert claims["sub"] == workload["gcp_service_account_unique_id"]
    assert claims["aud"] == workload["audience"]
    assert claims["exp"] - claims["iat"] == 3600


@pytest.mark.usefixtures("sidecar")
def test_the_sidecar_prints_nothing_when_all_is_well(log: Path) -> None:
    assert log.read_text() == ""


def test_a_sidecar_that_starts_before_the_binding_takes_effect_waits_for_it(
    sandbox: Sandbox, pod: Pod, log: Path
) -> None:
    account = f"{PROJECT}/serviceAccounts/{EMAIL}"
    policy = google(sandbox, "POST", f"{account}:getIamPolicy")
    google(sandbox, "POST", f"{account}:setIamPolicy", {"policy": {"bindings": []}})
    sidecar = pod.start_sidecar(log)
    try:
        wait_until(lambda: "no identity token yet" in log.read_text(), "a refused attempt")
        assert not pod.token_file.exists()
        bindings = {"policy": {"bindings": policy["bindings"]}}
        google(sandbox, "POST", f"{account}:setIamPolicy", bindings)
        wait_until(pod.token_file.exists, "the token file")
    finally:
        sidecar.terminate()
        sidecar.wait(timeout=10)
    assert "eyJ" not in log.read_text(), "how every token begins"


def test_the_role_also_takes_tokens_in_which_google_names_the_account_by_its_email(
    sandbox: Sandbox, workload: dict[str, Any]
) -> None:
    genuine = jwt.decode(id_token(sandbox, "default", "state-auditor"), options={"verify_signature": False})
    assert genuine["azp"] == workload["gcp_service_account_unique_id"]
    token = sandbox.google.google_issuer.sign({**genuine, "azp": EMAIL})
    assert assume_role(sandbox, workload["aws_role_arn"], token)


@pytest.mark.parametrize("neighbour", ["report-reader", "image-exporter", "default"])
def test_a_neighbours_pod_gets_no_google_token(sandbox: Sandbox, workload: dict[str, Any], neighbour: str) -> None:
    assert workload
    with pytest.raises(httpx.HTTPStatusError) as caught:
        id_token(sandbox, "default", neighbour)
    assert caught.value.response.status_code == 404
    assert "is not annotated with a target Google service account" in caught.value.response.text


def test_another_accounts_token_is_refused(sandbox: Sandbox, workload: dict[str, Any]) -> None:
    other = google(sandbox, "POST", f"{PROJECT}/serviceAccounts", {"accountId": "neighbour"})
    now = int(time.time())
    times = {"iat": now, "exp": now + 3600}
    claims = {"aud": workload["audience"], "azp": other["uniqueId"], "sub": other["uniqueId"], **times}
    token = sandbox.google.google_issuer.sign(claims)
    assert refusal(lambda: assume_role(sandbox, workload["aws_role_arn"], token)) == NOT_AUTHORIZED


def test_a_token_for_another_audience_is_refused(sandbox: Sandbox, workload: dict[str, Any]) -> None:
    token = id_token(sandbox, "default", "state-auditor", "run.example.com")
    assert refusal(lambda: assume_role(sandbox, workload["aws_role_arn"], token)) == NOT_AUTHORIZED


def test_the_pods_own_cluster_token_is_refused(sandbox: Sandbox, workload: dict[str, Any]) -> None:
    token = service_account_token(sandbox, "default", "state-auditor")
    assert refusal(lambda: assume_role(sandbox, workload["aws_role_arn"], token)) == NOT_AUTHORIZED
    assert list(workload["pod_patch"]) == ["google"]


def test_an_expired_token_is_refused(sandbox: Sandbox, workload: dict[str, Any]) -> None:
    genuine = jwt.decode(id_token(sandbox, "default", "state-auditor"), options={"verify_signature": False})
    now = int(time.time())
    token = sandbox.google.google_issuer.sign({**genuine, "iat": now - 3700, "exp": now - 100})
    code, message = refusal(lambda: assume_role(sandbox, workload["aws_role_arn"], token))
    assert code == "ExpiredTokenException"
    assert "Token expired" in message


def test_a_token_that_was_stolen_before_is_worth_nothing_once_the_role_trusts_another_account(
    sandbox: Sandbox, workload: dict[str, Any]
) -> None:
    role_arn = workload["aws_role_arn"]
    stolen = id_token(sandbox, "default", "state-auditor")
    assert assume_role(sandbox, role_arn, stolen)
    iam = aws_client(sandbox, "iam")
    before = iam.get_role(RoleName="StateAuditor")["Role"]["AssumeRolePolicyDocument"]
    successor = trust_policy(google_statement("115000000000000000009", EMAIL, workload["audience"]))
    iam.update_assume_role_policy(RoleName="StateAuditor", PolicyDocument=successor)
    try:
        assert refusal(lambda: assume_role(sandbox, role_arn, stolen)) == NOT_AUTHORIZED
    finally:
        iam.update_assume_role_policy(RoleName="StateAuditor", PolicyDocument=json.dumps(before))


def test_an_account_made_anew_under_the_same_email_is_refused(sandbox: Sandbox, workload: dict[str, Any]) -> None:
    account = f"{PROJECT}/serviceAccounts/{EMAIL}"
    bindings = google(sandbox, "POST", f"{account}:getIamPolicy")["bindings"]
    google(sandbox, "DELETE", account)
    google(sandbox, "POST", f"{PROJECT}/serviceAccounts", {"accountId": "state-auditor"})
    google(sandbox, "POST", f"{account}:setIamPolicy", {"policy": {"bindings": bindings}})
    token = id_token(sandbox, "default", "state-auditor")
    assert refusal(lambda: assume_role(sandbox, workload["aws_role_arn"], token)) == NOT_AUTHORIZED
