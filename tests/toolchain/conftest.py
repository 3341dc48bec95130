"""A machine whose PATH, cache and network are a test's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.toolchain.machine import Machine
from tests.toolchain.pulumi_site import PulumiSite


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Without pulumi and without Go, and with a proxy that refuses at once in front of Pulumi's site."""
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(made.commands), str(made.system)]))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    return made


@pytest.fixture
def pulumi_site(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[PulumiSite]:
    """Lets `machine` reach get.pulumi.com."""
    certificate = machine.root / "certificate.pem"
    with PulumiSite(certificate) as site:
        monkeypatch.setenv("https_proxy", site.proxy)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        yield site
