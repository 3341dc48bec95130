"""Only what is finished is taken for finished, whoever else is at work and whatever was interrupted."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.toolchain.machine import PROJECT, WRITE_BINARY, Machine
from toolchain.build import BUILT_VERSION
from toolchain.cache import cache_directory

BUILT = f"{BUILT_VERSION}-built"


def wait_for(file: Path) -> None:
    started = time.monotonic()
    while not file.exists():
        assert time.monotonic() - started < 20, f"{file} did not appear"
        time.sleep(0.02)


def test_a_second_run_starts_no_command(machine: Machine) -> None:
    logs_itself = (
        f"""printf '#!/bin/sh\\necho ran >> {machine.log}\\necho v{BUILT_VERSION}\\n' > "$6"; chmod +x "$6" """
    )
    machine.add_go(build=logs_itself)
    first = machine.find()
    assert "ran" in machine.log.read_text().splitlines()
    machine.log.unlink()
    machine.reported.clear()
    assert machine.find() == first
    assert not machine.log.exists()
    assert machine.reported == []


def test_a_second_run_takes_less_than_a_second(machine: Machine) -> None:
    machine.add_go()
    machine.find()
    taken = []
    for _ in range(3):
        started = time.monotonic()
        machine.start().communicate()
        taken.append(time.monotonic() - started)
    assert min(taken) < 1


def test_a_second_run_does_not_import_pulumi(machine: Machine) -> None:
    machine.add_go()
    machine.find()
    program = "import sys, toolchain; toolchain.find_or_install_pulumi(print); print('pulumi' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_a_build_that_fails_leaves_nothing_and_the_next_one_starts_afresh(machine: Machine) -> None:
    machine.add_go(build=f'touch "$6"; case "$6" in *python) exit 1 ;; *) {WRITE_BINARY} ;; esac')
    machine.failure()
    assert machine.in_cache() == []
    machine.add_go()
    assert machine.find().source == "built"
    assert machine.in_cache() == [BUILT]


def test_a_run_that_is_killed_leaves_nothing_that_is_taken_for_finished(machine: Machine, tmp_path: Path) -> None:
    compiling = tmp_path / "compiling"
    machine.add_go(build=f'{WRITE_BINARY}; touch "{compiling}"; exec sleep 3')
    run = machine.start()
    wait_for(compiling)
    run.kill()
    run.communicate()
    (unfinished,) = machine.in_cache()
    machine.add_go()
    machine.log.unlink()
    assert machine.find().source == "built"
    assert len(machine.asked_of_go("build")) == 2
    assert unfinished not in machine.in_cache()


def test_ctrl_c_ends_the_build_and_clears_up(machine: Machine, tmp_path: Path) -> None:
    compiling, survived = tmp_path / "compiling", tmp_path / "survived"
    machine.add_go(build=f'touch "{compiling}"; sleep 1; touch "{survived}"')
    run = machine.start()
    wait_for(compiling)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=10)
    assert (run.returncode, said.splitlines()[-1]) == (130, "error: interrupted; nothing unfinished is left behind")
    assert machine.in_cache() == []
    time.sleep(1.2)
    assert not survived.exists()


def test_a_built_cli_of_another_version_is_not_kept(machine: Machine) -> None:
    machine.add_go(build=WRITE_BINARY.replace(BUILT_VERSION, "3.0.0"))
    assert f"Go modules gave pulumi 3.0.0 where {BUILT_VERSION} was asked for" in machine.failure()
    assert machine.in_cache() == []


def test_a_cached_cli_whose_files_were_deleted_is_made_anew(machine: Machine) -> None:
    machine.add_go()
    found = machine.find()
    (found.pulumi.parent / "pulumi-language-python").unlink()
    assert machine.find() == found
    assert (found.pulumi.parent / "pulumi-language-python").exists()


def test_two_runs_at_once_build_once_and_the_second_says_what_it_waits_for(machine: Machine, tmp_path: Path) -> None:
    compiling = tmp_path / "compiling"
    machine.add_go(build=f'touch "{compiling}"; sleep 1; {WRITE_BINARY}')
    first = machine.start()
    wait_for(compiling)
    second = machine.start()
    (first_path, _), (second_path, second_said) = first.communicate(), second.communicate()
    assert first_path == second_path == f"{machine.cache / BUILT / 'bin' / 'pulumi'}\n"
    assert len(machine.asked_of_go("build")) == 2
    assert second_said.startswith("another run is getting the Pulumi CLI, waiting for it: 0 s")


def test_a_cache_that_can_not_be_written_is_an_error_that_names_the_setting(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    occupied = tmp_path / "occupied"
    occupied.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(occupied))
    said = machine.failure()
    assert f"can't be kept in {occupied}" in said
    assert "set XDG_CACHE_HOME to a directory that can be written to" in said


@pytest.mark.parametrize("configured", ["", "relative/cache"])
def test_a_cache_home_that_is_not_absolute_is_ignored(
    configured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", configured)
    assert cache_directory() == tmp_path / ".cache" / "gcp-aws-wif" / "pulumi"
