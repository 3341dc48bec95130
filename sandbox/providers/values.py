"""The engine's property values as plain JSON values, and back.

Secrets arrive unwrapped: the providers tell the engine that they accept none, so it marks their outputs itself.
An unknown stays what the engine's protocol makes of it, the string `UNKNOWN`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime.rpc import UNKNOWN

Values = dict[str, Any]
"""A resource's inputs or outputs, under Pulumi's camelCase names."""

__all__ = ["UNKNOWN", "Values", "contains_unknown", "plain", "plain_map", "property_map", "property_value"]


def plain(value: PropertyValue) -> Any:
    """The JSON value of a property value; whole numbers become integers."""
    inner = value.value
    if isinstance(inner, Computed):
        return UNKNOWN
    if isinstance(inner, Mapping):
        return plain_map(inner)
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    return inner


def plain_map(values: Mapping[str, PropertyValue]) -> Values:
    """The JSON object of a map of property values, without its nulls."""
    return {name: plain(value) for name, value in values.items() if value.value is not None}


def property_value(value: Any) -> PropertyValue:
    """The property value of a JSON value."""
    if isinstance(value, Mapping):
        return PropertyValue(property_map(value))
    if isinstance(value, list | tuple):
        return PropertyValue([property_value(item) for item in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def property_map(values: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """The property values of a JSON object."""
    return {name: property_value(value) for name, value in values.items()}


def contains_unknown(value: Any) -> bool:
    """Whether a value, or anything in it, is not known before the update runs."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return bool(value == UNKNOWN)
