"""Which Pulumi CLI is used, and the ways to one where none is there."""

import os
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple

from semver import VersionInfo

from toolchain.build import BUILT_VERSION, OLDEST_GO, build
from toolchain.cache import cache_directory, only_one_at_a_time, put
from toolchain.commands import Report, Unavailable
from toolchain.install import install, sdk_version

OLDEST_VERSION: Final = BUILT_VERSION
"""The oldest CLI that this project's engine tests run on.

Pulumi states no oldest CLI for its Python SDK: the 3.1.0 that the automation API asks for is years older than what the
SDK makes use of, and the SDK finds out what is missing only as a program gets there ("Please update the Pulumi CLI").
"""

LANGUAGE_HOST: Final = "pulumi-language-python"

SECONDS_TO_ANSWER: Final = 30.0
"""For `pulumi version`, which takes a quarter of a second."""

Source = Literal["path", "installed", "built"]


class ToolchainError(Exception):
    """There is no Pulumi CLI and no way to get one; the text says what was tried, why it failed, and what to do."""


@dataclass(frozen=True)
class Toolchain:
    """A Pulumi CLI with its Python language host."""

    pulumi: Path
    path_entries: tuple[Path, ...]
    """Directories to put first on PATH, so that the CLI and its language host are found; none if they are already."""
    version: str
    source: Source


class Way(NamedTuple):
    """A way to get a CLI into the cache: `get(root, work, report)` puts it into `root/bin` or raises Unavailable."""

    name: str
    source: Source
    version: str
    directory: str
    get: Callable[[Path, Path, Report], None]

    def toolchain(self, cache: Path) -> Toolchain:
        """What is in the cache once this way has led there."""
        binaries = cache / self.directory / "bin"
        return Toolchain(binaries / "pulumi", (binaries,), self.version, self.source)


def find_or_install_pulumi(report: Report) -> Toolchain:
    """The CLI on PATH if that will do, else one in the user's cache, put there first if need be.

    `report` takes a line of progress at a time; a CLI that is in the cache already is reported only where PATH has one
    that is passed over for it. Raises ToolchainError.
    """
    found = shutil.which("pulumi")
    why_not_path = "there is no pulumi on PATH"
    if found:
        try:
            return _on_path(Path(found).absolute())
        except Unavailable as reason:
            why_not_path = str(reason)
    cache = cache_directory()
    try:
        toolchain = _cached(cache) or _get(cache, why_not_path, report)
    except OSError as error:
        raise ToolchainError(
            f"no Pulumi CLI: it can't be kept in {cache}: {error}\n"
            "  set XDG_CACHE_HOME to a directory that can be written to and has 3 GB free"
        ) from error
    if found:
        report(f"{why_not_path}; using pulumi {toolchain.version}, {toolchain.source} in {toolchain.pulumi.parent}")
    return toolchain


def _on_path(pulumi: Path) -> Toolchain:
    """The CLI that PATH has, if it and its language host will do. Raises Unavailable."""
    version = _version_of(pulumi)
    if version < VersionInfo.parse(OLDEST_VERSION):
        raise Unavailable(f"{pulumi} is version {version}, and {OLDEST_VERSION} or newer is needed")
    if shutil.which(LANGUAGE_HOST):
        return Toolchain(pulumi, (), str(version), "path")
    # Where the CLI itself looks next, which matters when PATH has a link to it.
    beside = pulumi.resolve().parent
    if shutil.which(LANGUAGE_HOST, path=str(beside)):
        return Toolchain(pulumi, (beside,), str(version), "path")
    raise Unavailable(f"{pulumi} has no {LANGUAGE_HOST} on PATH or beside it")


def _version_of(pulumi: Path) -> VersionInfo:
    """What `pulumi version` says. Raises Unavailable if that is not a version."""
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        answer = subprocess.run(
            [pulumi, "version"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS_TO_ANSWER,
        )
        return VersionInfo.parse(answer.stdout.strip().removeprefix("v"))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Unavailable(f"`{pulumi} version` gives no version: {error}") from error


def _ways() -> tuple[Way, ...]:
    """In the order in which they are tried. What is built has another language host than the release of its version."""
    return (
        Way("Pulumi's installer", "installed", sdk_version(), sdk_version(), install),
        Way("Go modules", "built", BUILT_VERSION, f"{BUILT_VERSION}-built", build),
    )


def _cached(cache: Path) -> Toolchain | None:
    """What an earlier run put into the cache."""
    for way in _ways():
        if not _missing(cache / way.directory / "bin"):
            return way.toolchain(cache)
    return None


def _missing(binaries: Path) -> list[str]:
    return [name for name in ("pulumi", LANGUAGE_HOST) if not os.access(binaries / name, os.X_OK)]


def _get(cache: Path, why_not_path: str, report: Report) -> Toolchain:
    """Try the ways one after the other. Raises ToolchainError if none leads to a CLI."""
    failures = [("PATH", why_not_path)]
    with only_one_at_a_time(cache, report):
        # The run that this one waited for may have put it there.
        if cached := _cached(cache):
            return cached
        report(f"{why_not_path}; getting one, into {cache}")
        for way in _ways():
            try:
                put(cache / way.directory, partial(_get_and_try, way, report))
            except Unavailable as failure:
                report(str(failure))
                failures.append((way.name, str(failure)))
            else:
                return way.toolchain(cache)
    raise ToolchainError(_nothing_worked(failures))


def _get_and_try(way: Way, report: Report, root: Path, work: Path) -> None:
    """Fill `root`, and raise Unavailable unless what is there runs."""
    way.get(root, work, report)
    version = _version_of(root / "bin" / "pulumi")
    if str(version) != way.version:
        raise Unavailable(f"{way.name} gave pulumi {version} where {way.version} was asked for")
    if missing := _missing(root / "bin"):
        raise Unavailable(f"{way.name} gave no {' and no '.join(missing)}")


def _nothing_worked(failures: list[tuple[str, str]]) -> str:
    tried = "".join(f"  {name}: {textwrap.indent(why, '    ').lstrip()}\n" for name, why in failures)
    return (
        f"no Pulumi CLI: the program needs pulumi {OLDEST_VERSION} or newer, and none of these gave one\n{tried}"
        "any one of these helps:\n"
        f"  put pulumi {OLDEST_VERSION} or newer on PATH: https://www.pulumi.com/docs/install/\n"
        "  give this machine access to https://get.pulumi.com and https://github.com (https_proxy is honoured)\n"
        f"  install Go {OLDEST_GO} or newer, https://go.dev/doc/install, with access to a module proxy (GOPROXY)"
    )
