"""What a resource type's inputs are, declared as a table, and the check of given inputs against it.

The tables say what the real provider refuses at plan time and no more: what the real cloud refuses only when asked is
left to the emulated cloud.
"""

import hashlib
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.providers.values import UNKNOWN, Values

DEFAULTS = "__defaults"
"""Where the real providers note, among a resource's inputs, which of them the program did not give."""

AUTONAME_DIGITS = 7
"""Hexadecimal digits that autonaming adds. https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming"""

Rule = Callable[[Any], str | None]
"""What is wrong with a known value, or None."""

TYPE_NAMES = {str: "a string", bool: "a boolean", int: "a whole number", list: "a list", dict: "an object"}


@dataclass(frozen=True)
class Property:
    """One input of a resource type.

    `computed` inputs are filled by the cloud when they are not given; `local` ones only steer the provider, and the
    cloud knows nothing of them. `fields` are those of an object, `items` what a list or a map holds. `autoname` is the
    length that a generated name may have. `same` says when an old and a new value are no change.
    """

    type: type[Any]
    required: bool = False
    default: Any = None
    computed: bool = False
    replaces: bool = False
    local: bool = False
    autoname: int | None = None
    rule: Rule | None = None
    same: Callable[[Any, Any], bool] = operator.eq
    fields: Mapping[str, "Property"] = field(default_factory=dict)
    items: "Property | None" = None


Table = Mapping[str, Property]


@dataclass(frozen=True)
class Failure:
    """One refused input: its path and why."""

    path: str
    reason: str


def check(token: str, table: Table, inputs: Values, old: Values, generated_name: str) -> tuple[Values, list[Failure]]:
    """The inputs with defaults and generated names filled in, and every reason to refuse them.

    `old` are the checked inputs of the last update: a name that was generated then is kept.
    """
    given = {key: value for key, value in inputs.items() if key != DEFAULTS}
    failures = list(_failures(token, table, given))
    defaulted: list[str] = []
    for key, declared in table.items():
        if key in given:
            continue
        if declared.autoname is not None:
            given[key] = old[key] if key in old.get(DEFAULTS, []) else generated_name
            failures += _too_long(key, given[key], declared.autoname)
        elif declared.default is not None:
            given[key] = declared.default
        else:
            continue
        defaulted.append(key)
    return {**given, DEFAULTS: sorted(defaulted)}, failures


def autoname(name: str, seed: bytes) -> str:
    """A resource's logical name made unique, the same for the same seed."""
    return f"{name}-{hashlib.sha256(seed).hexdigest()[:AUTONAME_DIGITS]}"


def _too_long(key: str, generated: str, limit: int) -> Iterator[Failure]:
    if len(generated) > limit:
        longest = limit - AUTONAME_DIGITS - 1
        yield Failure(
            key,
            f"the name generated from the logical name, {generated!r}, has {len(generated)} characters and {limit} are"
            f" allowed: shorten the logical name to {longest}, or set {key}",
        )


def _failures(token: str, table: Table, given: Mapping[str, Any], prefix: str = "") -> Iterator[Failure]:
    for key, value in given.items():
        if key in table:
            yield from _value_failures(token, table[key], value, prefix + key)
        else:
            known = ", ".join(sorted(table))
            yield Failure(prefix + key, f"the sandbox's {token} has no input {prefix + key!r}; it has: {known}")
    for key, declared in table.items():
        if declared.required and key not in given:
            yield Failure(prefix + key, f"Missing required argument: {prefix + key} is required, but was not given")


def _value_failures(token: str, declared: Property, value: Any, path: str) -> Iterator[Failure]:
    if value == UNKNOWN:
        return
    if not isinstance(value, declared.type) or (declared.type is int and isinstance(value, bool)):
        yield Failure(path, f"expected {TYPE_NAMES[declared.type]}, got {value!r}")
        return
    if declared.rule is not None and (reason := declared.rule(value)) is not None:
        yield Failure(path, reason)
    if declared.fields:
        yield from _failures(token, declared.fields, value, f"{path}.")
    if declared.items is not None:
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _value_failures(token, declared.items, item, f"{path}[{step}]")
