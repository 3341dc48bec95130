"""The three answers of a check, and how they combine.

A check that can't be decided is `unknown` and stays so until another check settles the whole; it is never taken for a
pass. (Kleene's logic of three values.)
"""

import enum
from collections.abc import Iterable


class Outcome(enum.Enum):
    """The answer of a check."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"


PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN


def every(outcomes: Iterable[Outcome]) -> Outcome:
    """Fails if one fails, else is unknown if one is; passes when there are none."""
    combined = PASS
    for outcome in outcomes:
        if outcome is FAIL:
            return FAIL
        if outcome is UNKNOWN:
            combined = UNKNOWN
    return combined


def some(outcomes: Iterable[Outcome]) -> Outcome:
    """Passes if one passes, else is unknown if one is; fails when there are none."""
    combined = FAIL
    for outcome in outcomes:
        if outcome is PASS:
            return PASS
        if outcome is UNKNOWN:
            combined = UNKNOWN
    return combined


def opposite(outcome: Outcome) -> Outcome:
    """Pass for fail and fail for pass; what is unknown stays so."""
    if outcome is UNKNOWN:
        return UNKNOWN
    return FAIL if outcome is PASS else PASS
