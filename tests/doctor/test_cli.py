"""The command line: exit statuses, usage errors in one line, and an answer at once."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doctor.conftest import Doctor
from tests.doctor.world import built_policy, google_claims

PROJECT = Path(__file__).parents[2]
COLD_START_SECONDS = 0.4


def test_explain_of_files_answers_within_its_time_from_a_cold_start(doctor: Doctor) -> None:
    """In processor time, as tests share the machine: what it takes on one that does nothing else."""
    token, policy = doctor.file(doctor.token(google_claims())), doctor.file(built_policy())
    command = [sys.executable, "-m", "doctor", "explain", token, "--policy", policy]
    took = []
    for _ in range(3):
        before = _children_seconds()
        completed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        took.append(_children_seconds() - before)
        assert completed.returncode == 0, completed.stderr
    assert min(took) < COLD_START_SECONDS


def _children_seconds() -> float:
    """Processor time of this process's ended children."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize("module", ["typer", "rich", "boto3", "jwt", "requests", "celpy", "pulumi", "pydantic"])
def test_explain_of_files_imports_nothing_slow(doctor: Doctor, module: str) -> None:
    token, policy = doctor.file(doctor.token(google_claims())), doctor.file(built_policy())
    code = (
        "import sys; from doctor.cli import main;"
        f" status = main(['explain', {token!r}, '--policy', {policy!r}]); sys.exit(status or {module!r} in sys.modules)"
    )
    completed = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, check=False)
    assert completed.returncode == 0


@pytest.mark.parametrize("command", ["token", "explain", "lint", "preflight", "credentials"])
def test_every_command_says_what_it_is_for(doctor: Doctor, command: str) -> None:
    answer = doctor.run(command, "--help")
    assert answer.status == 0
    assert "--json" in answer.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "COMMAND"),
        (["diagnose"], "invalid choice"),
        (["explain", "token.jwt"], "--policy FILE, --role ARN, --stack STACK or --provider FILE"),
        (["explain", "no-such-file", "--policy", "no-such-policy"], "no-such-policy can't be read: No such file"),
        (["explain", "token.jwt", "--role", "GCPWorkloadIAMRole"], "arn:aws:iam::111122223333:role/NAME"),
        (["explain", "token.jwt", "--policy", "p", "--role", "r"], "not allowed with"),
    ],
)
def test_unusable_input_is_status_2_and_says_what_to_do(doctor: Doctor, arguments: list[str], says: str) -> None:
    answer = doctor.run(*arguments)
    assert answer.status == 2
    assert says in answer.err
    assert answer.out == ""


def test_a_token_file_that_is_not_there_is_one_line(doctor: Doctor) -> None:
    answer = doctor.run("explain", "no-such-file", "--policy", doctor.file(built_policy()))
    assert answer.status == 2
    assert "give a file, or - and the token on standard input" in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("place", ["--policy", "--providers", "--provider", "--role", "--kubernetes", "--key"])
def test_a_token_in_the_wrong_place_is_not_repeated(doctor: Doctor, place: str) -> None:
    token = doctor.token(google_claims())
    arguments = ["explain", doctor.file(token), place, token]
    if place in ("--providers", "--key", "--kubernetes"):
        arguments += ["--policy", doctor.file(built_policy())]
    assert doctor.run(*arguments).status == 2


def test_a_token_for_a_command_is_not_repeated(doctor: Doctor) -> None:
    assert doctor.run(doctor.token(google_claims())).status == 2
    assert doctor.run("token", doctor.token(google_claims()), doctor.token(google_claims(sub="2"))).status == 2


@pytest.mark.parametrize("pair", ["RoleSessionName", "name=app"])
def test_a_key_must_be_one(doctor: Doctor, pair: str) -> None:
    token, policy = doctor.file(doctor.token(google_claims())), doctor.file(built_policy())
    answer = doctor.run("explain", token, "--policy", policy, "--key", pair)
    assert answer.status == 2
    assert "such as sts:RoleSessionName=app" in answer.err


def test_a_file_that_is_no_text_is_told(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    answer = doctor.run("lint", str(tmp_path / "binary"))
    assert answer.status == 2
    assert "is not text" in answer.err
