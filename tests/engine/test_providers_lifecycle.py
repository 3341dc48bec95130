"""The attached providers on the real engine: one resource of each cloud from its first preview to its end."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from sandbox import seed
from sandbox.engine import Engine, EngineError
from sandbox.environment import command_environment
from tests.engine.conftest import ServedSandbox
from toolchain import Toolchain

STACK = "lifecycle"
ACCOUNTS = f"/v1/projects/{seed.PROJECT_ID}/serviceAccounts"

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes

config = pulumi.Config("lifecycle")
name = config.require("name")

account = gcp.serviceaccount.Account(
    "account", account_id=config.get("account_id") or name, display_name=config.get("title"),
    description=pulumi.Output.secret("for nobody's eyes"),
)
trust = account.unique_id.apply(lambda unique_id: json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": "accounts.google.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"accounts.google.com:sub": unique_id, "accounts.google.com:oaud": name}},
    }],
}))
role = aws.iam.Role("role", name=name, assume_role_policy=trust, max_session_duration=config.get_int("session"))
kubernetes.core.v1.ServiceAccount(
    "pod", metadata={"name": name, "annotations": {"iam.gke.io/gcp-service-account": account.email}}
)
pulumi.export("email", account.email)
pulumi.export("unique_id", account.unique_id)
pulumi.export("role", role.arn)
pulumi.export("account_of_aws", aws.get_caller_identity().account_id)
"""
IMPORTING_PROGRAM = """
import pulumi
import pulumi_aws as aws

config = pulumi.Config("lifecycle")
aws.iam.Role(
    "role", name=config.require("name"), assume_role_policy=config.require("trust"),
    opts=pulumi.ResourceOptions(import_=config.require("name")),
)
"""
LACKING_PROGRAM = """
import pulumi_aws as aws
aws.s3.Bucket("bucket")
"""
CONFIG = {"gcp:project": seed.PROJECT_ID, "aws:region": seed.REGION, "aws:allowedAccountIds": [seed.ACCOUNT_ID]}

MakeProject = Callable[..., Engine]


@pytest.fixture
def make_project(sandbox: ServedSandbox, toolchain: Toolchain, tmp_path: Path) -> MakeProject:
    """An engine on a project of its own: its program and its configuration."""

    def make(program: str = PROGRAM, **config: str) -> Engine:
        project = tmp_path / f"lifecycle-{uuid.uuid4()}"  # the state's directory is the whole sandbox's
        project.mkdir()
        runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
        (project / "Pulumi.yaml").write_text(yaml.safe_dump({"name": project.name, "runtime": runtime}))
        (project / "__main__.py").write_text(program)
        environment = command_environment(os.environ, sandbox.endpoints, sandbox.directory, toolchain.path_entries)
        engine = Engine(project, STACK, environment)
        engine.create_stack()
        configure(engine, **config)
        return engine

    return make


def configure(engine: Engine, **config: str) -> None:
    """Write the stack's whole configuration, beside what the engine keeps in the file itself."""
    path = engine.project / f"Pulumi.{STACK}.yaml"
    written = yaml.safe_load(path.read_text()) if path.exists() else {}
    values = {**CONFIG, **{f"lifecycle:{key}": value for key, value in config.items()}}
    path.write_text(yaml.safe_dump({**written, "config": values}))


def exported_state(engine: Engine) -> str:
    """The state as it is kept, with its secrets encrypted."""
    return subprocess.run(
        ["pulumi", "stack", "export", "--stack", STACK],
        cwd=engine.project,
        env=dict(engine.environment),
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture
def iam(sandbox: ServedSandbox) -> Any:
    return boto3.client(
        "iam",
        endpoint_url=sandbox.endpoints.aws,
        region_name=seed.REGION,
        aws_access_key_id=seed.ACCOUNT_ID,
        aws_secret_access_key=seed.OPERATOR_SECRET_ACCESS_KEY,
    )


def trusted_subject(iam: Any, role: str) -> str:
    document = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    subject: str = document["Statement"][0]["Condition"]["StringEquals"]["accounts.google.com:sub"]
    return subject


def test_a_role_a_google_account_and_a_pods_identity_go_up_stay_and_go(
    make_project: MakeProject, sandbox: ServedSandbox, iam: Any
) -> None:
    engine = make_project(name="tiny-account")

    assert engine.update("preview").changed() == {"create": 4}
    assert engine.update("up").changed() == {"create": 4}
    outputs = engine.outputs()
    assert outputs["email"] == f"tiny-account@{seed.PROJECT_ID}.iam.gserviceaccount.com"
    assert outputs["account_of_aws"] == seed.ACCOUNT_ID
    assert trusted_subject(iam, "tiny-account") == outputs["unique_id"]
    assert "for nobody's eyes" not in exported_state(engine), "the output of a secret input is a secret"
    assert engine.update("up").changed() == {}
    assert engine.update("refresh").changed() == {}

    assert engine.update("destroy").changed() == {"delete": 4}
    assert sandbox.google("GET", f"{ACCOUNTS}/{outputs['email']}").status_code == 404
    assert sandbox.kubernetes("GET", "/api/v1/namespaces/default/serviceaccounts/tiny-account").status_code == 404


def test_an_update_changes_in_place_and_a_replacement_carries_the_new_id_into_the_trust(
    make_project: MakeProject, iam: Any
) -> None:
    engine = make_project(name="changing-account")
    engine.update("up")
    before = engine.outputs()["unique_id"]

    configure(engine, name="changing-account", title="A title", session="7200")
    assert engine.update("up").changed() == {"update": 2}
    assert engine.outputs()["unique_id"] == before

    configure(engine, name="changing-account", title="A title", session="7200", account_id="replaced-account")
    planned = engine.update("preview").changed()
    assert engine.update("up").changed() == planned
    assert {"replace": 1, "update": 2}.items() <= planned.items()
    assert trusted_subject(iam, "changing-account") == engine.outputs()["unique_id"] != before


def test_what_others_deleted_is_noticed_by_a_refresh_and_made_again(
    make_project: MakeProject, sandbox: ServedSandbox, iam: Any
) -> None:
    engine = make_project(name="deleted-account")
    engine.update("up")
    iam.delete_role(RoleName="deleted-account")
    sandbox.kubernetes("DELETE", "/api/v1/namespaces/default/serviceaccounts/deleted-account")

    assert engine.update("refresh").changed() == {"delete": 2}
    assert engine.update("up").changed() == {"create": 2}


def test_an_existing_role_is_imported_by_a_program_that_describes_it(make_project: MakeProject, iam: Any) -> None:
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": "accounts.google.com"},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {"StringEquals": {"accounts.google.com:sub": "104851367821912345678"}},
                }
            ],
        }
    )
    iam.create_role(RoleName="imported-role", AssumeRolePolicyDocument=trust)

    engine = make_project(IMPORTING_PROGRAM, name="imported-role", trust=trust)

    assert engine.update("up").changed() == {"create": 1, "import": 1}
    assert engine.update("up").changed() == {}


@pytest.mark.parametrize(
    ("program", "config", "said"),
    [
        (PROGRAM, {"name": "wrong-session", "session": "60"}, "expected to be in the range (3600 - 43200), got 60"),
        (LACKING_PROGRAM, {}, "the sandbox's aws provider has no resource type 'aws:s3/bucket:Bucket'"),
    ],
)
def test_a_preview_refuses_with_the_reason_and_no_traceback(
    make_project: MakeProject, program: str, config: dict[str, str], said: str
) -> None:
    with pytest.raises(EngineError) as refused:
        make_project(program, **config).update("preview")

    assert said in str(refused.value)
    assert "Traceback" not in str(refused.value)
