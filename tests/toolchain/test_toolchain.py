"""Which Pulumi CLI is taken, and what is said when there is none. The commands on PATH are made for each test."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import Toolchain, ToolchainError, find_or_install_pulumi
from toolchain.build import BUILT_VERSION, LANGUAGE_HOST_VERSION
from toolchain.find import LANGUAGE_HOST, OLDEST_VERSION, cache_directory, installer_version

PROJECT = Path(__file__).parents[2]

GO = """
case "$1" in
  version) echo "go version go{version} linux/amd64" ;;
  get) echo "get $3" >> "{log}"; {get} ;;
  build) echo "build $6" >> "{log}"; {build} ;;
  list) echo "{sdk}" ;;
esac
"""
WRITE_BINARY = """printf '#!/bin/sh\\necho v3.259.0\\n' > "$5"; chmod +x "$5" """


class Machine:
    """A machine whose PATH and cache are a test's own."""

    def __init__(self, root: Path) -> None:
        self.commands = root / "commands"
        self.commands.mkdir()
        self.log = root / "log"
        self.sdk = root / "sdk"
        self.said: list[str] = []

    def add(self, name: str, script: str) -> None:
        command = self.commands / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    def add_go(self, version: str = "1.26.0", get: str = "true", build: str = WRITE_BINARY) -> None:
        for script in ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python"):
            (self.sdk / script).parent.mkdir(parents=True, exist_ok=True)
            (self.sdk / script).write_text("#!/usr/bin/env python\n")
            (self.sdk / script).chmod(0o444)
        self.add("go", GO.format(version=version, log=self.log, get=get, build=build, sdk=self.sdk))

    def find(self) -> Toolchain:
        return find_or_install_pulumi(self.said.append)

    @property
    def built(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    system = tmp_path / "system"
    system.mkdir()
    for name in ("sh", "cat", "chmod", "sleep"):
        (system / name).symlink_to(f"/bin/{name}")
    monkeypatch.setenv("PATH", os.pathsep.join([str(made.commands), str(system)]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    # The installer's download fails at once, as where Pulumi's site can't be reached.
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    return made


def test_a_recent_cli_on_path_is_taken(machine: Machine) -> None:
    machine.add("pulumi", "echo v3.300.1")
    machine.add(LANGUAGE_HOST, "true")
    found = machine.find()
    assert (found.pulumi, found.version, found.source) == (machine.commands / "pulumi", "3.300.1", "path")
    assert found.path_entries == (machine.commands,)


def test_the_oldest_tested_version_on_path_is_taken(machine: Machine) -> None:
    machine.add("pulumi", f"echo v{OLDEST_VERSION}")
    machine.add(LANGUAGE_HOST, "true")
    assert machine.find().source == "path"


@pytest.mark.parametrize(
    ("pulumi", "host", "why"),
    [
        ("echo v3.99.0", True, f"is version 3.99.0; {OLDEST_VERSION} or newer is needed"),
        ("echo v3.300.0", False, f"has no {LANGUAGE_HOST} beside it or on PATH"),
        ("exit 1", True, "does not answer to `pulumi version`"),
    ],
)
def test_a_cli_on_path_that_will_not_do_is_passed_over_with_the_reason(
    machine: Machine, pulumi: str, host: bool, why: str
) -> None:
    machine.add("pulumi", pulumi)
    if host:
        machine.add(LANGUAGE_HOST, "true")
    machine.add_go()
    assert machine.find().source == "built"
    assert any(why in line for line in machine.said)


def test_it_is_built_from_go_modules_where_the_installer_fails(machine: Machine) -> None:
    machine.add_go()
    found = machine.find()
    assert (found.source, found.version) == ("built", BUILT_VERSION)
    assert machine.built == [
        f"get github.com/pulumi/pulumi/pkg/v3/cmd/pulumi@v{BUILT_VERSION}",
        "build github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        f"get github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python@v{LANGUAGE_HOST_VERSION}",
        "build github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
    ]


def test_the_built_directory_holds_all_that_the_engine_starts(machine: Machine) -> None:
    machine.add_go()
    (directory,) = machine.find().path_entries
    for name in ("pulumi", LANGUAGE_HOST, "pulumi-language-python-exec", "pulumi-resource-pulumi-python"):
        assert os.access(directory / name, os.X_OK), name


def test_progress_is_told_before_each_stage(machine: Machine) -> None:
    machine.add_go()
    machine.find()
    assert [line for line in machine.said if "official installer" in line]
    assert [line for line in machine.said if line.startswith("building pulumi ")]


def test_a_second_run_builds_nothing_and_takes_less_than_a_second(machine: Machine) -> None:
    machine.add_go()
    first = machine.find()
    machine.log.unlink()
    started = time.monotonic()
    assert machine.find() == first
    assert time.monotonic() - started < 1
    assert machine.built == []


def test_an_interrupted_build_is_not_taken_for_a_finished_one(machine: Machine) -> None:
    machine.add_go(build='touch "$5"; exit 1')
    with pytest.raises(ToolchainError):
        machine.find()
    machine.add_go()
    assert machine.find().source == "built"
    assert [entry.name for entry in cache_directory().iterdir() if entry.is_dir()] == [f"{BUILT_VERSION}-built"]


def test_two_runs_at_once_build_once(machine: Machine) -> None:
    machine.add_go(build=f"sleep 0.3; {WRITE_BINARY}")
    found: list[Toolchain] = []
    runs = [threading.Thread(target=lambda: found.append(machine.find())) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert found[0] == found[1]
    assert len(machine.built) == 4
    assert any("another run is getting the Pulumi CLI" in line for line in machine.said)


def failure(find: Callable[[], Toolchain]) -> str:
    with pytest.raises(ToolchainError) as caught:
        find()
    return str(caught.value)


def test_without_any_way_it_says_what_was_tried_and_what_to_install(machine: Machine) -> None:
    said = failure(machine.find)
    assert "there is no pulumi on PATH" in said
    assert f"installing the Pulumi CLI {installer_version()} with the official installer failed" in said
    assert "there is no go on PATH" in said
    assert "https://www.pulumi.com/docs/install/" in said
    assert "https://go.dev/doc/install" in said


def test_a_go_that_is_too_old_is_named_with_the_version_needed(machine: Machine) -> None:
    machine.add_go(version="1.21.3")
    said = failure(machine.find)
    assert "needs Go 1.24 or newer" in said
    assert "go1.21.3" in said


def test_a_module_proxy_that_refuses_is_quoted(machine: Machine) -> None:
    machine.add_go(get="echo 'reading module: 403 Forbidden'; exit 1")
    assert "403 Forbidden" in failure(machine.find)


def test_the_installers_own_words_are_quoted_without_a_traceback(machine: Machine) -> None:
    said = failure(machine.find)
    assert "urlopen error" in said
    assert "Traceback" not in said


def test_the_command_prints_only_the_path_on_its_output(machine: Machine) -> None:
    machine.add_go()
    result = subprocess.run(
        [sys.executable, "-m", "toolchain"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert Path(result.stdout.strip()) == cache_directory() / f"{BUILT_VERSION}-built" / "bin" / "pulumi"
    assert "building pulumi" in result.stderr


@pytest.mark.usefixtures("machine")
def test_the_command_ends_with_status_one_and_no_traceback() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "toolchain"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Put pulumi")
    assert "Traceback" not in result.stderr
