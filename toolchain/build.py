"""Builds the Pulumi CLI and its Python language host from Go modules: about 7 minutes on 2 cores, once.

For machines that reach a Go module proxy but not Pulumi's download site. The language host is the last one that is
part of the SDK's module; it works with the newer CLI and SDK, but takes the interpreter from PATH (it does not read
`virtualenv`) and runs no policy packs.
"""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from toolchain.progress import CommandFailed, Report, run

BUILT_VERSION: Final = "3.259.0"
LANGUAGE_HOST_VERSION: Final = "3.79.0"
OLDEST_GO: Final = (1, 24)
"""The first with `go get -tool`. https://go.dev/doc/go1.24#tools"""

LIMIT_SECONDS: Final = 60 * 60.0

CLI = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
LANGUAGE_HOST = "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
SDK = "github.com/pulumi/pulumi/sdk/v3"

CLIPBOARD = "replace github.com/atotto/clipboard => github.com/tgummerer/clipboard v0.0.0-20241001131231-d02d263e614e"
"""The CLI's own go.mod replaces it so, which `go install …@version` does not take over."""

SCRIPTS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")
"""Run by the language host: programs, and dynamic providers."""


def build(root: Path, report: Report) -> None:
    """Put the CLI, the language host and its scripts into `root/bin`. Raises CommandFailed."""
    go = _go()
    binaries = root / "bin"
    binaries.mkdir(parents=True)
    version_flag = f"-X {SDK}/go/common/version.Version=v{BUILT_VERSION}"
    with tempfile.TemporaryDirectory() as modules:
        cli, host = Path(modules) / "cli", Path(modules) / "host"
        _build_module(go, cli, f"{CLI}@v{BUILT_VERSION}", binaries / "pulumi", report, [CLIPBOARD], version_flag)
        # Before the next module, while this one's requirements say which SDK that is.
        _copy_scripts(go, cli, binaries)
        _build_module(
            go, host, f"{LANGUAGE_HOST}@v{LANGUAGE_HOST_VERSION}", binaries / "pulumi-language-python", report
        )


def _go() -> str:
    go = shutil.which("go")
    if go is None:
        raise CommandFailed("building the Pulumi CLI needs Go, and there is no go on PATH")
    version = subprocess.run([go, "version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"go(\d+)\.(\d+)", version)
    if found is None or tuple(map(int, found.groups())) < OLDEST_GO:
        raise CommandFailed(
            f"building the Pulumi CLI needs Go {'.'.join(map(str, OLDEST_GO))} or newer; {go} is {version.strip()!r}"
        )
    return go


def _build_module(
    go: str,
    directory: Path,
    package: str,
    binary: Path,
    report: Report,
    directives: list[str] | None = None,
    linker_flags: str = "",
) -> None:
    """Build one command in a module of its own, so that its requirements are its own."""
    directory.mkdir()
    lines = [f"module {directory.name}", f"go {'.'.join(map(str, OLDEST_GO))}", *(directives or [])]
    (directory / "go.mod").write_text("\n".join(lines) + "\n")
    environment = {"GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off"}
    for arguments, doing in (
        (["get", "-tool", package], f"downloading the Go modules of {binary.name}"),
        (
            ["build", "-ldflags", f"-s -w {linker_flags}".strip(), "-o", str(binary), package.partition("@")[0]],
            f"building {binary.name} (minutes)",
        ),
    ):
        run(
            [go, *arguments],
            doing=doing,
            report=report,
            limit_seconds=LIMIT_SECONDS,
            directory=directory,
            environment=environment,
        )


def _copy_scripts(go: str, module: Path, binaries: Path) -> None:
    listed = subprocess.run(
        [go, "list", "-m", "-f", "{{.Dir}}", SDK], cwd=module, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        raise CommandFailed(f"the Go module {SDK} was not found: {listed.stderr.strip()}")
    for script in SCRIPTS:
        copied = shutil.copy(Path(listed.stdout.strip()) / script, binaries)
        Path(copied).chmod(0o755)
