"""The doctor on the stack sbx as the real engine makes it: before the first up, after, and with things in the way."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from doctor.cli import main
from doctor.findings import Finding
from doctor.preflight import preflight
from doctor.reach.reads import stack_map
from doctor.stack import load_stack
from doctor.verify import Options, verify
from doctor.verify.waiting import Patience
from federation.outcome import PASS
from sandbox.engine import Engine
from sandbox.environment import command_environment
from sandbox.server import Sandbox
from sandbox.workspace import make_workspace
from tests.doctor.live.world import EMAIL, POOLS, PROJECT_DIRECTORY, ROLE_NAME, STACK, World
from toolchain import find_or_install_pulumi


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[World, Engine]]:
    """An engine with the stack sbx, not up, in a sandbox of its own."""
    with Sandbox(tmp_path / "sandbox") as sandbox:
        path_entries = find_or_install_pulumi(print).path_entries
        environment = command_environment(os.environ, sandbox.endpoints, sandbox.directory, path_entries)
        for name in os.environ.keys() - environment.keys():
            monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        project = make_workspace(PROJECT_DIRECTORY, tmp_path / "project")
        engine = Engine(project, STACK, environment)
        engine.create_stack()
        yield World(sandbox, project), engine


def problems(world: World) -> list[Finding]:
    found = preflight(load_stack(STACK, world.directory), lambda _: None)
    return [finding for finding in found if finding.outcome is not PASS]


def run_imports(finding: Finding, engine: Engine) -> None:
    """Runs the `pulumi import` of a fix, to the letter."""
    (command,) = [line for line in finding.fix.splitlines() if "pulumi import" in line]
    completed = subprocess.run(
        ["sh", "-c", f"{command} --non-interactive"], cwd=engine.project, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr


def test_sbx_is_ready_comes_up_and_keeps_its_promises(
    engine: tuple[World, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, pulumi = engine
    assert problems(world) == []
    pulumi.update("up")
    world.serve_tokens_on_nodes()
    assert problems(world) == []

    monkeypatch.setenv("GCE_METADATA_HOST", world.sandbox.start_pod("default", "s3-reader"))
    stack = load_stack(STACK, world.directory)
    assert verify(stack, Options(), Patience(lambda _: None, successes=1)).findings == []
    reach = stack_map(stack, lambda _: None)
    assert (len(reach.edges), reach.dangers, reach.unread) == (5, (), ())


def test_a_destroyed_sbx_comes_up_again_by_the_printed_commands(engine: tuple[World, Engine]) -> None:
    world, pulumi = engine
    world.make_pool()
    world.call_google("DELETE", f"{POOLS}/poc-aws-pool/providers/aws-provider")
    world.call_google("DELETE", f"{POOLS}/poc-aws-pool")
    pool, provider = problems(world)
    assert (pool.id, provider.id) == ("D12", "D12")
    assert pool.fix == provider.fix, "to be run once, for both"

    world.call_google("POST", f"{POOLS}/poc-aws-pool:undelete")
    world.call_google("POST", f"{POOLS}/poc-aws-pool/providers/aws-provider:undelete")
    run_imports(pool, pulumi)
    assert pulumi.update("up").changes.keys() <= {"create", "update", "same"}, "adopted, and not replaced"
    world.serve_tokens_on_nodes()
    assert problems(world) == []


def test_a_hand_made_account_and_role_are_adopted_by_the_printed_commands(engine: tuple[World, Engine]) -> None:
    world, pulumi = engine
    world.make_service_account()
    nobody = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
    world.iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=document)
    account, role = problems(world)
    assert (account.subject, role.subject) == (f"service account {EMAIL}", f"role {ROLE_NAME}")

    run_imports(account, pulumi)
    run_imports(role, pulumi)
    assert pulumi.update("up").changes.keys() <= {"create", "update", "same"}, "adopted, and not replaced"
    world.serve_tokens_on_nodes()
    assert problems(world) == []


def test_a_stack_that_is_not_up_is_said_by_the_command(
    engine: tuple[World, Engine], capsys: pytest.CaptureFixture[str]
) -> None:
    world, _ = engine
    assert main(["verify", "-s", STACK, "--directory", str(world.directory)]) == 2
    assert "run `pulumi up --stack sbx` first" in capsys.readouterr().err
