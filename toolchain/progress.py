"""Runs the commands of an installation, and tells how long they have been running."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

Report = Callable[[str], None]

REPORT_EVERY_SECONDS: Final = 15.0
LAST_LINES: Final = 5


class CommandFailed(Exception):
    """A command that an installation needs is missing, failed or took too long."""


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    report: Report,
    limit_seconds: float,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end, reporting `doing` at the start and every quarter of a minute.

    Raises CommandFailed with the command's last lines.
    """
    report(doing)
    started = time.monotonic()
    with tempfile.TemporaryFile(mode="w+") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while process.returncode is None:
                _wait(process, started, limit_seconds, doing)
                if process.returncode is None:
                    report(f"{doing}: {time.monotonic() - started:.0f} s")
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            output.seek(0)
            last_lines = " / ".join(output.read().strip().splitlines()[-LAST_LINES:])
            raise CommandFailed(f"{doing} failed: {last_lines or f'exit status {process.returncode}'}")


def _wait(process: subprocess.Popen[bytes], started: float, limit_seconds: float, doing: str) -> None:
    """Wait for the end or the next report. Raises CommandFailed at the limit."""
    left = started + limit_seconds - time.monotonic()
    if left <= 0:
        raise CommandFailed(f"{doing} was not done after {limit_seconds:.0f} s")
    try:
        process.wait(timeout=min(left, REPORT_EVERY_SECONDS))
    except subprocess.TimeoutExpired:
        return
