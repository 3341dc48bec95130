"""Which CLI is used, and what is said of one that is not."""

from pathlib import Path

import pytest

from tests.toolchain.machine import Machine
from tests.toolchain.pulumi_site import PulumiSite
from toolchain.build import OLDEST_GO
from toolchain.find import LANGUAGE_HOST, OLDEST_VERSION
from toolchain.install import sdk_version


@pytest.mark.parametrize("version", [OLDEST_VERSION, "3.300.1", "3.1000.0", "3.273.0-alpha.1+abcdef"])
def test_a_cli_on_path_that_is_recent_enough_is_used_with_path_as_it_is(machine: Machine, version: str) -> None:
    pulumi = machine.add("pulumi", f"echo v{version}")
    machine.add(LANGUAGE_HOST, "true")
    found = machine.find()
    assert (found.pulumi, found.version, found.source, found.path_entries) == (pulumi, version, "path", ())
    assert machine.reported == []
    assert not machine.cache.exists()


def test_a_language_host_beside_the_cli_that_path_links_to_is_put_on_path(machine: Machine, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (machine.commands / "pulumi").symlink_to(machine.add("pulumi", "echo v3.300.0", elsewhere))
    machine.add(LANGUAGE_HOST, "true", elsewhere)
    found = machine.find()
    assert (found.source, found.path_entries) == ("path", (elsewhere,))


@pytest.mark.parametrize(
    ("pulumi", "host", "why"),
    [
        ("echo v3.99.0", True, f"is version 3.99.0, and {OLDEST_VERSION} or newer is needed"),
        (f"echo v{OLDEST_VERSION}-alpha.1", True, f"and {OLDEST_VERSION} or newer is needed"),
        ("echo v3.300.0", False, f"has no {LANGUAGE_HOST} on PATH or beside it"),
        ("exit 3", True, "pulumi version` gives no version"),
        ("echo 'no version is set for the shim pulumi'", True, "pulumi version` gives no version"),
    ],
)
def test_a_cli_on_path_that_will_not_do_is_passed_over_and_that_is_said(
    machine: Machine, pulumi: str, host: bool, why: str
) -> None:
    passed_over = machine.add("pulumi", pulumi)
    if host:
        machine.add(LANGUAGE_HOST, "true")
    machine.add_go()
    assert machine.find().source == "built"
    assert why in machine.reported[-1]
    assert str(passed_over) in machine.reported[-1]


def test_a_cli_that_does_not_answer_is_passed_over(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolchain.find.SECONDS_TO_ANSWER", 0.1)
    machine.add("pulumi", "exec sleep 60")
    assert "timed out after 0.1 seconds" in machine.failure()


def test_an_old_cli_on_path_is_spoken_of_in_every_run(machine: Machine) -> None:
    machine.add("pulumi", "echo v3.99.0")
    machine.add_go()
    built = machine.find()
    machine.reported.clear()
    assert machine.find() == built
    (said,) = machine.reported
    assert "is version 3.99.0" in said
    assert f"using pulumi {built.version}, built in {built.pulumi.parent}" in said


def test_what_the_installer_installed_goes_before_what_was_built(machine: Machine, pulumi_site: PulumiSite) -> None:
    machine.add_go()
    pulumi_site.script = "#!/bin/sh\nexit 1\n"
    assert machine.find().source == "built"
    installed = machine.add("pulumi", "true", machine.cache / sdk_version() / "bin")
    machine.add(LANGUAGE_HOST, "true", installed.parent)
    assert machine.find().pulumi == installed


def test_with_no_way_to_a_cli_it_says_what_was_tried_and_each_thing_that_would_help(machine: Machine) -> None:
    said = machine.failure()
    assert "PATH: there is no pulumi on PATH" in said
    assert f"Pulumi's installer: installing pulumi {sdk_version()} from get.pulumi.com failed" in said
    assert "Go modules: there is no go on PATH" in said
    _, _, helps = said.partition("any one of these helps:\n")
    cli, site, go = helps.splitlines()
    assert f"put pulumi {OLDEST_VERSION} or newer on PATH: https://www.pulumi.com/docs/install/" in cli
    assert "https://get.pulumi.com" in site
    assert f"install Go {OLDEST_GO} or newer, https://go.dev/doc/install" in go
