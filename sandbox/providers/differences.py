"""What changes between a resource's state and its new inputs, path by path: what `pulumi preview --diff` shows."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pulumi.provider.experimental.provider import DiffResponse, PropertyDiff, PropertyDiffKind

from sandbox.providers.properties import Property, Table
from sandbox.providers.values import Values, contains_unknown

EMPTY: tuple[Any, ...] = (None, "", [], {}, False)
"""What the clouds and the real providers treat as not set."""

REPLACING = {
    PropertyDiffKind.ADD: PropertyDiffKind.ADD_REPLACE,
    PropertyDiffKind.DELETE: PropertyDiffKind.DELETE_REPLACE,
    PropertyDiffKind.UPDATE: PropertyDiffKind.UPDATE_REPLACE,
}


Change = tuple[str, PropertyDiffKind, bool]
"""A path, what happens to its value, and whether that needs a replacement."""


def differences(table: Table, old: Values, inputs: Values, ignored: Collection[str] = ()) -> DiffResponse:
    """What an update from `old` values to `inputs` would change, and which of that needs a replacement.

    An input that is not given and that the cloud fills (`computed`) is no change, whatever it is.
    """
    changes = [
        change
        for name, declared in table.items()
        if name not in ignored
        for change in _changes(name, declared, old.get(name), inputs.get(name), replaces=False)
    ]
    return DiffResponse(
        changes=bool(changes),
        replaces=[path for path, _, replaces in changes if replaces],
        diffs=list(dict.fromkeys(path.partition(".")[0].partition("[")[0] for path, _, _ in changes)),
        detailed_diff={
            path: PropertyDiff(REPLACING[kind] if replaces else kind, input_diff=False)
            for path, kind, replaces in changes
        },
    )


def _changes(path: str, declared: Property, old: Any, new: Any, *, replaces: bool) -> Iterator[Change]:
    replaces = replaces or declared.replaces
    if new is None and (declared.computed or old in EMPTY):
        return
    if new is None:
        yield path, PropertyDiffKind.DELETE, replaces
    elif old in EMPTY and new in EMPTY:
        return
    elif old in EMPTY and not isinstance(old, bool):
        yield path, PropertyDiffKind.ADD, replaces
    elif contains_unknown(new) or not declared.same(old, new):
        yield from _nested_changes(path, declared, old, new, replaces=replaces)


def _nested_changes(path: str, declared: Property, old: Any, new: Any, *, replaces: bool) -> Iterator[Change]:
    item = declared.items or Property(str)
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            step = f".{key}" if key.isidentifier() else f'["{key}"]'
            child = declared.fields.get(key, item)
            yield from _changes(path + step, child, old.get(key), new.get(key), replaces=replaces)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from _changes(f"{path}[{index}]", item, before, after, replaces=replaces)
    else:
        yield path, PropertyDiffKind.UPDATE, replaces
