"""`make sandbox`, as a user runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.workspace import make_workspace
from tests.engine.conftest import PROJECT

DEMO_SECONDS = 60


def run_demo(project: Path, directory: Path) -> tuple[subprocess.CompletedProcess[str], float]:
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "sandbox", "demo", "--directory", str(directory)],
        cwd=project,
        text=True,
        capture_output=True,
        check=False,
    )
    return result, time.monotonic() - started


def without_chance(printed: str) -> str:
    """What two runs have in common: not the unique id of a service account, nor the seconds it took."""
    return re.sub(r"\b\d{21}\b", "UNIQUE-ID", re.sub(r"\bin \d+ s\b", "in N s", printed)).strip()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, float]:
    result, seconds = run_demo(PROJECT, tmp_path_factory.mktemp("demo") / "sandbox")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout, seconds


def test_it_takes_less_than_a_minute(demo: tuple[str, float]) -> None:
    assert demo[1] < DEMO_SECONDS


@pytest.mark.parametrize(
    "evidence",
    [
        "was off; is mgr-product-sbx.svc.id.goog",
        "projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx for sts.amazonaws.com",
        "no key",
        "iss=https://accounts.google.com, aud=sts.amazonaws.com",
        "accounts.google.com:aud, accounts.google.com:oaud, accounts.google.com:sub",
        "“AWS Workload Identity Pool” ACTIVE",
        "“AWS OIDC Provider”",
        "principal://iam.googleapis.com/projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool"
        "/subject/arn:aws:iam::211125558983:role/GCPWorkloadIAMRole",
        "arn:aws:sts::211125558983:assumed-role/GCPWorkloadIAMRole/gcp-session for 60 minutes",
        "baseline-tfstates-211125558983, billing-export-211125558983, gar-credential-provider-test",
        "is not authorized to perform: iam:ListRoles on resource: arn:aws:iam::211125558983:role/ "
        "because no identity-based policy allows the iam:ListRoles action",
        "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity",
        "InvalidIdentityToken: Incorrect token audience",
        "0 changes",
        "nothing left but mgr-product-sbx.svc.id.goog on the cluster",
    ],
)
def test_it_shows_what_was_seen(demo: tuple[str, float], evidence: str) -> None:
    assert evidence in demo[0]


def test_the_readme_shows_what_it_prints(demo: tuple[str, float]) -> None:
    readme = (PROJECT / "README.md").read_text()
    shown = readme.partition("```text\n")[2].partition("```")[0]
    assert without_chance(shown) == without_chance(demo[0])


def test_no_token_is_shown(demo: tuple[str, float]) -> None:
    assert "eyJ" not in demo[0], "how every JWT begins"


def test_a_step_that_fails_says_what_was_expected_and_seen(tmp_path: Path) -> None:
    project = make_workspace(PROJECT, tmp_path / "project")
    stack = project / "Pulumi.sbx.yaml"
    stack.write_text(stack.read_text().replace("GCPWorkloadIAMRole", "AnotherRole"))
    result, _ = run_demo(project, tmp_path / "sandbox")
    assert result.returncode == 1
    assert "expected: principal://" in result.stdout
    assert "role/GCPWorkloadIAMRole" in result.stdout
    assert "role/AnotherRole" in result.stdout


def processes_of(directory: Path) -> list[str]:
    """The command lines of what runs with the sandbox in this directory as its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(directory).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:  # it has ended meanwhile
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def test_ctrl_c_leaves_no_process_of_the_engine(tmp_path: Path) -> None:
    directory = tmp_path / "sandbox"
    command = [sys.executable, "-m", "sandbox", "demo", "--directory", str(directory)]
    demo = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, start_new_session=True)
    assert wait_until(lambda: any("pulumi-language-python" in line for line in processes_of(directory)), DEMO_SECONDS)
    os.killpg(demo.pid, signal.SIGINT)  # as a terminal does: to the whole group
    assert demo.wait(timeout=30) != 0
    assert wait_until(lambda: not processes_of(directory), 5), processes_of(directory)
    assert list(directory.iterdir()) == []
