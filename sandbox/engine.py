"""Runs the Pulumi CLI and reads its stream of engine events.

It deliberately is no second automation API: the CLI is called as a user calls it, in an environment made for the
sandbox, which `pulumi.automation` would merge with the caller's own.
"""

import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SECONDS_TO_CANCEL = 20
"""How long the CLI may take to end what it has started, after ctrl-C."""


class EngineError(Exception):
    """The CLI ended with an error; the text is what the CLI said."""


@dataclass
class EngineResult:
    """What one `pulumi up`, `preview` or `destroy` came to."""

    changes: dict[str, int] = field(default_factory=dict)
    """Number of resources by operation: create, update, replace, delete, same."""
    seconds: int = 0
    diagnostics: list[str] = field(default_factory=list)
    """Warnings and errors, in the order they came."""
    steps: list[tuple[str, str]] = field(default_factory=list)
    """(operation, urn) of every resource, as planned or done."""

    def changed(self) -> dict[str, int]:
        """`changes` without what stayed the same."""
        return {operation: count for operation, count in self.changes.items() if operation != "same"}


@dataclass(frozen=True)
class Engine:
    """The CLI in one project directory, on one stack, in one environment."""

    project: Path
    stack: str
    environment: Mapping[str, str]

    def create_stack(self) -> None:
        """`pulumi stack init`."""
        self._run("stack", "init", self.stack)

    def stack_exists(self) -> bool:
        """Whether the backend has the stack."""
        return self.stack in [stack["name"] for stack in json.loads(self._run("stack", "ls", "--json"))]

    def update(self, operation: str, *options: str) -> EngineResult:
        """Run `up`, `destroy`, `refresh` (without asking) or `preview`. Raises EngineError with the CLI's own words."""
        confirm = [] if operation == "preview" else ["--yes", "--skip-preview"]
        environment = {**self.environment, "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}
        completed = self._start([operation, "--stack", self.stack, "--json", *confirm, *options], environment)
        result, rest = _read_events(completed.stdout)
        if completed.returncode != 0:
            raise EngineError("\n".join([*result.diagnostics, *rest, completed.stderr.strip()]).strip())
        return result

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        decoded: dict[str, Any] = json.loads(self._run("stack", "output", "--json", "--stack", self.stack))
        return decoded

    def _run(self, *arguments: str) -> str:
        completed = self._start(arguments, self.environment)
        if completed.returncode != 0:
            raise EngineError(completed.stderr.strip() or completed.stdout.strip())
        return completed.stdout

    def _start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--non-interactive"]
        with subprocess.Popen(
            command,
            cwd=self.project,
            env=dict(environment),
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # ctrl-C comes from `_cancel` alone: at the second, the CLI would leave its plugins
        ) as process:
            try:
                stdout, stderr = process.communicate()
            except KeyboardInterrupt:
                _cancel(process)
                raise
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _cancel(process: subprocess.Popen[str]) -> None:
    """End the CLI as ctrl-C does, so that it ends its language host and its providers as well."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=SECONDS_TO_CANCEL)
    finally:
        process.kill()


def _read_events(lines: str) -> tuple[EngineResult, list[str]]:
    """The result told by a stream of engine events, and the lines that were no events."""
    result, rest = EngineResult(), []
    for line in lines.splitlines():
        if not line.startswith("{"):
            rest.append(line)
            continue
        event = json.loads(line)
        if diagnostic := event.get("diagnosticEvent"):
            if diagnostic["severity"] in {"warning", "error"}:
                result.diagnostics.append(diagnostic["message"].strip())
        elif step := event.get("resourcePreEvent"):
            result.steps.append((step["metadata"]["op"], step["metadata"]["urn"]))
        elif summary := event.get("summaryEvent"):
            result.changes, result.seconds = summary["resourceChanges"], summary["durationSeconds"]
    return result, rest
