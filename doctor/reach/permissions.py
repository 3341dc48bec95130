"""What a role may use, from its policies: a node for each S3 bucket, and one for all that is not S3.

It shows what is allowed and what is denied. What bucket policies, permissions boundaries and organizations add to it is
deliberately not here: they are not the role's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from doctor.reach.model import Edge, Node

S3_ACTION: Final = re.compile(r"s3(?:-object-lambda)?:.*", re.IGNORECASE)
_BUCKET = re.compile(r"arn:[a-z-]+:s3:::(?P<bucket>[^/]+)(?:/(?P<objects>.*))?")
_SHOWN_ACTIONS: Final = 6


@dataclass(frozen=True)
class RolePolicy:
    """A policy of a role, attached or inline, as JSON has it."""

    name: str
    document: Mapping[str, Any]


def permission_edges(role: Node, policies: Sequence[RolePolicy]) -> Iterator[Edge]:
    """Out of a role, to all that its policies name."""
    for policy in policies:
        for statement in _listed(policy.document.get("Statement")):
            yield from _statement_edges(role, policy.name, statement)


def _statement_edges(role: Node, policy: str, statement: Mapping[str, Any]) -> Iterator[Edge]:
    denies = statement.get("Effect") == "Deny"
    conditions = tuple(_conditions(statement.get("Condition", {})))
    for resource, actions in _uses(statement):
        kind = "S3" if any(S3_ACTION.fullmatch(action) for action in actions) else "not S3"
        how = f"{'must not' if denies else 'may'} {_shown(statement, actions)}, by {policy}"
        yield Edge(role, Node("resource", f"{kind} {resource}", resource, kind), how, conditions)


def _uses(statement: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Each thing that a statement is about, and the actions on it; S3 apart from the rest, bucket by bucket."""
    actions = [str(action) for action in _listed(statement.get("Action", statement.get("NotAction")))]
    resources = [str(each) for each in _listed(statement.get("Resource", statement.get("NotResource")))]
    but = "all but " if "NotResource" in statement else ""
    of_s3 = [action for action in actions if S3_ACTION.fullmatch(action) or action == "*"]
    others = [action for action in actions if action not in of_s3 or action == "*"]
    if "NotAction" in statement:
        of_s3, others = [], actions
    if of_s3:
        for bucket in dict.fromkeys(map(_bucket, resources)):
            yield but + bucket, of_s3
    if others:
        yield but + ("everything" if resources == ["*"] else ", ".join(resources)), others


def _bucket(resource: str) -> str:
    """What an S3 resource is to a reader: its bucket, and the prefix of the objects."""
    if resource == "*":
        return "every bucket"
    parts = _BUCKET.fullmatch(resource)
    if parts is None:
        return resource
    prefix = (parts["objects"] or "").removesuffix("*")
    bucket = "every bucket" if parts["bucket"] == "*" else parts["bucket"]
    return f"{bucket}/{prefix}" if prefix else bucket


def _shown(statement: Mapping[str, Any], actions: Sequence[str]) -> str:
    more = len(actions) - _SHOWN_ACTIONS
    shown = ", ".join(actions[:_SHOWN_ACTIONS]) + (f" and {more} more" if more > 0 else "")
    return f"do everything but {shown}" if "NotAction" in statement else shown


def _conditions(block: Mapping[str, Any]) -> Iterator[str]:
    for operator, keys in block.items():
        for key, values in keys.items():
            yield f"{key} {operator} {' or '.join(map(str, _listed(values)))}"


def _listed(value: Any) -> Iterable[Any]:
    """IAM writes a list of one as the one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
