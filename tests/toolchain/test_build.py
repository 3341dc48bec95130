"""What is asked of Go, and what is said where Go will not do."""

import os
import shutil
from pathlib import Path

import pytest

from tests.toolchain.machine import Machine
from toolchain.build import BUILT_VERSION, CLIPBOARD, LANGUAGE_HOST_VERSION, OLDEST_GO, GoModule
from toolchain.commands import Unavailable


def test_the_cli_and_its_language_host_are_built_each_in_a_module_of_its_own(machine: Machine) -> None:
    machine.add_go()
    found = machine.find()
    assert (found.source, found.version) == ("built", BUILT_VERSION)
    assert machine.asked_of_go("get") == [
        f"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi@v{BUILT_VERSION}",
        f"github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python@v{LANGUAGE_HOST_VERSION}",
    ]
    assert machine.asked_of_go("build") == [
        "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
        "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python",
    ]


def test_the_cli_has_the_replacement_that_its_own_module_has(machine: Machine) -> None:
    machine.add_go(get=f'cat go.mod >> "{machine.log}"')
    machine.find()
    assert machine.log.read_text().splitlines().count(CLIPBOARD) == 1


def test_everything_that_the_engine_starts_is_beside_the_cli(machine: Machine) -> None:
    machine.add_go()
    (binaries,) = machine.find().path_entries
    executables = {file.name for file in binaries.iterdir() if os.access(file, os.X_OK)}
    assert executables == {
        "pulumi",
        "pulumi-language-python",
        "pulumi-language-python-exec",
        "pulumi-resource-pulumi-python",
    }


def test_settings_for_the_users_own_modules_do_not_reach_the_build(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOWORK", "/home/someone/go.work")
    machine.add_go(get=f'echo "flags=$GOFLAGS work=$GOWORK" >> "{machine.log}"')
    machine.find()
    assert machine.log.read_text().count("flags= work=off") == 2


def test_each_stage_is_reported_before_it_starts(machine: Machine) -> None:
    machine.add_go()
    machine.find()
    stages = [line for line in machine.reported if line.startswith(("fetching", "compiling"))]
    assert stages == [
        f"fetching the Go modules of pulumi {BUILT_VERSION}",
        f"compiling pulumi {BUILT_VERSION}, which can take minutes",
        f"fetching the Go modules of pulumi-language-python {LANGUAGE_HOST_VERSION}",
        f"compiling pulumi-language-python {LANGUAGE_HOST_VERSION}, which can take minutes",
    ]


def require_go(machine: Machine) -> None:
    GoModule(machine.root / "module", machine.reported.append).require_go()


@pytest.mark.parametrize("version", ["1.20", "1.25rc1", "1.25.9", "1.25.10"])
def test_a_go_that_is_too_old_is_named_with_the_version_that_is_needed(machine: Machine, version: str) -> None:
    machine.add_go(version=version)
    with pytest.raises(Unavailable) as caught:
        require_go(machine)
    said = str(caught.value)
    assert f"{machine.commands / 'go'} is go{version}, the CLI needs Go {OLDEST_GO} or newer" in said
    assert "`go env GOTOOLCHAIN` does not let go fetch that itself" in said


@pytest.mark.parametrize("version", ["1.25.11", "1.26rc1", "1.26.8", "1.100", "2.0"])
def test_a_go_that_is_recent_enough_will_do(machine: Machine, version: str) -> None:
    machine.add_go(version=version)
    require_go(machine)


def test_nothing_is_fetched_with_a_go_that_is_too_old(machine: Machine) -> None:
    machine.add_go(version="1.24.2")
    assert "Go modules: " in machine.failure()
    assert machine.asked_of_go("get") == []


def test_a_newer_go_that_can_not_be_fetched_is_told_in_the_words_of_go(machine: Machine) -> None:
    machine.add("go", "echo 'go: download go1.25.11: 403 Forbidden' >&2; exit 1")
    with pytest.raises(Unavailable) as caught:
        require_go(machine)
    assert str(caught.value) == f"looking for Go {OLDEST_GO} or newer failed: go: download go1.25.11: 403 Forbidden"


def test_a_module_proxy_that_refuses_is_quoted(machine: Machine) -> None:
    machine.add_go(get="echo 'reading https://modules.example/x: 403 Forbidden' >&2; exit 1")
    said = machine.failure()
    assert f"fetching the Go modules of pulumi {BUILT_VERSION} failed" in said
    assert "403 Forbidden" in said
    assert "module proxy (GOPROXY)" in said


def test_a_compiler_that_fails_is_quoted(machine: Machine) -> None:
    machine.add_go(build="echo 'link: no space left on device' >&2; exit 1")
    assert "link: no space left on device" in machine.failure()


def test_a_go_that_can_not_be_started_is_a_failed_way_too(machine: Machine) -> None:
    machine.add("go", "").write_text("no script")
    assert "Exec format error" in machine.failure()


@pytest.mark.skipif(shutil.which("go") is None, reason="there is no Go here")
def test_the_real_go_reads_the_module_and_its_own_words_are_passed_on(tmp_path: Path) -> None:
    module = GoModule(tmp_path / "cli", lambda _: None, CLIPBOARD)
    with pytest.raises(Unavailable, match=r"module example\.com/absent: not a known dependency"):
        module.directory_of("example.com/absent")
