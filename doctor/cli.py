"""The command line. It holds no logic: commands_offline and commands_live register the commands, which import what they
need when they run, so that a question about files is answered at once.

It is argparse, as importing typer alone takes most of the 0.4 s that `explain` may take.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from doctor import commands_live, commands_offline
from doctor.errors import UsageError
from doctor.redaction import without_secrets

USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 pass, 1 fail, 2 usage, 3 unknown."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except UsageError as error:
        print(without_secrets(f"doctor {options.command}: {error}"), file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:  # whoever read the output has seen enough, such as head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return status


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong without repeating a token that came to the wrong place."""
        super().error(without_secrets(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m doctor", description="Explains why a token is refused, and proves what a stack promises."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add_command(name: str, summary: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("--json", action="store_true", help="print JSON instead of text")
        return command

    commands_offline.register(add_command)
    commands_live.register(add_command)
    return parser
