"""Runs Pulumi's own installer, in a process of its own: it has no time limit, and takes long to import."""

import importlib.metadata
import sys
from pathlib import Path
from typing import Final

from toolchain.commands import Report, run

LIMIT_SECONDS: Final = 15 * 60.0
"""Enough for the release's archive at about a megabit a second."""


def sdk_version() -> str:
    """The version that is installed: the pinned Python SDK's own. Pulumi releases the CLI and its SDKs together."""
    return importlib.metadata.version("pulumi")


def install(root: Path, work: Path, report: Report) -> None:
    """Put the CLI and its language hosts into `root/bin`; `work` takes the downloads. Raises Unavailable."""
    run(
        [sys.executable, "-m", "toolchain.official_installer", str(root), sdk_version()],
        doing=f"installing pulumi {sdk_version()} from get.pulumi.com",
        report=report,
        limit_seconds=LIMIT_SECONDS,
        directory=Path(__file__).parents[1],
        environment={"TMPDIR": str(work)},
    )
