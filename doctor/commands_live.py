"""The commands that ask a live stack: preflight, verify, credentials, map."""

from doctor.cli import AddCommand


def register(add_command: AddCommand) -> None:
    """Add the commands of this module to the command line."""
