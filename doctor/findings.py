"""What a check comes to: one finding, or none where all is well.

It deliberately knows no cloud and prints nothing; `doctor.report` shows findings and turns them into an exit status.
"""

from dataclasses import dataclass
from typing import Literal

from federation.outcome import FAIL, PASS, UNKNOWN, Outcome, every

Severity = Literal["", "critical", "high", "medium", "low"]
"""Of a door that stands open: critical lets anybody in, high many, medium some on a condition. Only `lint` grades."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    `id` is the catalogue's (`D1`…`D28`, see doctor.catalogue) or empty for a plain check. `fix` is the one change that
    mends it, as a command or as text to put somewhere; empty for a pass. No field ever holds a token, a signature, a
    key or a credential.
    """

    outcome: Outcome
    subject: str
    """What was looked at, such as `trust policy of GCPWorkloadIAMRole`."""
    said: str
    """What was found, in one sentence."""
    id: str = ""
    fix: str = ""
    source: str = ""
    """The document that states the rule, a URL."""
    severity: Severity = ""


def exit_status(findings: list[Finding]) -> int:
    """0 all pass, 1 something fails, 3 nothing fails but something is unknown. (2 is for usage.)"""
    return {FAIL: 1, UNKNOWN: 3}.get(every(finding.outcome for finding in findings), 0)


def counted(findings: list[Finding], good: str) -> str:
    """A verdict in numbers. `good` says what a pass means, such as `as promised`."""
    passed, failed, unknown = (sum(each.outcome is outcome for each in findings) for outcome in (PASS, FAIL, UNKNOWN))
    return f"{passed} {good}, {failed} not, {unknown} unknown."
