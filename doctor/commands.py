"""What the command line and its commands agree on."""

import argparse
from collections.abc import Callable

AddCommand = Callable[[str, str], argparse.ArgumentParser]
"""Adds a command by its name and a one-sentence summary. The command's options are added to the parser it returns;
`set_defaults(run=…)` names the function that takes the parsed options and returns the exit status: 0 pass, 1 fail,
3 unknown. For unusable input it raises UsageError. Every command has `options.json` already."""
