"""The kinds of objects that the cluster keeps, and what makes one of them invalid."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from federation import kubernetes
from sandbox.kubernetes.status import Cause, StatusError

Object = dict[str, Any]

NAME_CHARACTERS: Final = 253
LABEL_CHARACTERS: Final = 63
LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
"""https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set"""
LABEL_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character"
)
SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character"
)
NAMESPACE_RULE: Final = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character"
)


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of object: its names, and the fields it has beside apiVersion, kind and metadata."""

    kind: str
    plural: str
    namespaced: bool
    fields: Mapping[str, type]
    """Each top-level field's JSON type; the server drops fields that it does not know."""


KINDS: Final = {
    kind.plural: kind
    for kind in (
        Kind("Namespace", "namespaces", False, {"spec": dict, "status": dict}),
        Kind(
            "ServiceAccount",
            "serviceaccounts",
            True,
            {"automountServiceAccountToken": bool, "imagePullSecrets": list, "secrets": list},
        ),
        Kind("ConfigMap", "configmaps", True, {"binaryData": dict, "data": dict, "immutable": bool}),
        Kind("Pod", "pods", True, {"spec": dict, "status": dict}),
    )
}
"""By the plural name that paths have."""

MERGE_KEYS: Final = {"secrets": "name", "imagePullSecrets": "name"}
"""Lists that strategic merge patches merge by a key; other lists are replaced."""


def decoded(kind: Kind, body: Any) -> Object:
    """The object of a request's body, without fields that the kind does not have. Raises StatusError (400)."""
    if not isinstance(body, dict):
        raise StatusError.bad_request(f"the body of the request must be a {kind.kind}")
    if (given := (body.get("apiVersion", "v1"), body.get("kind", kind.kind))) != ("v1", kind.kind):
        raise StatusError.bad_request(f"{given[1]} in version {given[0]!r} cannot be handled as a {kind.kind}")
    metadata = {} if body.get("metadata") is None else body["metadata"]
    _require_type(kind, "metadata", metadata, dict)
    for name in ("labels", "annotations"):
        _require_type(kind, f"metadata.{name}", metadata.get(name) or {}, dict)
        for key, value in (metadata.get(name) or {}).items():
            _require_type(kind, f"metadata.{name}.{key}", value, str)
    known = {name: body[name] for name in kind.fields if body.get(name) is not None}
    for name, value in known.items():
        _require_type(kind, name, value, kind.fields[name])
    for key, value in known.get("data", {}).items():
        _require_type(kind, f"data.{key}", value, str)
    kept = {name: value for name, value in metadata.items() if value not in (None, {}, [])}
    return {"kind": kind.kind, "apiVersion": "v1", "metadata": kept, **known}


def validate(kind: Kind, found: Object) -> None:
    """Raise StatusError (422), with a cause for each rule that the object breaks."""
    if causes := list(_causes(kind, found)):
        raise StatusError.invalid(kind.kind, found["metadata"].get("name", ""), causes)


def validate_update(kind: Kind, old: Object, new: Object) -> None:
    """Raise StatusError (422) when an update changes what can't be changed."""
    causes = []
    if old.get("immutable"):
        message = "Forbidden: field is immutable when `immutable` is set"
        causes = [
            Cause("FieldValueForbidden", name, message)
            for name in ("immutable", "data", "binaryData")
            if old.get(name) != new.get(name)
        ]
    if causes:
        raise StatusError.invalid(kind.kind, old["metadata"]["name"], causes)


def _causes(kind: Kind, found: Object) -> Iterator[Cause]:
    metadata = found["metadata"]
    name = metadata.get("name", "")
    if not name:
        yield Cause("FieldValueRequired", "metadata.name", "Required value: name or generateName is required")
    elif kind.plural == "namespaces":
        if not kubernetes.NAMESPACE.fullmatch(name):
            yield _invalid("metadata.name", name, NAMESPACE_RULE)
    elif not kubernetes.SERVICE_ACCOUNT_NAME.fullmatch(name):
        too_long = len(name) > NAME_CHARACTERS
        rule = f"must be no more than {NAME_CHARACTERS} characters" if too_long else SUBDOMAIN_RULE
        yield _invalid("metadata.name", name, rule)
    for value in metadata.get("labels", {}).values():
        if not LABEL_VALUE.fullmatch(value):
            yield _invalid("metadata.labels", value, LABEL_RULE)
        elif len(value) > LABEL_CHARACTERS:
            yield _invalid("metadata.labels", value, f"must be no more than {LABEL_CHARACTERS} characters")
    for field in ("labels", "annotations"):
        for key in metadata.get(field, {}):
            label = key.rpartition("/")[2]
            if not label or len(label) > LABEL_CHARACTERS or not LABEL_VALUE.fullmatch(label):
                yield _invalid(
                    f"metadata.{field}", key, f"name part must be 1-{LABEL_CHARACTERS} characters: {LABEL_RULE}"
                )


def _invalid(field: str, value: str, rule: str) -> Cause:
    return Cause("FieldValueInvalid", field, f'Invalid value: "{value}": {rule}')


def _require_type(kind: Kind, path: str, value: Any, wanted: type) -> None:
    if not isinstance(value, wanted):
        raise StatusError.bad_request(
            f'{kind.kind} in version "v1" cannot be handled as a {kind.kind}: json: cannot unmarshal'
            f" {type(value).__name__} into Go struct field {kind.kind}.{path} of type {wanted.__name__}"
        )
