"""What is wrong with a stack's configuration, said so that the reader can put it right at once.

It deliberately shows no value of a key that the program doesn't know: what stands there may be a secret.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Location = tuple[str | int, ...]
"""Where in the stack file: its key, then keys and list indexes, as written in YAML."""

UNSHOWN: Final = object()
"""Stands for a value that an error does not repeat: there is none, or it may be a secret."""

WORKLOADS: Final = "gcp-aws-wif:workloads"
"""The key whose entries have names, which a reader finds faster than their numbers."""

REMOVE: Final = "remove it"
"""The fix of a key that has no business where it stands, whatever its value."""

_SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, what stands there, the rule it breaks (with its source), and what to do."""

    location: Location
    rule: str
    fix: str = ""
    suggestion: Any = None
    """A value that would work in this place; None when only `fix` can say what to do."""
    given: Any = UNSHOWN
    reason: str = ""
    """What about the given value breaks the rule."""

    def text(self, workloads: Any) -> str:
        """Some lines for a person. `workloads` is that part of the configuration, to call each one by its name."""
        lines = [key_path(self.location, workloads)]
        if self.given is not UNSHOWN:
            lines.append(f"  given  {shown(self.given)}{', which ' if self.reason else ''}{self.reason}")
        lines.append(f"  rule   {self.rule}")
        if self.suggestion is not None:
            remark = f"  ({self.fix})" if self.fix else ""
            lines.append(f"  use    {_literal(self.suggestion)}{remark}")
        else:
            lines.append(f"  fix    {self.fix}")
        return "\n".join(lines)


class SettingsError(ValueError):
    """Every problem of a stack's configuration; its text is all there is to show, no traceback is needed."""

    def __init__(self, problems: Sequence[Problem], workloads: Any = None) -> None:
        self.problems: Final = tuple(problems)
        count = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        texts = [f"The stack's configuration has {count}; nothing was registered."]
        super().__init__("\n\n".join(texts + [problem.text(workloads) for problem in problems]))


def key_path(location: Location, workloads: Any = None) -> str:
    """A location as a reader would look for it, such as `gcp-aws-wif:workloads[0] (s3-reader).awsRole.name`."""
    path = ""
    for depth, step in enumerate(location):
        if isinstance(step, int):
            path += f"[{step}]"
            if depth == 1 and location[0] == WORKLOADS and (name := _name(workloads, step)):
                path += f" ({name})"
        else:
            step = step if step.isprintable() else json.dumps(step)
            path += f".{step}" if path else step
    return path


def shown(value: Any) -> str:
    """A value as JSON, cut where it is long; no control character reaches the terminal."""
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS:
        return f"{_literal(value[:_SHOWN_CHARACTERS])}… ({len(value)} characters)"
    return _literal(value)


def _literal(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if text.isprintable() else json.dumps(value, default=str)


def _name(workloads: Any, index: int) -> str | None:
    if (
        not isinstance(workloads, Sequence)
        or not 0 <= index < len(workloads)
        or not isinstance(workloads[index], Mapping)
    ):
        return None
    name = workloads[index].get("name")
    return name if isinstance(name, str) and name.isprintable() and len(name) <= _SHOWN_CHARACTERS else None
