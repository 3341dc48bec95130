"""Runs the commands of an installation: with progress, a time limit, and nothing left running afterwards."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

Report = Callable[[str], None]
"""Takes one line of progress at a time."""

REPORT_EVERY_SECONDS: Final = 10.0
SECONDS_TO_END: Final = 5.0
"""How long a command that is told to end may take to clean up."""

BYTES_KEPT: Final = 16_384
LINES_OF_A_FAILURE: Final = 5
CHARACTERS_OF_PROGRESS: Final = 80


class Unavailable(Exception):
    """This way to a Pulumi CLI does not lead to one here; the text says why."""


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    report: Report,
    limit_seconds: float,
    directory: Path,
    environment: Mapping[str, str],
) -> list[str]:
    """Run a command to its end and return the last lines it printed; `environment` is added to this process's own.

    Reports `doing` at the start, and then every ten seconds how long it has been and the latest line.
    Raises Unavailable with the last lines of a command that fails, or at the time limit.
    """
    report(doing)
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A process group of its own, so that what the command starts can be ended with it.
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"{doing} failed: {error}") from error
        try:
            while not _ends_within(process, min(REPORT_EVERY_SECONDS, started + limit_seconds - time.monotonic())):
                elapsed = time.monotonic() - started
                if elapsed >= limit_seconds:
                    raise Unavailable(f"{doing}: not done after {limit_seconds:.0f} s, given up")
                latest = (_last_lines(output) or [""])[-1][:CHARACTERS_OF_PROGRESS]
                report(f"{doing}: {elapsed:.0f} s  {latest}".rstrip())
        finally:
            _end(process)
        lines = _last_lines(output)
    if process.returncode != 0:
        said = "\n".join(lines[-LINES_OF_A_FAILURE:]) or f"{command[0]} ended with status {process.returncode}"
        raise Unavailable(f"{doing} failed: {said}")
    return lines


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(timeout=max(seconds, 0))
    except subprocess.TimeoutExpired:
        return False
    return True


def _last_lines(output: IO[bytes]) -> list[str]:
    """The last lines of a file that a process may still be writing to.

    Reads at a position, because the process writes where the file's shared position is.
    """
    size = os.fstat(output.fileno()).st_size
    kept = os.pread(output.fileno(), BYTES_KEPT, max(0, size - BYTES_KEPT))
    return [line for line in kept.decode(errors="replace").splitlines() if line.strip()]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that still runs, and all that it started."""
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGTERM)
    if not _ends_within(process, SECONDS_TO_END):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
