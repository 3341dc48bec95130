"""Reads the texts of a condition as the types that IAM's operators compare: numbers, moments, addresses, ARNs, ….

Each reader returns None for a text that is not of its type, and UNCLEAR for one that IAM may read or not, or in more
than one way: no document says. What either means is the operator's to say.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import base64
import binascii
import enum
import ipaddress
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from federation.patterns import TextTest, has_variable, pattern_test, unescaped

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Unclear(enum.Enum):
    """The type of UNCLEAR."""

    UNCLEAR = enum.auto()


UNCLEAR: Literal[Unclear.UNCLEAR] = Unclear.UNCLEAR

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_LIKE_A_NUMBER = re.compile(r"[+-]?(?=[.,_]*\d)[\d.,_]+(?:[eE][+-]?\d+)?")
_YEAR = re.compile(r"[0-9]{4}")
_LIKE_A_DATE = re.compile(r"[+-]?\d.*", re.DOTALL)
_DATE = re.compile(
    r"(?P<month>[0-9]{4}-[0-9]{2})"
    r"(?:-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?)?"
)
_LIKE_AN_ADDRESS = re.compile(r"[0-9a-fA-F]*[.:][0-9a-fA-F.:]+(?:[%/].*)?", re.DOTALL)


def text(value: str) -> str:
    """The text itself."""
    return value


def number(value: str) -> Decimal | Unclear | None:
    """An integer or a decimal; other notations, such as 1e3, are unclear."""
    if _NUMBER.fullmatch(value):
        return Decimal(value)
    return UNCLEAR if _LIKE_A_NUMBER.fullmatch(value.strip()) else None


def moment(value: str) -> datetime | Unclear | None:
    """A W3C date and time, or seconds since 1970; four digits could be either and are unclear.
    https://www.w3.org/TR/NOTE-datetime
    """
    unread = UNCLEAR if _LIKE_A_DATE.fullmatch(value.strip()) else None
    try:
        if _NUMBER.fullmatch(value):
            return UNCLEAR if _YEAR.fullmatch(value) else datetime.fromtimestamp(float(value), UTC)
        date = _DATE.fullmatch(value)
        if date is None:
            return unread
        read = datetime.fromisoformat(f"{value}-01" if value == date["month"] else value)
    except (ValueError, OverflowError, OSError):
        return unread
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def boolean(value: str) -> bool | None:
    """True or false in any case."""
    return {"true": True, "false": False}.get(value.lower())


def base64_bytes(value: str) -> bytes | Unclear:
    """Bytes written in base64; a text that is not, to the last bit, could be the bytes themselves."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return UNCLEAR
    return decoded if base64.b64encode(decoded).decode() == value else UNCLEAR


def address(value: str) -> Address | Unclear | None:
    """An IPv4 or IPv6 address; one of version 4 inside one of version 6 could be either."""
    try:
        read = ipaddress.ip_address(value)
    except ValueError:
        return UNCLEAR if _LIKE_AN_ADDRESS.fullmatch(value.strip()) else None
    return UNCLEAR if isinstance(read, ipaddress.IPv6Address) and read.ipv4_mapped else read


def network(value: str) -> Network | Unclear | None:
    """A range of addresses in CIDR notation, or one address; one of version 4 inside version 6 could be either."""
    try:
        read = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None
    return UNCLEAR if isinstance(read, ipaddress.IPv6Network) and read.network_address.ipv4_mapped else read


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


def wanted_pattern(value: str, variables: bool) -> TextTest | None:
    """A wanted pattern of text."""
    return None if variables and has_variable(value) else pattern_test(value, escapes=variables)


def wanted_arn(value: str, variables: bool) -> list[TextTest] | None:
    """A wanted ARN, whose parts are each a pattern."""
    parts = arn(value)
    if parts is None or (variables and has_variable(value)):
        return None
    return [pattern_test(part, escapes=variables) for part in parts]
