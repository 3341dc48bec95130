"""The user's cache of Pulumi CLIs: a directory a version, which is there only when all that belongs into it is."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from toolchain.commands import REPORT_EVERY_SECONDS, Report

UNFINISHED: Final = "unfinished-"
LOOK_AGAIN_SECONDS: Final = 0.2


def cache_directory() -> Path:
    """`gcp-aws-wif/pulumi` in XDG_CACHE_HOME where that is absolute, as it must be, else in ~/.cache.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "gcp-aws-wif" / "pulumi"


def put(destination: Path, get: Callable[[Path, Path], None]) -> None:
    """Let `get(root, work)` fill `root`, and make that `destination` in one step.

    An interrupted run thus leaves nothing that looks finished. Must be called under the lock: it clears up what earlier
    runs that were killed have left.
    """
    for leftover in destination.parent.glob(f"{UNFINISHED}*"):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=destination.parent) as unfinished:
        root, work = Path(unfinished) / "root", Path(unfinished) / "work"
        root.mkdir()
        work.mkdir()
        get(root, work)
        if destination.exists():
            shutil.rmtree(destination)
        root.rename(destination)


@contextmanager
def only_one_at_a_time(cache: Path, report: Report) -> Iterator[None]:
    """Wait until no other run is filling the cache. A run that is killed releases its lock with its process."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        started = reported = time.monotonic()
        while not _locked(lock.fileno()):
            if reported == started or time.monotonic() - reported >= REPORT_EVERY_SECONDS:
                reported = time.monotonic()
                report(f"another run is getting the Pulumi CLI, waiting for it: {reported - started:.0f} s")
            time.sleep(LOOK_AGAIN_SECONDS)
        yield


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
