"""Reads a role's trust policy document into values, refusing what IAM would refuse.

It deliberately judges nothing: whom a policy admits is in `federation.evaluation`. It is stricter than JSON in one
thing: a name that comes twice in an object is refused, as IAM's choice between the two is nowhere written.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["Allow", "Deny"]
PrincipalKind = Literal["AWS", "Federated", "Service", "CanonicalUser"]

VERSION_WITH_VARIABLES = "2012-10-17"
DEFAULT_VERSION = "2008-10-17"
"""Only the newer version reads `${…}` as a policy variable; a document without a version has the older one.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html"""


class PolicyError(ValueError):
    """A document that is not a trust policy; its text says where and why."""


@dataclass(frozen=True)
class Principal:
    """One whom a statement names, such as Federated accounts.google.com."""

    kind: PrincipalKind
    value: str


@dataclass(frozen=True)
class Condition:
    """One key of one operator with the values that the policy wants, as texts."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class PolicyStatement:
    """A statement; `principals` and `actions` are those it does *not* apply to when the flag beside them is set."""

    sid: str | None
    effect: Effect
    principals: tuple[Principal, ...]
    other_principals: bool
    """Written as NotPrincipal."""
    actions: tuple[str, ...]
    other_actions: bool
    """Written as NotAction."""
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class TrustPolicy:
    """A role's trust policy."""

    version: str
    statements: tuple[PolicyStatement, ...]

    @property
    def has_variables(self) -> bool:
        """Whether `${…}` in a condition's value is a policy variable."""
        return self.version == VERSION_WITH_VARIABLES


def parse_trust_policy(document: str | Mapping[str, Any]) -> TrustPolicy:
    """The policy of a JSON text or of what it decodes to. Raises PolicyError."""
    policy = _decoded(document) if isinstance(document, str) else document
    _check_names("the policy", policy, required={"Statement"}, optional={"Version", "Id"})
    version = policy.get("Version", DEFAULT_VERSION)
    if version not in (VERSION_WITH_VARIABLES, DEFAULT_VERSION):
        raise PolicyError(f"Version {version!r} is not {VERSION_WITH_VARIABLES} or {DEFAULT_VERSION}")
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    return TrustPolicy(version, tuple(_statement(f"Statement[{n}]", each) for n, each in enumerate(statements)))


def _decoded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object_without_repetition)
    except json.JSONDecodeError as error:
        raise PolicyError(f"the policy is not JSON: {error}") from error


def _object_without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    decoded = dict(pairs)
    if len(decoded) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise PolicyError(f"{repeated!r} comes twice in one object: which one counts is not defined; merge them")
    return decoded


def _statement(path: str, statement: Any) -> PolicyStatement:
    _check_names(
        path,
        statement,
        required={"Effect"},
        optional={"Sid", "Principal", "NotPrincipal", "Action", "NotAction", "Condition"},
    )
    effect = statement["Effect"]
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"{path}.Effect {effect!r} is not Allow or Deny (in this case)")
    principal = _one_of(path, statement, "Principal", "NotPrincipal")
    action = _one_of(path, statement, "Action", "NotAction")
    return PolicyStatement(
        sid=_text(f"{path}.Sid", statement["Sid"]) if "Sid" in statement else None,
        effect=effect,
        principals=_principals(f"{path}.{principal}", statement[principal]),
        other_principals=principal == "NotPrincipal",
        actions=_texts(f"{path}.{action}", statement[action]),
        other_actions=action == "NotAction",
        conditions=_conditions(f"{path}.Condition", statement.get("Condition", {})),
    )


def _one_of(path: str, statement: Mapping[str, Any], name: str, opposite: str) -> str:
    given = [each for each in (name, opposite) if each in statement]
    if len(given) != 1:
        raise PolicyError(f"{path} needs either {name} or {opposite}, and not both")
    return given[0]


def _principals(path: str, value: Any) -> tuple[Principal, ...]:
    if value == "*":
        return (Principal("AWS", "*"),)
    _check_names(path, value, required=set(), optional={"AWS", "Federated", "Service", "CanonicalUser"})
    return tuple(Principal(kind, name) for kind, names in value.items() for name in _texts(f"{path}.{kind}", names))


def _conditions(path: str, block: Any) -> tuple[Condition, ...]:
    conditions = []
    for operator, keys in _mapping(path, block).items():
        known: set[str] = set()
        for key, values in _mapping(f"{path}.{operator}", keys).items():
            if key.lower() in known:
                raise PolicyError(f"{path}.{operator}: {key!r} comes twice (a key's case does not count); merge them")
            known.add(key.lower())
            conditions.append(Condition(operator, key, _condition_values(f"{path}.{operator}.{key}", values)))
    return tuple(conditions)


def _condition_values(path: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    for each in values:
        if not isinstance(each, str | bool | int | float):
            raise PolicyError(f"{path}: {each!r} is not a string, a number or a boolean")
    return tuple(each if isinstance(each, str) else json.dumps(each) for each in values)


def _texts(path: str, value: Any) -> tuple[str, ...]:
    return tuple(_text(path, text) for text in (value if isinstance(value, list) else [value]))


def _text(path: str, value: Any) -> str:
    if not isinstance(value, str):
        raise PolicyError(f"{path}: {value!r} is not a string")
    return value


def _mapping(path: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PolicyError(f"{path} is not an object")
    return value


def _check_names(path: str, value: Any, *, required: set[str], optional: set[str]) -> None:
    names = set(_mapping(path, value))
    if missing := required - names:
        raise PolicyError(f"{path} has no {min(missing)}")
    if unknown := names - required - optional:
        hint = ": a trust policy names no resource" if min(unknown) in ("Resource", "NotResource") else ""
        raise PolicyError(f"{path} has {min(unknown)}, which no trust policy has{hint}")
