"""A cluster, a service account and a pool, each in a project of its own, none of them the stack's."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from federation.google import gke_issuer, service_account_email
from sandbox import seed
from sandbox.google import create_metadata_app
from sandbox.http_server import HttpServer
from sandbox.kubernetes import KubernetesCluster
from sandbox.kubernetes.cluster import Write
from sandbox.kubernetes.objects import KINDS
from sandbox.server import Sandbox
from tests.engine.conftest import MakeEngine, stack_config
from tests.paths.support import (
    Outputs,
    assume_role,
    exchange_role,
    google,
    id_token_at,
    in_the_sandbox,
    refusal,
    service_account_token,
    wait_until,
)

CLUSTERS, IDENTITIES, POOLS = "clusters-prod", "identities-prod", "pools-prod"
POOLS_NUMBER = "333333333333"
EMAIL = service_account_email("image-exporter", IDENTITIES)
ACCOUNT = f"/v1/projects/{IDENTITIES}/serviceAccounts/{EMAIL}"


@pytest.fixture(scope="module")
def workload(sandbox: Sandbox, make_engine: MakeEngine) -> dict[str, Any]:
    """The outputs of the example's last workload, with both routes, when everything is elsewhere."""
    for number, project in (("111111111111", CLUSTERS), ("222222222222", IDENTITIES), (POOLS_NUMBER, POOLS)):
        sandbox.google.add_project(project, number)
    sandbox.google.add_cluster(CLUSTERS, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)
    config = stack_config("example")
    config["gcp-aws-wif:cluster"]["project"] = CLUSTERS
    config["gcp-aws-wif:workloadIdentityPool"]["project"] = POOLS
    exporter = config["gcp-aws-wif:workloads"].pop()
    exporter["routes"] = ["cluster", "google"]
    exporter["gcpServiceAccount"]["project"] = IDENTITIES
    config["gcp-aws-wif:workloads"] = [exporter]
    engine = make_engine("elsewhere", config)
    engine.update("up")
    outputs: Outputs = engine.outputs()
    found: dict[str, Any] = outputs["workloads"]["image-exporter"]
    return found


@pytest.fixture(scope="module")
def cluster_token(sandbox: Sandbox, workload: Mapping[str, Any]) -> str:
    """A token of the workload's service account, by the cluster of the other project."""
    issuer = sandbox.issuers.create(gke_issuer(CLUSTERS, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME))
    cluster = KubernetesCluster(issuer)
    cluster.create(KINDS["serviceaccounts"], "default", {"metadata": {"name": "image-exporter"}}, Write("test"))
    spec = {"audiences": [workload["audience"]], "expirationSeconds": 3600}
    token: str = cluster.request_token("default", "image-exporter", {"spec": spec})["status"]["token"]
    return token


@pytest.fixture(scope="module")
def pod_host(sandbox: Sandbox) -> Iterator[str]:
    """The metadata server of the workload's pod in the other project's cluster."""
    server = HttpServer()
    server.start(create_metadata_app(sandbox.google, "default", "image-exporter", lambda: EMAIL, project_id=CLUSTERS))
    yield server.url.removeprefix("http://")
    server.stop()


def test_a_token_of_the_cluster_in_another_project_opens_the_role(
    sandbox: Sandbox, workload: Mapping[str, Any], cluster_token: str
) -> None:
    assert assume_role(sandbox, workload["aws_role_arn"], cluster_token)


def test_a_token_of_the_cluster_of_that_name_in_the_stacks_own_project_is_refused(
    sandbox: Sandbox, workload: Mapping[str, Any]
) -> None:
    token = service_account_token(sandbox, "default", "image-exporter")
    code, message = refusal(lambda: assume_role(sandbox, workload["aws_role_arn"], token))
    assert code == "InvalidIdentityToken"
    assert message.startswith("No OpenIDConnect provider found in your account")


def test_a_pod_there_gets_a_token_of_the_account_in_a_third_project(
    sandbox: Sandbox, workload: Mapping[str, Any], pod_host: str
) -> None:
    assert workload["gcp_service_account_email"] == EMAIL
    assert assume_role(sandbox, workload["aws_role_arn"], id_token_at(pod_host))


def test_a_pod_of_that_name_in_the_stacks_own_project_gets_none(sandbox: Sandbox, workload: Mapping[str, Any]) -> None:
    assert workload
    cluster = f"/v1/projects/{seed.PROJECT_ID}/locations/{seed.CLUSTER_LOCATION}/clusters/{seed.CLUSTER_NAME}"
    on = {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": f"{seed.PROJECT_ID}.svc.id.goog"}}}
    google(sandbox, "PUT", cluster, on)
    wait_until(lambda: "workloadIdentityConfig" in google(sandbox, "GET", cluster), "the workload pool")
    host = sandbox.start_pod("default", "image-exporter")
    with pytest.raises(httpx.HTTPStatusError) as caught:
        id_token_at(host)
    assert caught.value.response.status_code == 403
    assert "Unable to generate ID token; IAM returned 403 Forbidden" in caught.value.response.text


def test_the_role_comes_back_through_the_pool_of_a_fourth_project(
    sandbox: Sandbox, workload: Mapping[str, Any], cluster_token: str
) -> None:
    account = workload["external_account"]
    assert account["audience"].startswith(f"//iam.googleapis.com/projects/{POOLS_NUMBER}/")
    session = assume_role(sandbox, workload["aws_role_arn"], cluster_token)
    assert exchange_role(in_the_sandbox(sandbox, account), session)
    members = [
        member
        for binding in google(sandbox, "POST", f"{ACCOUNT}:getIamPolicy")["bindings"]
        for member in binding["members"]
    ]
    assert sorted(members) == [
        f"principal://iam.googleapis.com/projects/{POOLS_NUMBER}/locations/global/workloadIdentityPools/example-aws-pool"
        f"/subject/{workload['aws_role_arn']}",
        f"serviceAccount:{CLUSTERS}.svc.id.goog[default/image-exporter]",
    ]
