"""Reads the texts of a condition as the types that IAM's operators compare: numbers, moments, addresses, ARNs, ….

Each reader returns None for a text that it can't read for certain; what that means is the operator's to say.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import base64
import binascii
import ipaddress
import re
from datetime import UTC, datetime
from decimal import Decimal

from federation.patterns import TextTest, has_variable, pattern_test, unescaped

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_YEAR = re.compile(r"[0-9]{4}")
_DATE = re.compile(
    r"(?P<month>[0-9]{4}-[0-9]{2})"
    r"(?:-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?)?"
)


def text(value: str) -> str:
    """The text itself."""
    return value


def ascii_lower(value: str) -> str | None:
    """The text in lower case; IAM's rule for letters beyond ASCII is not documented."""
    return value.lower() if value.isascii() else None


def number(value: str) -> Decimal | None:
    """An integer or a decimal."""
    return Decimal(value) if _NUMBER.fullmatch(value) else None


def moment(value: str) -> datetime | None:
    """A W3C date and time, or seconds since 1970; four digits could be either and are taken for neither.
    https://www.w3.org/TR/NOTE-datetime
    """
    try:
        if _NUMBER.fullmatch(value):
            return None if _YEAR.fullmatch(value) else datetime.fromtimestamp(float(value), UTC)
        date = _DATE.fullmatch(value)
        if date is None:
            return None
        read = datetime.fromisoformat(f"{value}-01" if value == date["month"] else value)
    except (ValueError, OverflowError, OSError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def boolean(value: str) -> bool | None:
    """True or false in any case."""
    return {"true": True, "false": False}.get(value.lower())


def base64_bytes(value: str) -> bytes | None:
    """Bytes written in base64."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def address(value: str) -> Address | None:
    """An IPv4 or IPv6 address."""
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


def network(value: str) -> Network | None:
    """A range of addresses in CIDR notation, or one address."""
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def arn(value: str) -> list[str] | None:
    """The six parts of an ARN, of which the last may itself have colons.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """
    parts = value.split(":", 5)
    return parts if len(parts) == 6 and parts[0] == "arn" else None


def wanted_text(value: str, variables: bool) -> str | None:
    """A wanted text; None when it has a policy variable whose value only the request knows."""
    if not variables:
        return value
    return None if has_variable(value) else unescaped(value)


def wanted_ascii_lower(value: str, variables: bool) -> str | None:
    """A wanted text in lower case."""
    literal = wanted_text(value, variables)
    return None if literal is None else ascii_lower(literal)


def wanted_pattern(value: str, variables: bool) -> TextTest | None:
    """A wanted pattern of text."""
    return None if variables and has_variable(value) else pattern_test(value, escapes=variables)


def wanted_arn(value: str, variables: bool) -> list[TextTest] | None:
    """A wanted ARN, whose parts are each a pattern."""
    parts = arn(value)
    if parts is None or (variables and has_variable(value)):
        return None
    return [pattern_test(part, escapes=variables) for part in parts]
