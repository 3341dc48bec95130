"""The doctor's command line, run in the test's process; whatever it prints is searched for parts of tokens."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from doctor.cli import main
from tests.doctor.world import signed


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer

    @property
    def ids(self) -> list[str]:
        """The catalogue's ids, as found, without plain checks."""
        return [finding["id"] for finding in self.json["findings"] if finding["id"]]

    @property
    def first(self) -> dict[str, Any]:
        finding: dict[str, Any] = self.json["findings"][0]
        return finding


class Doctor:
    """Writes files, runs commands, and lets no part of a token through."""

    def __init__(self, directory: Path, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        self._capture = capture
        self._monkeypatch = monkeypatch
        self._secrets: set[str] = set()

    def file(self, content: Any, name: str = "") -> str:
        """A file with this text, or with this JSON; its path."""
        path = self._directory / (name or f"file-{len(list(self._directory.iterdir()))}")
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def token(self, claims: Mapping[str, Any]) -> str:
        """A signed token of these claims, which must never be seen."""
        token = signed(claims)
        self.keep_secret(token)
        return token

    def keep_secret(self, token: str) -> None:
        self._secrets |= {token, *token.split(".")}

    def run(self, *arguments: str, stdin: str = "") -> Answer:
        self._monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        try:
            status = main(arguments)
        except SystemExit as exit_:  # argparse
            status = int(exit_.code or 0)
        captured = self._capture.readouterr()
        for secret in self._secrets:
            assert secret not in captured.out + captured.err, "a part of a token was printed"
        return Answer(status, captured.out, captured.err)

    def explain(self, claims: Mapping[str, Any], policy: Any, *arguments: str) -> Answer:
        """`explain --json` of a token with these claims."""
        token = self.file(self.token(claims))
        return self.run("explain", token, "--policy", self.file(policy), "--json", *arguments)


@pytest.fixture
def doctor(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    return Doctor(tmp_path, capsys, monkeypatch)
