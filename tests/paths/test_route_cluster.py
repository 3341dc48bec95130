"""From a pod's projected token to S3, by what the pod patch gives and nothing else."""

import time
from pathlib import Path

import pytest

from federation.google import gke_issuer
from federation.kubernetes import service_account_subject
from sandbox import seed
from sandbox.server import Sandbox
from tests.paths.support import (
    Outputs,
    Pod,
    assume_role,
    aws_client,
    call,
    make_pod,
    refusal,
    service_account_token,
)

BUCKET = "billing-export-211125558983"
NOT_AUTHORIZED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
WHO_AM_I_AND_READ = f"""
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"].rpartition("/")[0])
print(boto3.client("s3").get_object(Bucket="{BUCKET}", Key="reports/2026.csv")["Body"].read().decode())
"""
READ_AGAIN_AFTER_THE_SESSION = f"""
import sys
import boto3, botocore.credentials

session = boto3.Session()
s3 = session.client("s3")

def read():
    print(s3.get_object(Bucket="{BUCKET}", Key="reports/2026.csv")["Body"].read().decode(), flush=True)

read()
sys.stdin.readline()
credentials = session.get_credentials()
end = credentials._expiry_time
credentials._time_fetcher = botocore.credentials._local_now = lambda: end
read()
"""
"""To botocore's clock, the session ends between the two."""


@pytest.fixture(scope="module")
def role_arn(sandbox: Sandbox, example: Outputs) -> str:
    body = b"12 EUR"
    aws_client(sandbox, "s3").put_object(Bucket=BUCKET, Key="reports/2026.csv", Body=body)
    arn: str = example["workloads"]["report-reader"]["aws_role_arn"]
    return arn


@pytest.fixture
def pod(sandbox: Sandbox, example: Outputs, role_arn: str, tmp_path: Path) -> Pod:
    assert role_arn
    made = make_pod(sandbox, example["workloads"]["report-reader"], "cluster", tmp_path)
    made.project_token()
    return made


def test_plain_boto3_in_the_pod_reads_s3_as_the_role(pod: Pod) -> None:
    arn, _, text = pod.run(WHO_AM_I_AND_READ).partition("\n")
    assert arn == f"arn:aws:sts::{seed.ACCOUNT_ID}:assumed-role/ReportReader"
    assert text == "12 EUR"


def test_no_google_service_account_is_made_for_it(example: Outputs) -> None:
    workload = example["workloads"]["report-reader"]
    assert workload["gcp_service_account_email"] is None
    assert workload["external_account"] is None


def test_after_the_session_boto3_takes_the_token_that_was_written_since(pod: Pod, sandbox: Sandbox) -> None:
    program = pod.start(READ_AGAIN_AFTER_THE_SESSION)
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.stdout.readline() == "12 EUR\n"
    sandbox.kubernetes.issuer.rotate()  # the token that it began with is worth nothing now
    pod.project_token()
    sandbox.aws.expire_sessions()
    rest, errors = program.communicate("\n", timeout=60)
    assert rest == "12 EUR\n", errors


def test_a_session_whose_time_is_over_is_refused(sandbox: Sandbox, role_arn: str) -> None:
    token = service_account_token(sandbox, "default", "report-reader")
    s3 = aws_client(sandbox, "s3", assume_role(sandbox, role_arn, token))
    sandbox.aws.expire_sessions()
    code, message = refusal(lambda: s3.get_object(Bucket=BUCKET, Key="reports/2026.csv"))
    assert code == "ExpiredToken"
    assert "expired" in message


@pytest.mark.parametrize("neighbour", ["default", "image-exporter"])
def test_a_neighbour_in_the_same_namespace_is_refused(sandbox: Sandbox, role_arn: str, neighbour: str) -> None:
    token = service_account_token(sandbox, "default", neighbour)
    assert refusal(lambda: assume_role(sandbox, role_arn, token)) == NOT_AUTHORIZED


def test_the_same_name_in_another_namespace_is_refused(sandbox: Sandbox, role_arn: str) -> None:
    endpoints = sandbox.endpoints
    accounts = "/api/v1/namespaces/kube-public/serviceaccounts"
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "report-reader"}}
    call(endpoints.kubernetes, endpoints.kubernetes_token, "POST", accounts, body).raise_for_status()
    token = service_account_token(sandbox, "kube-public", "report-reader")
    assert refusal(lambda: assume_role(sandbox, role_arn, token)) == NOT_AUTHORIZED


def test_the_same_name_in_another_cluster_is_refused(sandbox: Sandbox, role_arn: str) -> None:
    cluster = sandbox.google.add_cluster(seed.PROJECT_ID, seed.CLUSTER_LOCATION, "neighbour")
    issuer = sandbox.issuers.create(gke_issuer(seed.PROJECT_ID, cluster.location, cluster.name))
    now = int(time.time())
    subject = service_account_subject("default", "report-reader")
    token = issuer.sign({"aud": ["sts.amazonaws.com"], "sub": subject, "iat": now, "exp": now + 3600})
    code, message = refusal(lambda: assume_role(sandbox, role_arn, token))
    assert code == "InvalidIdentityToken"
    assert message.startswith("No OpenIDConnect provider found in your account")


def test_a_token_for_another_audience_is_refused(sandbox: Sandbox, role_arn: str) -> None:
    token = service_account_token(sandbox, "default", "report-reader", "vault.example.com")
    assert refusal(lambda: assume_role(sandbox, role_arn, token)) == (
        "InvalidIdentityToken",
        "Incorrect token audience",
    )


def test_an_expired_token_is_refused(sandbox: Sandbox, role_arn: str) -> None:
    now = int(time.time())
    subject = service_account_subject("default", "report-reader")
    claims = {"aud": ["sts.amazonaws.com"], "sub": subject, "iat": now - 3700, "exp": now - 100}
    token = sandbox.kubernetes.issuer.sign(claims)
    code, message = refusal(lambda: assume_role(sandbox, role_arn, token))
    assert code == "ExpiredTokenException"
    assert "Token expired" in message


def test_a_token_that_was_stolen_before_is_worth_nothing_once_the_trust_is_gone(
    sandbox: Sandbox, role_arn: str
) -> None:
    stolen = service_account_token(sandbox, "default", "report-reader")
    assert assume_role(sandbox, role_arn, stolen)
    iam = aws_client(sandbox, "iam")
    iam.delete_open_id_connect_provider(
        OpenIDConnectProviderArn=iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    )
    code, message = refusal(lambda: assume_role(sandbox, role_arn, stolen))
    assert code == "InvalidIdentityToken"
    assert message.startswith("No OpenIDConnect provider found in your account")
