"""The commands of the runbook, to be run as they are written."""

import re
import subprocess

from sandbox.engine import Engine
from tests.engine.conftest import PROJECT


def runbook_commands(first_words: str, **placeholders: str) -> str:
    """The runbook's one shell block that begins with these words, with its capitals filled in."""
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "runbook.md").read_text(), re.DOTALL)
    (commands,) = (block for block in blocks if block.startswith(first_words))
    for name, value in placeholders.items():
        commands = re.sub(rf"\b{name}\b", value, commands)
    filled: str = commands
    return filled


def run_commands(engine: Engine, commands: str) -> subprocess.CompletedProcess[str]:
    """A user's shell in the project's directory and the stack's environment."""
    return subprocess.run(
        ["sh", "-c", commands],
        cwd=engine.project,
        env=dict(engine.environment),
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
