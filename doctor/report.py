"""Shows what a command found, as text or as JSON, and turns it into the exit status.

It deliberately decides nothing and knows no cloud.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from doctor.findings import Finding, exit_status
from doctor.redaction import without_secrets
from federation.outcome import Outcome, every


@dataclass(frozen=True)
class Section:
    """Rows of what was seen, each a mapping of column to value; `name` is the title, and the key in JSON."""

    name: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Report:
    """What a command answers: what was seen, the findings, and the verdict in one sentence."""

    findings: Sequence[Finding]
    sections: Sequence[Section] = field(default=())
    verdict: str = ""


def show(report: Report, *, as_json: bool) -> int:
    """Print the report to standard output; the exit status is 0 pass, 1 fail, 3 unknown."""
    print(without_secrets(report_json(report) if as_json else report_text(report)))
    return exit_status(list(report.findings))


def report_json(report: Report) -> str:
    """The report as one JSON object: `outcome`, `verdict`, `findings`, and a list of objects for each section."""
    answer: dict[str, Any] = {
        "outcome": every(finding.outcome for finding in report.findings).value,
        "verdict": report.verdict,
        "findings": [
            {
                "id": finding.id,
                "outcome": finding.outcome.value,
                "subject": finding.subject,
                "said": finding.said,
                "fix": finding.fix,
                "source": finding.source,
                **({"severity": finding.severity} if finding.severity else {}),
            }
            for finding in report.findings
        ],
    }
    for section in report.sections:
        answer[section.name] = [{column: _plain(value) for column, value in row.items()} for row in section.rows]
    return json.dumps(answer, indent=2, ensure_ascii=False)


def report_text(report: Report) -> str:
    """The report as lines of text."""
    blocks = [f"{section.name}\n{_rows_text(section.rows)}" for section in report.sections if section.rows]
    if report.findings:
        blocks.append("\n".join(_finding_text(finding) for finding in report.findings))
    if report.verdict:
        blocks.append(report.verdict)
    return "\n\n".join(blocks)


def _rows_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Columns under their names, aligned; the last one is as wide as it likes."""
    texts = [list(rows[0]), *([_printable(_cell(value)) for value in row.values()] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*texts, strict=True)]
    return "\n".join(
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts
    )


def _finding_text(finding: Finding) -> str:
    names = " ".join(filter(None, [finding.outcome.value.upper(), finding.id, finding.severity]))
    lines = [f"{names:<7} {finding.subject}: {finding.said}"]
    if finding.fix:
        first, *others = finding.fix.splitlines()
        lines += [f"        fix: {first}", *(f"             {each}" for each in others)]
    if finding.source:
        lines.append(f"        see: {finding.source}")
    return "\n".join(_printable(line) for line in lines)


def _cell(value: Any) -> str:
    if isinstance(value, Outcome):
        return value.value
    if isinstance(value, list | tuple):
        return " or ".join(map(str, value)) if value else "(none)"
    return "" if value is None else str(value)


def _printable(text: str) -> str:
    """Without control characters: what a token or a policy holds must not steer the terminal."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _plain(value: Any) -> Any:
    if isinstance(value, Outcome):
        return value.value
    return list(value) if isinstance(value, tuple) else value
