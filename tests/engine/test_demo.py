"""`make sandbox`, as a user runs it."""

import subprocess
import sys
import time
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
