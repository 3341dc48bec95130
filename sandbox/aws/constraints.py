"""Constraint violations of parameters, worded as IAM and STS word them.

A value is quoted as AWS quotes it, except one that AWS's model marks as sensitive: that never appears.
https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (ValidationError)
"""

import re

from sandbox.aws.query_protocol import AwsError


def require(*violations: str | None) -> None:
    """Raise one AwsError (ValidationError) for all violations that there are."""
    found = [violation for violation in violations if violation]
    if found:
        noun = "error" if len(found) == 1 else "errors"
        raise AwsError(400, "ValidationError", f"{len(found)} validation {noun} detected: {'; '.join(found)}")


def length(name: str, value: str | None, low: int, high: int, *, sensitive: bool = False) -> str | None:
    """The violation of a required text's length in characters, or None."""
    if value is None:
        return f"Value at '{name}' failed to satisfy constraint: Member must not be null"
    if len(value) < low:
        return _violation(name, value, f"Member must have length greater than or equal to {low}", sensitive)
    if len(value) > high:
        return _violation(name, value, f"Member must have length less than or equal to {high}", sensitive)
    return None


def pattern(name: str, value: str | None, expression: str) -> str | None:
    """The violation of a text's pattern (which is named in the message), or None."""
    if value is None or re.fullmatch(expression, value, re.ASCII):
        return None
    return _violation(name, value, f"Member must satisfy regular expression pattern: {expression}", sensitive=False)


def number(name: str, value: str | None, low: int, high: int) -> str | None:
    """The violation of an optional whole number's range, or None.

    Raises:
        AwsError: the text is no whole number (MalformedInput).

    """
    if value is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,9}", value):
        raise AwsError(400, "MalformedInput", f"The value of {name} is not a number.")
    if int(value) < low:
        return _violation(name, value, f"Member must have value greater than or equal to {low}", sensitive=False)
    if int(value) > high:
        return _violation(name, value, f"Member must have value less than or equal to {high}", sensitive=False)
    return None


def _violation(name: str, value: str, constraint: str, sensitive: bool) -> str:
    given = "Value" if sensitive else f"Value '{value}'"
    return f"{given} at '{name}' failed to satisfy constraint: {constraint}"
