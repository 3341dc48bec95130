"""The formats of a map by name, and the exit status that it comes to."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal

from doctor.reach.html import html
from doctor.reach.mermaid import mermaid
from doctor.reach.model import ReachMap
from doctor.reach.svg import svg
from doctor.reach.tree import tree

Format = Literal["tree", "mermaid", "html", "svg", "json"]


def formatted(reach: ReachMap, format_: Format) -> str:
    """The map in a format."""
    if format_ == "json":
        return json.dumps(asdict(reach), indent=2, ensure_ascii=False)
    if format_ == "html":
        return html(reach, datetime.now(UTC))
    return {"tree": tree, "mermaid": mermaid, "svg": svg}[format_](reach)


def status(reach: ReachMap) -> int:
    """0 when each arrow is for named identities, 1 when one lets in more, 3 when something could not be read."""
    if reach.dangers:
        return 1
    return 3 if reach.unread else 0
