"""A rule for one value: the same object refuses a wrong one, suggests a right one, and describes both for an editor."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidatorFunctionWrapHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

RULE_BROKEN: Final = "rule_broken"
"""The type of a pydantic error raised by a rule; its context holds the `rule` and the `fault`."""

RULE_KEYWORD: Final = "x-rule"
"""The JSON Schema keyword that carries a rule's text."""

_ANY_SIZE: Final = range(sys.maxsize)


@dataclass(frozen=True)
class Fault:
    """What about a value breaks its rule, and what would not: a value, or else advice."""

    reason: str
    suggestion: Any = None
    fix: str = ""


@dataclass(frozen=True, eq=False)
class Rule:
    """The rule of a text or a number, for use in `Annotated`. `text` ends with the source's URL; `example` keeps it."""

    text: str
    example: str | int
    check: Callable[[Any], Fault | None]
    schema: Mapping[str, Any] = field(default_factory=dict)
    """What JSON Schema can say of the rule."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Puts the rule behind pydantic's own check of the type.
        https://docs.pydantic.dev/latest/concepts/types/#using-the-annotated-pattern
        """
        return core_schema.no_info_wrap_validator_function(self._validate, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Adds what an editor can use."""
        return {**handler(schema), **self.schema, "examples": [self.example], RULE_KEYWORD: self.text}

    def _validate(self, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        fault = self.check(value) if type(value) is type(self.example) else self._wrong_type(value)
        if fault:
            raise PydanticCustomError(RULE_BROKEN, "breaks a rule", {"rule": self, "fault": fault})
        return handler(value)

    def _wrong_type(self, value: Any) -> Fault:
        reason = f"is {kind(value)}, not {kind(self.example)}"
        meant: Any = value if isinstance(value, str) else json.dumps(value, default=str)
        if isinstance(value, Mapping | list) or value is None:
            return Fault(reason, self.example)
        if isinstance(self.example, int):
            meant = int(meant) if re.fullmatch(r"[0-9]{1,9}", meant) else self.example
        fault = self.check(meant)
        return Fault(reason, fault.suggestion or self.example if fault else meant)


def matches(
    pattern: re.Pattern[str], example: str, repair: Callable[[str], str] = str, sizes: range = _ANY_SIZE
) -> Callable[[str], Fault | None]:
    """A check that a text has a form. A wrong one is repaired to what may be meant; where that fails, see `example`.

    `sizes` are the lengths that the form can have, to say of a text when its length is what is wrong.
    """

    def check(text: str) -> Fault | None:
        if pattern.fullmatch(text):
            return None
        reason = "does not have this form" if len(text) in sizes else f"has {len(text)} characters"
        meant = repair(text)
        return Fault(reason if text else "is empty", meant if pattern.fullmatch(meant) else example)

    return check


def at_most(limit: int, unit: str = "characters") -> Callable[[str], Fault | None]:
    """A check of a text's length, in `characters` or in UTF-8 `bytes`."""

    def check(text: str) -> Fault | None:
        try:
            encoded = text.encode("utf-8" if unit == "bytes" else "utf-32-le")
        except UnicodeEncodeError:
            return Fault(
                "is not valid Unicode", "".join(c for c in text if not "\ud800" <= c <= "\udfff")[: limit // 4]
            )
        size = len(encoded) if unit == "bytes" else len(text)
        if size <= limit:
            return None
        shorter = encoded[:limit].decode(errors="ignore") if unit == "bytes" else text[:limit]
        return Fault(f"has {size} {unit}", shorter.rstrip())

    return check


def written_as(
    text: str, example: str, pattern: re.Pattern[str], repair: Callable[[str], str] = str, sizes: range = _ANY_SIZE
) -> Rule:
    """The rule that a text has a form; see `matches`."""
    return Rule(text, example, matches(pattern, example, repair, sizes), {"pattern": ecma(pattern)})


def no_longer_than(text: str, example: str, limit: int, unit: str = "characters") -> Rule:
    """The rule that a text is not too long; see `at_most`."""
    return Rule(text, example, at_most(limit, unit), {"maxLength": limit})


def name_like(longest: int, first: str = "a-z0-9") -> Callable[[str], str]:
    """A repair: the last part of a path, in lower case, with - for what a name can't have, and not too long."""

    def repair(text: str) -> str:
        last = text.strip().split("@")[0].rstrip("/").rsplit("/", 1)[-1]
        name = re.sub(r"[^a-z0-9-]+", "-", last.lower()).removeprefix("gcp-")
        return re.sub(rf"^[^{first}]+", "", name)[:longest].strip("-")

    return repair


def ecma(pattern: re.Pattern[str]) -> str:
    """A pattern for the whole of a text, in the dialect of JSON Schema."""
    return f"^(?:{pattern.pattern.replace(chr(92) + 'Z', '$')})$"


def kind(value: Any) -> str:
    """What YAML calls a value."""
    for type_, name in ((bool, "true or false"), (str, "text"), (int | float, "a number"), (Mapping, "a mapping")):
        if isinstance(value, type_):
            return name
    return "nothing" if value is None else "a list"
