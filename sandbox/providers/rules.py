"""Rules for single values that the real providers check at plan time, in their words."""

import re

from sandbox.providers.properties import Rule

ARN = re.compile(r"arn:[\w-]+:[\w-]+:[a-z0-9-]*:(?:[0-9]{12}|aws)?:\S+")
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""

POLICY_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html"""


def length(minimum: int, maximum: int) -> Rule:
    """A string of so many UTF-8 bytes, which is how the real providers count."""

    def rule(value: str) -> str | None:
        size = len(value.encode())
        if minimum <= size <= maximum:
            return None
        return f"expected the length to be in the range ({minimum} - {maximum}), got {value!r} ({size})"

    return rule


def between(minimum: int, maximum: int) -> Rule:
    """A number in a range, both ends included."""

    def rule(value: int) -> str | None:
        return (
            None if minimum <= value <= maximum else f"expected to be in the range ({minimum} - {maximum}), got {value}"
        )

    return rule


def matches(pattern: re.Pattern[str], must: str) -> Rule:
    """A string that a pattern matches whole; `must` says so to the user."""

    def rule(value: str) -> str | None:
        return None if pattern.fullmatch(value) else f"{must}, got {value!r}"

    return rule


def one_of(*choices: str) -> Rule:
    """One of a few strings."""

    def rule(value: str) -> str | None:
        return None if value in choices else f"expected to be one of {', '.join(choices)}, got {value!r}"

    return rule
