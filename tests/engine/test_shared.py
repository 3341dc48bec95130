"""Two stacks of one cluster, project and account: the second looks up what the first made. And a stack brought back."""

import shutil
import time
from typing import Any

import boto3
import pytest

from federation.google import gke_issuer
from sandbox import seed
from sandbox.engine import Engine, EngineError, EngineResult
from tests.engine.conftest import MakeEngine, ServedSandbox, stack_config
from tests.engine.documented import run_commands, runbook_commands

SECOND_AUDIENCE = "second.example.com"
POOL = f"projects/{seed.PROJECT_ID}/locations/global/workloadIdentityPools/poc-aws-pool"


def second_config() -> dict[str, Any]:
    """The example, beside sbx: the same cluster, its own provider in the pool of sbx, the account's own issuer."""
    config = stack_config("example")
    config["gcp-aws-wif:awsOidcProvider"] = {"mode": "lookup", "clientIds": ["sts.amazonaws.com", SECOND_AUDIENCE]}
    provider = {"id": "example-tokens", "kind": "oidc", "outboundFederation": "lookup"}
    config["gcp-aws-wif:workloadIdentityPool"] = {"mode": "lookup", "id": "poc-aws-pool", "provider": provider}
    config["gcp-aws-wif:workloads"][0]["awsRole"]["audience"] = SECOND_AUDIENCE
    return config


@pytest.fixture(scope="module")
def first(make_engine: MakeEngine) -> Engine:
    engine = make_engine("sbx")
    engine.update("up")
    return engine


@pytest.fixture(scope="module")
def second(make_engine: MakeEngine, first: Engine) -> Engine:
    assert first, "it is up before the second is made"
    return make_engine("second", second_config())


@pytest.fixture(scope="module")
def issuer(iam: Any) -> str:
    """Outbound identity federation, which somebody turned on for the whole account."""
    url: str = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    return url


@pytest.fixture(scope="module")
def second_up(second: Engine, issuer: str) -> EngineResult:
    assert issuer, "it is on before it is looked up"
    return second.update("up")


@pytest.fixture(scope="module")
def iam(sandbox: ServedSandbox) -> Any:
    return boto3.client(
        "iam",
        endpoint_url=sandbox.endpoints.aws,
        region_name=seed.REGION,
        aws_access_key_id=seed.ACCOUNT_ID,
        aws_secret_access_key=seed.OPERATOR_SECRET_ACCESS_KEY,
    )


def client_ids(iam: Any, arn: str) -> set[str]:
    return set(iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["ClientIDList"])


def provider_ids(sandbox: ServedSandbox) -> set[str]:
    found = sandbox.google("GET", f"/v1/{POOL}/providers").raise_for_status().json()["workloadIdentityPoolProviders"]
    return {provider["name"].rpartition("/")[2] for provider in found}


@pytest.mark.usefixtures("second_up")
def test_they_share_one_oidc_provider_and_one_pool(first: Engine, second: Engine) -> None:
    ours, theirs = first.outputs(), second.outputs()
    shared = ("gke_issuer", "gke_workload_pool", "aws_oidc_provider_arn", "workload_identity_pool")
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}
    assert ours["gke_issuer"] == gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)
    assert theirs["workload_identity_provider"] == f"{ours['workload_identity_pool']}/providers/example-tokens"


def test_what_the_second_adds_to_the_firsts_provider_is_said(second_up: EngineResult) -> None:
    (warning,) = [said for said in second_up.diagnostics if SECOND_AUDIENCE in said]
    assert "Add it to `clientIds` of the stack that owns the provider" in warning


@pytest.mark.usefixtures("second_up")
def test_client_ids_are_merged(second: Engine, iam: Any) -> None:
    arn = second.outputs()["aws_oidc_provider_arn"]
    assert client_ids(iam, arn) == {"sts.amazonaws.com", SECOND_AUDIENCE}


@pytest.mark.usefixtures("second_up")
def test_the_first_changes_nothing_when_it_comes_up_again(first: Engine, second: Engine, iam: Any) -> None:
    assert first.update("up").changed() == {}
    assert SECOND_AUDIENCE in client_ids(iam, second.outputs()["aws_oidc_provider_arn"])


@pytest.mark.usefixtures("second_up")
def test_the_second_changes_and_warns_of_nothing_when_it_comes_up_again(second: Engine) -> None:
    again = second.update("up")
    assert again.changed() == {}
    assert [said for said in again.diagnostics if SECOND_AUDIENCE in said] == []


@pytest.mark.usefixtures("second_up")
def test_the_seconds_provider_takes_the_issuer_that_was_found(sandbox: ServedSandbox, issuer: str) -> None:
    provider = sandbox.google("GET", f"/v1/{POOL}/providers/example-tokens").raise_for_status().json()
    assert provider["oidc"]["issuerUri"] == issuer


@pytest.mark.usefixtures("second_up")
def test_destroying_the_second_leaves_what_it_looked_up(
    first: Engine, second: Engine, iam: Any, sandbox: ServedSandbox, issuer: str
) -> None:
    assert provider_ids(sandbox) == {"aws-provider", "example-tokens"}
    second.update("destroy")
    assert provider_ids(sandbox) == {"aws-provider"}
    assert "sts.amazonaws.com" in client_ids(iam, first.outputs()["aws_oidc_provider_arn"])
    assert iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"] == issuer


@pytest.mark.usefixtures("second_up")
def test_a_destroyed_stack_comes_back_with_the_pool_that_google_kept(first: Engine, sandbox: ServedSandbox) -> None:
    first.update("destroy")
    with pytest.raises(EngineError) as caught:
        first.update("up")
    assert "Error creating WorkloadIdentityPool: googleapi: Error 409: Requested entity already exists" in str(
        caught.value
    )
    names = {"STACK": "sbx", "PROJECT": seed.PROJECT_ID, "POOL": "poc-aws-pool", "PROVIDER": "aws-provider"}
    bring_back(first, sandbox, runbook_commands("gcloud iam workload-identity-pools undelete", **names))
    imported = run_commands(first, runbook_commands("parent=", **names))
    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert set(first.update("up").changed()) == {"create"}, "what the refused run did not come to"


def bring_back(engine: Engine, sandbox: ServedSandbox, commands: str) -> None:
    """Undelete the pool and its provider: by the runbook's commands where there is a gcloud, else as gcloud does."""
    names = [POOL, f"{POOL}/providers/aws-provider"]
    if shutil.which("gcloud"):
        undeleted = run_commands(engine, commands)
        assert undeleted.returncode == 0, undeleted.stderr
    else:
        for name in names:
            sandbox.google("POST", f"/v1/{name}:undelete", {}).raise_for_status()
    deadline = time.monotonic() + 10
    while [sandbox.google("GET", f"/v1/{name}").json()["state"] for name in names] != ["ACTIVE", "ACTIVE"]:
        assert time.monotonic() < deadline, "they did not come back"
        time.sleep(0.05)
