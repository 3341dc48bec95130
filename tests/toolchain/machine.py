"""Commands on a PATH of a test's own, written as scripts: they decide nothing, and log what they were asked."""

import shutil
import subprocess
import sys
from pathlib import Path

from toolchain import Toolchain, ToolchainError, find_or_install_pulumi
from toolchain.build import BUILT_VERSION, OLDEST_GO, SCRIPTS

PROJECT = Path(__file__).parents[2]

GO = """
echo "go $*" >> "{log}"
case "$1" in
  env) echo "go{version}" ;;
  get) {get} ;;
  build) {build} ;;
  list) echo "go: downloading a module" >&2; echo "{sdk}" ;;
esac
"""
WRITE_BINARY = f"""printf '#!/bin/sh\\necho v{BUILT_VERSION}\\n' > "$6"; chmod +x "$6" """
"""What `go build -v -ldflags FLAGS -o FILE PACKAGE` does."""


class Machine:
    """PATH, cache and what was reported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands = root / "commands"
        self.commands.mkdir()
        self.system = root / "system"
        self.system.mkdir()
        for name in ("sh", "cat", "chmod", "mkdir", "sleep", "touch"):
            (self.system / name).symlink_to(str(shutil.which(name)))
        self.cache = root / "cache" / "gcp-aws-wif" / "pulumi"
        self.log = root / "log"
        self.sdk = root / "sdk"
        self.reported: list[str] = []

    def add(self, name: str, script: str, directory: Path | None = None) -> Path:
        command = (directory or self.commands) / name
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
        return command

    def add_go(self, version: str = OLDEST_GO, get: str = "true", build: str = WRITE_BINARY) -> None:
        for script in SCRIPTS:
            (self.sdk / script).parent.mkdir(parents=True, exist_ok=True)
            (self.sdk / script).write_text("#!/usr/bin/env python\n")
        self.add("go", GO.format(version=version, log=self.log, get=get, build=build, sdk=self.sdk))

    def find(self) -> Toolchain:
        return find_or_install_pulumi(self.reported.append)

    def failure(self) -> str:
        """What is said where there is no way to a CLI."""
        try:
            found = self.find()
        except ToolchainError as error:
            return str(error)
        raise AssertionError(f"there is one: {found}")

    def start(self) -> subprocess.Popen[str]:
        """`python -m toolchain`, in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "toolchain"],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def asked_of_go(self, command: str) -> list[str]:
        """The last argument of each `go COMMAND …` so far."""
        asked = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.split()[-1] for line in asked if line.startswith(f"go {command} ")]

    def in_cache(self) -> list[str]:
        return sorted(entry.name for entry in self.cache.iterdir() if entry.is_dir())
