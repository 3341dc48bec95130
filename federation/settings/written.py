"""The configuration as it was written, valid or not, for rules that concern more than one value.

They are asked of what was written, not of the models: one wrong value must not hide how the others disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from federation.settings.errors import UNSHOWN, Location, Problem


@dataclass(frozen=True)
class Written:
    """A value and where it stands. What is missing or of another type is simply not there: the models report it."""

    value: Any
    location: Location = ()

    def at(self, *keys: str) -> "Written":
        """What stands under a path of keys."""
        value = self.value
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return Written(value, (*self.location, *keys))

    @property
    def given(self) -> bool:
        """Whether anything stands here. A key without a value counts as left out."""
        return self.value is not None

    @property
    def text(self) -> str:
        """The text that stands here, or an empty one."""
        return self.value if isinstance(self.value, str) else ""

    def items(self) -> list["Written"]:
        """The entries of the list that stands here."""
        entries = self.value if isinstance(self.value, list | tuple) else ()
        return [Written(entry, (*self.location, index)) for index, entry in enumerate(entries)]

    def texts(self) -> list[str]:
        """The texts in the list that stands here."""
        return [entry.text for entry in self.items() if isinstance(entry.value, str)]

    def pairs(self) -> list[tuple[str, "Written"]]:
        """The texts in the mapping that stands here, by key."""
        entries = self.value.items() if isinstance(self.value, Mapping) else ()
        return [(key, self.at(key)) for key, value in entries if isinstance(key, str) and isinstance(value, str)]

    def problem(self, rule: str, fix: str = "", suggestion: Any = None, reason: str = "") -> Problem:
        """A problem with what stands here."""
        return Problem(self.location, rule, fix, suggestion, self.value if self.given else UNSHOWN, reason)
