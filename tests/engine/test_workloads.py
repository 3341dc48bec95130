"""Several workloads in one stack: adding, removing, reordering and renaming one touches only what belongs to it."""

import copy
from collections.abc import Callable
from typing import Any

import boto3
import pytest
import yaml

from sandbox import seed
from sandbox.engine import Engine, EngineError, EngineResult
from tests.engine.conftest import MakeEngine, ServedSandbox, stack_config
from tests.engine.documented import run_commands, runbook_commands

WORKLOADS = "gcp-aws-wif:workloads"
SERVICE_ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/report-reader"
OWN_TYPES = [
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "gcpawswif:aws:WorkloadRole",
    "gcpawswif:index:FederatedWorkload",
    "gcpawswif:kubernetes:Identity",
    "kubernetes:core/v1:ServiceAccount",
]
"""What the workload report-reader is made of."""

Config = dict[str, Any]
Reconfigure = Callable[[Config], Engine]


@pytest.fixture(scope="module")
def engine(make_engine: MakeEngine) -> Engine:
    return make_engine("example")


@pytest.fixture(scope="module")
def up(engine: Engine) -> EngineResult:
    return engine.update("up")


@pytest.fixture
def reconfigured(engine: Engine, up: EngineResult) -> Reconfigure:
    """The stack that is up, with another configuration."""
    assert up

    def write(config: Config) -> Engine:
        file = engine.project / f"Pulumi.{engine.stack}.yaml"
        stack = yaml.safe_load(file.read_text())  # the CLI has put its `encryptionsalt` there
        file.write_text(yaml.safe_dump({**stack, "config": config}))
        return engine

    return write


@pytest.fixture
def iam(sandbox: ServedSandbox) -> Any:
    return boto3.client(
        "iam",
        endpoint_url=sandbox.endpoints.aws,
        region_name=seed.REGION,
        aws_access_key_id=seed.ACCOUNT_ID,
        aws_secret_access_key=seed.OPERATOR_SECRET_ACCESS_KEY,
    )


@pytest.fixture
def config() -> Config:
    return stack_config("example")


def workload(name: str, **overrides: Any) -> Config:
    return {
        "name": name,
        "routes": ["cluster"],
        "kubernetes": {"namespace": "default", "serviceAccount": name},
        "awsRole": {"name": name, "s3": "read-only"},
        **overrides,
    }


def touched(result: EngineResult) -> dict[str, set[str]]:
    """Names of resources by what is done to them, without the stack, whose outputs list all workloads."""
    operations: dict[str, set[str]] = {}
    for operation, urn in result.steps:
        if operation not in {"same", "read"} and "::pulumi:pulumi:Stack::" not in urn:
            operations.setdefault(operation, set()).add(urn.rpartition("::")[2])
    return operations


def test_a_workload_of_the_route_cluster_alone_has_no_google_service_account(up: EngineResult) -> None:
    own = [urn.split("::") for _, urn in up.steps if "::report-reader" in urn]
    assert sorted(types.rpartition("$")[2] for _, _, types, _ in own) == OWN_TYPES


def test_another_order_one_more_and_one_less_touch_no_other(reconfigured: Reconfigure, config: Config) -> None:
    config[WORKLOADS][1] = workload("newcomer")
    config[WORKLOADS].reverse()
    operations = touched(reconfigured(config).update("preview"))
    assert set(operations) == {"create", "delete"}
    assert {name.partition("-")[0] for name in operations["create"]} == {"newcomer"}
    assert {name[:13] for name in operations["delete"]} == {"state-auditor"}


def test_what_changes_of_one_and_whom_the_provider_admits_is_all_that_is_updated(
    reconfigured: Reconfigure, config: Config
) -> None:
    config[WORKLOADS][0]["awsRole"]["s3"][0]["access"] = "read-write"
    config[WORKLOADS].insert(0, workload("newcomer", gcpServiceAccount={"id": "newcomer"}, returnToGcp=True))
    operations = touched(reconfigured(config).update("preview"))
    assert operations.pop("update") == {"workload-identity-provider", "report-reader-aws-s3-buckets"}
    assert set(operations) == {"create"}
    assert {name.partition("-")[0] for name in operations["create"]} == {"newcomer"}


def test_a_renamed_one_is_refused_loudly_and_keeps_working_until_its_state_is_renamed(
    reconfigured: Reconfigure, config: Config, iam: Any, sandbox: ServedSandbox
) -> None:
    before = identity(iam, sandbox)
    config[WORKLOADS][0]["name"] = "bill-reader"
    engine = reconfigured(copy.deepcopy(config))
    with pytest.raises(EngineError) as caught:
        engine.update("up")
    assert "already exists" in str(caught.value)
    assert identity(iam, sandbox) == before

    renamed = run_commands(engine, runbook_commands("old=OLD", OLD="report-reader", NEW="bill-reader"))
    left = renamed.stderr.count("corresponds to an already existing resource")
    assert renamed.stdout.count("Resource renamed") + left == len(OWN_TYPES), renamed.stderr
    operations = touched(engine.update("up"))
    assert operations.pop("delete", set()) <= {"report-reader", "report-reader-aws", "report-reader-kubernetes"}
    assert operations == {}, "only the empty components of the refused run go"
    assert identity(iam, sandbox) == before


def identity(iam: Any, sandbox: ServedSandbox) -> tuple[Any, Any]:
    """What stays the same only if it was never deleted."""
    account = sandbox.kubernetes("GET", SERVICE_ACCOUNT).raise_for_status().json()
    return iam.get_role(RoleName="ReportReader")["Role"], account["metadata"]["uid"]
