"""Which Pulumi CLI is used, and how it is had when there is none."""

import fcntl
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from toolchain.build import BUILT_VERSION, build
from toolchain.install import install
from toolchain.progress import CommandFailed, Report

OLDEST_VERSION: Final = BUILT_VERSION
"""The oldest CLI that the engine tests run on; with an older one nobody knows."""

LANGUAGE_HOST: Final = "pulumi-language-python"

Source = Literal["path", "installed", "built"]


class ToolchainError(Exception):
    """There is no Pulumi CLI and no way to get one; the text says what was tried and what is missing."""


@dataclass(frozen=True)
class Toolchain:
    """A Pulumi CLI with its Python language host."""

    pulumi: Path
    path_entries: tuple[Path, ...]
    """Directories to put first on PATH, so that the CLI finds its language host."""
    version: str
    source: Source


def find_or_install_pulumi(report: Report) -> Toolchain:
    """The CLI on PATH if it is recent enough, else one in the user's cache, put there first if need be.

    `report` takes one line of progress at a time. Raises ToolchainError.
    """
    on_path, why_not = _on_path()
    if on_path:
        return on_path
    cache = cache_directory()
    if cached := _cached(cache):
        return cached
    report(why_not)
    cache.mkdir(parents=True, exist_ok=True)
    with _only_one_at_a_time(cache / "lock", report):
        # Another run may have put it there while this one waited.
        return _cached(cache) or _get(cache, why_not, report)


def cache_directory() -> Path:
    """Where CLIs are kept, a directory a version: under XDG_CACHE_HOME.
    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gcp-aws-wif" / "pulumi"


def installer_version() -> str:
    """The version to install: that of the pinned Python SDK, as Pulumi releases both together."""
    return importlib.metadata.version("pulumi")


def _on_path() -> tuple[Toolchain | None, str]:
    """The CLI on PATH, or why it is not used."""
    found = shutil.which("pulumi")
    if found is None:
        return None, "there is no pulumi on PATH"
    answer = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
    version = answer.stdout.strip().removeprefix("v")
    if answer.returncode != 0 or not version:
        return None, f"{found} does not answer to `pulumi version`"
    if _numbers(version) < _numbers(OLDEST_VERSION):
        return None, f"{found} is version {version}; {OLDEST_VERSION} or newer is needed"
    directory = Path(found).parent
    if not shutil.which(LANGUAGE_HOST, path=os.pathsep.join([str(directory), os.environ["PATH"]])):
        return None, f"{found} has no {LANGUAGE_HOST} beside it or on PATH"
    return Toolchain(Path(found), (directory,), version, "path"), ""


def _cached(cache: Path) -> Toolchain | None:
    """What an earlier run put into the cache; a directory is there only when all that belongs into it is."""
    sources: dict[Source, str] = {"installed": installer_version(), "built": BUILT_VERSION}
    for source, version in sources.items():
        directory = cache / f"{version}-{source}" / "bin"
        if directory.is_dir():
            return Toolchain(directory / "pulumi", (directory,), version, source)
    return None


def _get(cache: Path, why_not: str, report: Report) -> Toolchain:
    ways: list[tuple[Source, str, Callable[[Path, Report], None]]] = [
        ("installed", installer_version(), lambda root, report: install(root, installer_version(), report)),
        ("built", BUILT_VERSION, build),
    ]
    failures = [why_not]
    for source, version, get in ways:
        try:
            _put(cache / f"{version}-{source}", lambda root, get=get: get(root, report))
        except CommandFailed as failure:
            failures.append(str(failure))
            report(failures[-1])
            continue
        if cached := _cached(cache):
            return cached
    raise ToolchainError(
        "no Pulumi CLI could be had.\n"
        + "".join(f"  - {failure}\n" for failure in failures)
        + f"Put pulumi {OLDEST_VERSION} or newer on PATH (https://www.pulumi.com/docs/install/), or give this machine"
        " internet access, or Go 1.24 or newer with a module proxy (https://go.dev/doc/install)."
    )


def _put(destination: Path, get: Callable[[Path], None]) -> None:
    """Fill a directory beside `destination`, and rename it: an interrupted run leaves nothing that looks finished."""
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=destination.parent) as unfinished:
        root = Path(unfinished) / "root"
        get(root)
        root.rename(destination)


@contextmanager
def _only_one_at_a_time(lock: Path, report: Report) -> Iterator[None]:
    """Let two runs on one machine not build the same thing beside each other; the lock goes with the process."""
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another run is getting the Pulumi CLI; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _numbers(version: str) -> tuple[int, ...]:
    """`3.259.0-alpha.1` as (3, 259, 0)."""
    return tuple(int(part) for part in version.partition("-")[0].split("."))
