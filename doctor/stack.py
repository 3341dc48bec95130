"""A stack as its file configures it, and its outputs as Pulumi knows them.

It deliberately runs nothing of the program: the file is read as text, and the outputs come from the CLI (or from a file
where there is no CLI, such as in a pod).
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from doctor.clouds.cloud import Unread
from doctor.errors import UsageError
from federation.settings import Settings, SettingsError, load_settings

OUTPUT_COMMAND: Final = "pulumi stack output --json --stack"
INSTALL: Final = "https://www.pulumi.com/docs/install/"


@dataclass(frozen=True)
class Stack:
    """A stack's name, its checked settings, and what it has made: no outputs before the first `pulumi up`."""

    name: str
    settings: Settings
    outputs: Mapping[str, Any] | Unread


def load_stack(name: str, directory: Path, outputs_file: Path | None = None) -> Stack:
    """The stack of a project's directory. Raises UsageError for a stack or settings that can't be used."""
    return Stack(name, stack_settings(name, directory), stack_outputs(name, directory, outputs_file))


def stack_settings(name: str, directory: Path) -> Settings:
    """What Pulumi.NAME.yaml says. Raises UsageError, whose text has every mistake in the file."""
    path = directory / f"Pulumi.{name.rpartition('/')[2]}.yaml"
    if not path.is_file():
        others = sorted(found.name.split(".")[1] for found in directory.glob("Pulumi.*.yaml"))
        raise UsageError(
            f"there is no {path}; run this in the project's directory, with one of its stacks:"
            f" {', '.join(others) or 'it has none'}"
        )
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    try:
        return load_settings((content or {}).get("config") or {})
    except SettingsError as error:
        raise UsageError(f"{path}: {error}") from error


def stack_outputs(name: str, directory: Path, outputs_file: Path | None = None) -> Mapping[str, Any] | Unread:
    """The stack's outputs; none for a stack that was never brought up. Raises UsageError for an unusable file."""
    if outputs_file is not None:
        return _outputs_of_file(outputs_file)
    try:
        completed = subprocess.run(
            [*OUTPUT_COMMAND.split(), name, "--non-interactive"],
            cwd=directory,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return Unread(
            f"the Pulumi CLI is not on PATH: install it ({INSTALL}), or give --outputs a file made elsewhere with"
            f" `{OUTPUT_COMMAND} {name}`"
        )
    if completed.returncode == 0:
        outputs: Mapping[str, Any] = json.loads(completed.stdout)
        return outputs
    said = " ".join(completed.stderr.split())
    if "no stack named" in said:
        return {}
    return Unread(f"`{OUTPUT_COMMAND} {name}` failed: {said}")


def made_outputs(stack: Stack) -> Mapping[str, Any]:
    """The outputs of a stack that must be up. Raises UsageError when they can't be had."""
    if isinstance(stack.outputs, Unread):
        raise UsageError(stack.outputs.reason)
    if not stack.outputs.get("workloads"):
        raise UsageError(f"the stack {stack.name} has no outputs yet: run `pulumi up --stack {stack.name}` first")
    return stack.outputs


def _outputs_of_file(path: Path) -> Mapping[str, Any]:
    try:
        outputs = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"--outputs {path}: {error}") from error
    if not isinstance(outputs, Mapping):
        raise UsageError(f"--outputs {path} is no JSON object; make it with `{OUTPUT_COMMAND} STACK`")
    return outputs
