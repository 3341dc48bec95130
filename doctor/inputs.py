"""Reads what commands are given: files, standard input, a token in the place of a file's name."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from doctor.errors import UsageError
from doctor.redaction import without_secrets

STANDARD_INPUT: Final = "-"
_FILE_BYTES_MAX: Final = 10_000_000


def read_text(name: str) -> str:
    """The text of a file, or of standard input for -. Raises UsageError."""
    try:
        if name == STANDARD_INPUT:
            return sys.stdin.read(_FILE_BYTES_MAX)
        with Path(name).open(encoding="utf-8") as file:
            return file.read(_FILE_BYTES_MAX)
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not text") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such file"
        raise UsageError(f"{name} can't be read: {reason}") from None


def read_token_text(argument: str) -> str:
    """What the argument TOKEN names, or is: for a token in the place of a file, with a warning. Raises UsageError,
    whose text does not repeat the argument, as it could be a token.
    """
    if without_secrets(argument) != argument:
        print(
            "warning: a token on the command line is seen by other users of this machine, and the shell keeps it:"
            " prefer a file, or - for standard input",
            file=sys.stderr,
        )
        return argument
    try:
        return read_text(argument)
    except UsageError as error:
        reason = str(error).rpartition(": ")[2]
        raise UsageError(f"TOKEN can't be read ({reason}): give a file, or - and the token on standard input") from None


def read_json(name: str, what: str) -> Mapping[str, Any]:
    """The JSON object in a file; `what` says what it should be. Raises UsageError."""
    try:
        content = json.loads(read_text(name))
    except (json.JSONDecodeError, RecursionError):
        raise UsageError(f"{name} is not JSON; give {what}") from None
    if not isinstance(content, dict):
        raise UsageError(f"{name} is not a JSON object; give {what}")
    return content
