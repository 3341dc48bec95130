"""The official installer, through Pulumi's own automation API.

It runs in a process of its own, because the API has no time limit and a network that swallows packets has none either.
"""

import sys
from pathlib import Path
from typing import Final

from toolchain.progress import Report, run

LIMIT_SECONDS: Final = 300.0


def install(root: Path, version: str, report: Report) -> None:
    """Put the CLI and its language hosts into `root/bin`. Raises CommandFailed.
    https://www.pulumi.com/docs/reference/pkg/python/pulumi/#pulumi.automation.PulumiCommand.install
    """
    run(
        [sys.executable, "-m", "toolchain.install", str(root), version],
        doing=f"installing the Pulumi CLI {version} with the official installer",
        report=report,
        limit_seconds=LIMIT_SECONDS,
        directory=Path(__file__).parents[1],
    )


def _main(root: str, version: str) -> None:
    from pulumi.automation import PulumiCommand
    from semver import VersionInfo

    try:
        PulumiCommand.install(root=root, version=VersionInfo.parse(version))
    except Exception as error:  # noqa: BLE001 - one line for the process that started this one
        sys.exit(str(error))


if __name__ == "__main__":
    _main(*sys.argv[1:])
