"""The guide's stack on the real engine: what `pulumi up` makes, keeps, mends and takes away."""

import json
import subprocess
import time

import boto3
import pytest

from federation.google import cluster_path
from sandbox import seed
from sandbox.engine import Engine, EngineResult
from tests.engine.conftest import MakeEngine, ServedSandbox

CLUSTER = "/v1/" + cluster_path(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)
ACCOUNT = f"/v1/projects/{seed.PROJECT_ID}/serviceAccounts/poc-gcp-to-aws-sa@{seed.PROJECT_ID}.iam.gserviceaccount.com"
PREVIEW_SECONDS = 10


@pytest.fixture(scope="module")
def engine(make_engine: MakeEngine) -> Engine:
    return make_engine("sbx")


@pytest.fixture(scope="module")
def preview(engine: Engine) -> tuple[EngineResult, float]:
    """The preview of the empty stack, and the least seconds that one took: other tests use the machine as well."""
    seconds = []
    for _ in range(2):
        started = time.monotonic()
        result = engine.update("preview")
        seconds.append(time.monotonic() - started)
    return result, min(seconds)


@pytest.fixture(scope="module")
def up(engine: Engine, preview: tuple[EngineResult, float]) -> EngineResult:
    assert preview, "the preview comes before anything is made"
    return engine.update("up")


@pytest.fixture
def iam(sandbox: ServedSandbox) -> boto3.client:
    return boto3.client(
        "iam",
        endpoint_url=sandbox.endpoints.aws,
        region_name=seed.REGION,
        aws_access_key_id=seed.ACCOUNT_ID,
        aws_secret_access_key=seed.OPERATOR_SECRET_ACCESS_KEY,
    )


def workload_pool(sandbox: ServedSandbox) -> str | None:
    pool: str | None = sandbox.google("GET", CLUSTER).json().get("workloadIdentityConfig", {}).get("workloadPool")
    return pool


def trusted_subjects(iam: boto3.client) -> list[str]:
    document = iam.get_role(RoleName="GCPWorkloadIAMRole")["Role"]["AssumeRolePolicyDocument"]
    return [
        value
        for statement in document["Statement"]
        for key, value in statement["Condition"]["StringEquals"].items()
        if key.endswith(":sub")
    ]


def test_preview_takes_less_than_ten_seconds(preview: tuple[EngineResult, float]) -> None:
    assert preview[1] < PREVIEW_SECONDS


def test_preview_only_creates(preview: tuple[EngineResult, float]) -> None:
    assert set(preview[0].changes) == {"create"}


def test_up_does_what_preview_said(preview: tuple[EngineResult, float], up: EngineResult) -> None:
    assert up.changes == preview[0].changes


@pytest.mark.usefixtures("up")
def test_the_outputs_are_those_of_the_guide(engine: Engine, iam: boto3.client) -> None:
    outputs = engine.outputs()
    workload = outputs["workloads"].pop("s3-reader")
    assert outputs == {
        "gke_workload_pool": "mgr-product-sbx.svc.id.goog",
        "gke_issuer": "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx",
        "aws_oidc_provider_arn": "arn:aws:iam::211125558983:oidc-provider/container.googleapis.com"
        "/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx",
        "workload_identity_pool": "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool",
        "workload_identity_provider": "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool"
        "/providers/aws-provider",
        "workloads": {},
    }
    assert workload["aws_role_arn"] == "arn:aws:iam::211125558983:role/GCPWorkloadIAMRole"
    assert workload["gcp_service_account_email"] == "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"
    assert workload["gcp_service_account_unique_id"] in trusted_subjects(iam)
    assert workload["routes"] == ["google", "cluster"]
    assert workload["kubernetes_service_account"] == "default/s3-reader"
    assert workload["audience"] == "sts.amazonaws.com"


@pytest.mark.usefixtures("up")
def test_a_second_up_changes_nothing(engine: Engine) -> None:
    assert engine.update("up").changed() == {}


@pytest.mark.usefixtures("up")
def test_a_refresh_finds_everything_as_it_was_written(engine: Engine) -> None:
    assert engine.update("refresh").changed() == {}
    assert engine.update("up").changed() == {}


@pytest.mark.usefixtures("up")
def test_no_credential_of_the_operator_is_in_the_state(engine: Engine, sandbox: ServedSandbox) -> None:
    state = subprocess.run(
        ["pulumi", "stack", "export", "--stack", "sbx", "--show-secrets"],
        cwd=engine.project,
        env=dict(engine.environment),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert json.loads(state)["deployment"]["resources"]
    assert sandbox.endpoints.google_token not in state
    assert sandbox.endpoints.kubernetes_token not in state


@pytest.mark.usefixtures("up")
def test_a_workload_pool_turned_off_by_hand_is_turned_on_again(engine: Engine, sandbox: ServedSandbox) -> None:
    off = {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": ""}}}
    assert sandbox.google("PUT", CLUSTER, off).status_code == 200
    deadline = time.monotonic() + 30
    while workload_pool(sandbox) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert workload_pool(sandbox) is None
    engine.update("up", "--refresh")
    assert workload_pool(sandbox) == "mgr-product-sbx.svc.id.goog"


@pytest.mark.usefixtures("up")
def test_a_recreated_service_account_rewrites_the_trust_in_the_same_run(
    engine: Engine, sandbox: ServedSandbox, iam: boto3.client
) -> None:
    before = sandbox.google("GET", ACCOUNT).json()["uniqueId"]
    assert before in trusted_subjects(iam)
    assert sandbox.google("DELETE", ACCOUNT).status_code == 200
    engine.update("up", "--refresh")
    after = sandbox.google("GET", ACCOUNT).json()["uniqueId"]
    assert after != before
    assert after in trusted_subjects(iam)
    assert before not in trusted_subjects(iam)


@pytest.mark.usefixtures("up")
def test_destroy_leaves_nothing_but_the_clusters_workload_pool(
    engine: Engine, sandbox: ServedSandbox, iam: boto3.client
) -> None:
    engine.update("destroy")
    assert workload_pool(sandbox) == "mgr-product-sbx.svc.id.goog"
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert "GCPWorkloadIAMRole" not in [role["RoleName"] for role in iam.list_roles()["Roles"]]
    assert sandbox.google("GET", ACCOUNT).status_code == 404
    assert sandbox.kubernetes("GET", "/api/v1/namespaces/default/serviceaccounts/s3-reader").status_code == 404
