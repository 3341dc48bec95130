"""How patches change an object: merge patches, strategic merge patches, and server-side apply with its field owners.

Ownership is kept by field path, to lists as a whole, which is all that these kinds need.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.kubernetes.objects import MERGE_KEYS, Object

Path = tuple[str, ...]
Owners = dict[Path, str]
"""The field manager that last set each field."""

NOT_OWNED = {("apiVersion",), ("kind",)}
SYSTEM_METADATA = frozenset({"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "managedFields"})


class ApplyConflictError(Exception):
    """Other managers own fields that an apply would change; `fields` maps each field's path to its owner."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(str(fields))
        self.fields = fields


def merged(target: Any, patch: Any, *, strategic: bool, field: str = "") -> Any:
    """The target with a merge patch (RFC 7386) applied; a strategic one merges lists of named things by name."""
    if isinstance(patch, dict):
        result = dict(target) if isinstance(target, dict) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = merged(result.get(key), value, strategic=strategic, field=key)
        return result
    if strategic and isinstance(patch, list) and isinstance(target, list) and field in MERGE_KEYS:
        return _merged_by_key(target, patch, MERGE_KEYS[field])
    return copy.deepcopy(patch)


def applied(live: Object, owners: Owners, wanted: Object, manager: str, *, force: bool) -> tuple[Object, Owners]:
    """The live object and its owners after a manager applied what it wants.

    Fields that this manager owned and no longer wants go away. Raises ApplyConflictError unless forced.
    """
    fields = dict(leaves(wanted))
    conflicts = {
        ".".join(("", *path)): owners[path]
        for path, value in fields.items()
        if owners.get(path, manager) != manager and _get(live, path) not in (None, value)
    }
    if conflicts and not force:
        raise ApplyConflictError(conflicts)
    result, now = copy.deepcopy(live), dict(owners)
    for path in [path for path, owner in owners.items() if owner == manager and path not in fields]:
        _remove(result, path)
        del now[path]
    for path, value in fields.items():
        _set(result, path, value)
        now[path] = manager
    return result, now


def owners_after(owners: Owners, old: Object, new: Object, manager: str) -> Owners:
    """The owners after a manager wrote the object in any way but apply: it owns what it changed."""
    before, after = dict(leaves(old)), dict(leaves(new))
    kept = {path: owner for path, owner in owners.items() if path in after}
    return kept | {path: manager for path, value in after.items() if before.get(path) != value}


def leaves(value: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that can have an owner, with its value; a list is one field, an empty object none."""
    for key, item in value.items():
        here = (*path, key)
        if here in NOT_OWNED or (path == ("metadata",) and key in SYSTEM_METADATA):
            continue
        if isinstance(item, dict):
            yield from leaves(item, here)
        else:
            yield here, item


def _merged_by_key(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    result = {item[key]: item for item in target}
    for item in patch:
        if item.get("$patch") == "delete":
            result.pop(item[key], None)
        else:
            result[item[key]] = {**result.get(item[key], {}), **item}
    return list(result.values())


def _get(value: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _set(value: dict[str, Any], path: Path, leaf: Any) -> None:
    for key in path[:-1]:
        value = value.setdefault(key, {})
    value[path[-1]] = copy.deepcopy(leaf)


def _remove(value: dict[str, Any], path: Path) -> None:
    """Remove a field, and the objects that it leaves empty."""
    head, *rest = path
    if rest and isinstance(value.get(head), dict):
        _remove(value[head], tuple(rest))
        if not value[head]:
            del value[head]
    elif not rest:
        value.pop(head, None)
