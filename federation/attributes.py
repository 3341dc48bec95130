"""From what a subject token asserts to a federated principal: the mapping and the condition of a workload identity
provider, evaluated as Google's Security Token Service does.

It deliberately verifies no token. The texts are Google's own.
https://cloud.google.com/iam/docs/workload-identity-federation#mapping
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from federation import cel
from federation.google import MAPPED_ATTRIBUTES_BYTES, SUBJECT_BYTES, principal_member
from federation.outcome import FAIL, PASS, UNKNOWN, Outcome

SUBJECT: Final = "google.subject"
GROUPS: Final = "google.groups"

AWS_DEFAULT_MAPPING: Final = {
    SUBJECT: "assertion.arn",
    "attribute.aws_role": (
        "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/'"
        " + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn"
    ),
}
"""Of an AWS provider that maps nothing itself.
https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers"""


@dataclass(frozen=True)
class MappedAttributes:
    """What a mapping makes of an assertion."""

    values: Mapping[str, Any]
    without_value: tuple[str, ...]
    """Attributes whose expression has no value for this assertion, say, for want of a claim."""
    unknown: tuple[str, ...]
    """Attributes whose expression calls a function that is not known here."""


def map_attributes(mapping: Mapping[str, str], assertion: Mapping[str, Any]) -> MappedAttributes:
    """The attributes of an assertion. Raises CelError for an expression that is no CEL."""
    values: dict[str, Any] = {}
    without_value: list[str] = []
    unknown: list[str] = []
    for name, expression in mapping.items():
        cel.check(expression)
        try:
            values[name] = cel.evaluate(expression, {"assertion": assertion})
        except cel.UnknownFunctionError:
            unknown.append(name)
        except cel.CelError:
            without_value.append(name)
    return MappedAttributes(values, tuple(without_value), tuple(unknown))


def condition_outcome(condition: str, attributes: Mapping[str, Any], assertion: Mapping[str, Any]) -> Outcome:
    """Whether the attribute condition admits the assertion; no condition admits all, one without a value nobody.

    Raises CelError for a condition that is no CEL.
    """
    if not condition:
        return PASS
    cel.check(condition)
    variables = {
        "assertion": assertion,
        "google": _namespace("google.", attributes),
        "attribute": _namespace("attribute.", attributes),
    }
    try:
        return PASS if cel.evaluate(condition, variables) is True else FAIL
    except cel.UnknownFunctionError:
        return UNKNOWN
    except cel.CelError:
        return FAIL


def attributes_problem(attributes: MappedAttributes) -> str | None:
    """Why Google refuses these attributes, in its own words; None if it takes them."""
    if attributes.without_value:
        return _no_value(attributes.without_value[0])
    for name, value in attributes.values.items():
        if name == GROUPS:
            if not isinstance(value, list) or not all(isinstance(group, str) for group in value):
                return f"The mapped attribute '{name}' must be of type LIST<STRING>."
        elif not isinstance(value, str):
            return f"The mapped attribute '{name}' must be of type STRING."
    return _subject_problem(attributes.values.get(SUBJECT)) or _size_problem(attributes.values)


def federated_member(pool_name: str, attributes: Mapping[str, Any]) -> str:
    """The IAM member that the principal is. Attributes must have no problem."""
    return principal_member(pool_name, attributes[SUBJECT])


def federated_sets(pool_name: str, attributes: Mapping[str, Any]) -> frozenset[str]:
    """The IAM members that include the principal: its groups, its custom attributes, the whole pool.
    https://cloud.google.com/iam/docs/principal-identifiers
    """
    prefix = f"principalSet://iam.googleapis.com/{pool_name}"
    groups = {f"{prefix}/group/{group}" for group in attributes.get(GROUPS, [])}
    custom = {f"{prefix}/{name}/{value}" for name, value in attributes.items() if name not in {SUBJECT, GROUPS}}
    return frozenset(groups | custom | {f"{prefix}/*"})


def _subject_problem(subject: str | None) -> str | None:
    if subject is None:
        return None
    if not subject:
        return _no_value(SUBJECT)
    if len(subject.encode()) > SUBJECT_BYTES:
        return (
            f"The size of mapped attribute {SUBJECT} exceeds the {SUBJECT_BYTES} bytes limit. Either modify your "
            f"attribute mapping or the incoming assertion to produce a mapped attribute that is less than "
            f"{SUBJECT_BYTES} bytes."
        )
    return None


def _size_problem(attributes: Mapping[str, Any]) -> str | None:
    if sum(len(str(value).encode()) for value in attributes.values()) > MAPPED_ATTRIBUTES_BYTES:
        return f"The size of the mapped attributes exceeds the {MAPPED_ATTRIBUTES_BYTES} bytes limit."
    return None


def _no_value(name: str) -> str:
    return f"Could not obtain a value for {name} from the given credential."


def _namespace(prefix: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)}
