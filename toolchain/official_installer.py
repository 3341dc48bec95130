"""`python -m toolchain.official_installer ROOT VERSION` puts that Pulumi CLI into ROOT/bin.

Through the automation API:
https://www.pulumi.com/docs/reference/pkg/python/pulumi/#pulumi.automation.PulumiCommand.install
"""

import socket
import subprocess
import sys
from typing import Final

from pulumi.automation import PulumiCommand
from semver import VersionInfo

ANSWER_SECONDS: Final = 20.0
"""How long the download site may take to answer: one that is out of reach often never does."""


def main(root: str, version: str) -> None:
    """Install. Where that fails for a reason to be expected, ends with status 1 and the reason without a traceback."""
    socket.setdefaulttimeout(ANSWER_SECONDS)
    try:
        PulumiCommand.install(root=root, version=VersionInfo.parse(version))
    except subprocess.CalledProcessError as error:
        sys.exit(error.output.decode(errors="replace").strip() or str(error))
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
