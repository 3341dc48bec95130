"""Progress, the time limit, and that nothing is left running."""

import re
import time
from pathlib import Path

import pytest

from toolchain.commands import Unavailable, run


def run_script(script: str, directory: Path, reported: list[str], limit_seconds: float = 20.0) -> list[str]:
    return run(
        ["sh", "-c", script],
        doing="compiling",
        report=reported.append,
        limit_seconds=limit_seconds,
        directory=directory,
        environment={"NAME": "value"},
    )


def test_the_lines_of_both_outputs_are_returned(tmp_path: Path) -> None:
    assert run_script('echo "$NAME"; echo >&2 in "$PWD"', tmp_path, []) == ["value", f"in {tmp_path}"]


def test_progress_tells_the_stage_the_seconds_and_the_latest_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.commands.REPORT_EVERY_SECONDS", 0.4)
    reported: list[str] = []
    run_script("echo first; echo second; sleep 1", tmp_path, reported)
    stage, *progress = reported
    assert stage == "compiling"
    assert len(progress) >= 2
    assert all(re.fullmatch(r"compiling: \d+ s  second", line) for line in progress)


def test_reading_along_does_not_disturb_what_the_command_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.commands.REPORT_EVERY_SECONDS", 0.01)
    script = "for n in 1 2 3 4 5 6 7 8; do echo line $n; sleep 0.03; done"
    assert run_script(script, tmp_path, []) == [f"line {n}" for n in range(1, 9)]


def test_a_failure_is_told_by_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        run_script("seq 1 100; echo 'no space left'; exit 1", tmp_path, [])
    assert str(caught.value) == "compiling failed: 97\n98\n99\n100\nno space left"


def test_a_failure_without_a_word_is_told_by_its_status(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="compiling failed: sh ended with status 7"):
        run_script("exit 7", tmp_path, [])


def test_at_the_limit_the_command_ends_with_all_that_it_started(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="compiling: not done after 0 s, given up"):
        run_script("(sleep 1; touch survived) & wait", tmp_path, [], limit_seconds=0.3)
    time.sleep(1)
    assert not (tmp_path / "survived").exists()


def test_a_command_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolchain.commands.SECONDS_TO_END", 0.1)
    started = time.monotonic()
    with pytest.raises(Unavailable, match="given up"):
        run_script("trap '' TERM; while true; do sleep 0.1; done", tmp_path, [], limit_seconds=0.3)
    assert time.monotonic() - started < 5
