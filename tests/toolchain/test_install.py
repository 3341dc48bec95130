"""Pulumi's own installer, unmodified, against a download site of the test's own."""

import time

import pytest

from tests.toolchain.machine import Machine
from tests.toolchain.pulumi_site import PulumiSite
from toolchain.install import sdk_version


def test_the_installer_installs_the_version_of_the_sdk(machine: Machine, pulumi_site: PulumiSite) -> None:
    found = machine.find()
    binaries = machine.cache / sdk_version() / "bin"
    assert (found.source, found.version) == ("installed", sdk_version())
    assert (found.pulumi, found.path_entries) == (binaries / "pulumi", (binaries,))
    assert [asked.rpartition(" ")[0] for asked in pulumi_site.asked] == [
        "CONNECT get.pulumi.com:443",
        "GET /install.sh",
    ]


@pytest.mark.usefixtures("pulumi_site")
def test_go_is_not_asked_where_the_installer_works(machine: Machine) -> None:
    machine.add_go()
    assert machine.find().source == "installed"
    assert not machine.log.exists()


def test_what_the_installer_says_of_its_failure_is_passed_on(machine: Machine, pulumi_site: PulumiSite) -> None:
    pulumi_site.script = "#!/bin/sh\necho 'error: failed to download the archive' >&2\nexit 1\n"
    said = machine.failure()
    assert "error: failed to download the archive" in said
    assert "Traceback" not in said


def test_a_site_that_refuses_is_named_without_a_traceback(machine: Machine) -> None:
    said = machine.failure()
    assert "from get.pulumi.com failed: <urlopen error" in said
    assert "Connection refused" in said
    assert "Traceback" not in said


def test_a_site_that_never_answers_is_given_up_and_the_cli_built(
    machine: Machine, pulumi_site: PulumiSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.install.LIMIT_SECONDS", 1.0)
    pulumi_site.script = None
    machine.add_go()
    started = time.monotonic()
    assert machine.find().source == "built"
    assert time.monotonic() - started < 10
    assert any("from get.pulumi.com: not done after 1 s, given up" in line for line in machine.reported)


def test_a_release_without_the_language_host_is_not_kept(machine: Machine, pulumi_site: PulumiSite) -> None:
    pulumi_site.script = f"""#!/bin/sh
mkdir -p "$3/bin"
printf '#!/bin/sh\\necho v{sdk_version()}\\n' > "$3/bin/pulumi"
chmod +x "$3/bin/pulumi"
"""
    assert "Pulumi's installer gave no pulumi-language-python" in machine.failure()
    assert machine.in_cache() == []
