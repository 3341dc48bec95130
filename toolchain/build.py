"""Builds the Pulumi CLI and its Python language host from Go modules: about 7 minutes on 2 cores, once.

For machines that reach a Go module proxy but not Pulumi's download site. The language host is the last one that is
part of the SDK's module: the versions after it are in a module that proxies do not have. It works with the newer CLI
and SDK, but takes the Python interpreter from PATH and runs no policy packs.
"""

import re
import shutil
from pathlib import Path
from typing import Final

from toolchain.commands import Report, Unavailable, run

BUILT_VERSION: Final = "3.259.0"
"""The newest that module proxies have of the CLI's module."""

LANGUAGE_HOST_VERSION: Final = "3.79.0"

OLDEST_GO: Final = "1.25.11"
"""What the CLI requires. https://github.com/pulumi/pulumi/blob/v3.259.0/pkg/go.mod"""

LIMIT_SECONDS: Final = 60 * 60.0

CLI: Final = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
LANGUAGE_HOST: Final = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
SDK: Final = "github.com/pulumi/pulumi/sdk/v3"

CLIPBOARD: Final = (
    "replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e"
)
"""From the CLI's own go.mod, and applied only in the module that is built: hence no `go install` of the CLI."""

SCRIPTS: Final = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
"""In the SDK's module: what the language host runs programs with, and dynamic providers."""


def build(root: Path, work: Path, report: Report) -> None:
    """Put the CLI, the language host and its scripts into `root/bin`; `work` takes the rest. Raises Unavailable."""
    binaries = root / "bin"
    binaries.mkdir(parents=True)
    cli = GoModule(work / "cli", report, CLIPBOARD)
    cli.require_go()
    cli.build(CLI, BUILT_VERSION, binaries, linker_flags=f"-s -w -X {SDK}/go/common/version.Version=v{BUILT_VERSION}")
    for script in SCRIPTS:
        copy = shutil.copy(cli.directory_of(SDK) / script, binaries)
        Path(copy).chmod(0o755)
    GoModule(work / "host", report).build(LANGUAGE_HOST, LANGUAGE_HOST_VERSION, binaries, linker_flags="-s -w")


class GoModule:
    """A module made to build one command, so that the versions it requires are that command's own."""

    def __init__(self, directory: Path, report: Report, directive: str = "") -> None:
        go = shutil.which("go")
        if go is None:
            raise Unavailable("there is no go on PATH")
        self._go = go
        self._directory = directory
        self._report = report
        directory.mkdir()
        (directory / "go.mod").write_text(f"module {directory.name}\n\ngo {OLDEST_GO}\n\n{directive}\n")

    def require_go(self) -> None:
        """Raise Unavailable unless this module is built by a Go that is new enough.

        Asked inside the module, the go command answers for the newer one that it would fetch for it, where it may.
        https://go.dev/doc/toolchain
        """
        version = self._run(["env", "GOVERSION"], f"looking for Go {OLDEST_GO} or newer")[-1]
        if _release(version) < _release(OLDEST_GO):
            raise Unavailable(
                f"{self._go} is {version}, the CLI needs Go {OLDEST_GO} or newer, and `go env GOTOOLCHAIN` does not let"
                " go fetch that itself"
            )

    def build(self, package: str, version: str, binaries: Path, linker_flags: str) -> None:
        """Build the command `package` into the directory `binaries`, under the last part of its name."""
        name = package.rpartition("/")[2]
        self._run(["get", "-tool", f"{package}@v{version}"], f"fetching the Go modules of {name} {version}")
        arguments = ["build", "-v", "-ldflags", linker_flags, "-o", str(binaries / name), package]
        self._run(arguments, f"compiling {name} {version}, which can take minutes")

    def directory_of(self, module: str) -> Path:
        """Where the sources are of a module that this one requires."""
        lines = self._run(["list", "-m", "-f", "{{.Dir}}", module], f"looking for the sources of {module}")
        return Path(lines[-1])

    def _run(self, arguments: list[str], doing: str) -> list[str]:
        return run(
            [self._go, *arguments],
            doing=doing,
            report=self._report,
            limit_seconds=LIMIT_SECONDS,
            directory=self._directory,
            # GOFLAGS and GOWORK are what the user has set for modules of their own.
            environment={"GOFLAGS": "", "GOWORK": "off", "TMPDIR": str(self._directory.parent)},
        )


def _release(version: str) -> tuple[int, ...]:
    """`go1.26.8`, `1.25.11` or `go1.27rc1` as numbers that compare: (1, 26, 8), (1, 25, 11), (1, 27)."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(number) for number in found.groups() if number) if found else ()
