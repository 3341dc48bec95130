"""The commands that need no live stack: token, explain, lint."""

from doctor.cli import AddCommand


def register(add_command: AddCommand) -> None:
    """Add the commands of this module to the command line."""
