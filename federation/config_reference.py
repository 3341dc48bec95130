"""The tables of docs/configuration.md, made from the models: `python -m federation.config_reference` rewrites them.

Only what stands below the mark is rewritten; the words above it are the authors'.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from federation.settings.explain import branches, settings_schema
from federation.settings.rule import RULE_KEYWORD

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "configuration.md"
MARK: Final = "<!-- From here on made by `python -m federation.config_reference`. -->\n"

Schema = dict[str, Any]


def reference() -> str:
    """A table for each mapping of the stack file, outermost first."""
    top = settings_schema()
    scalars = {key: node for key, node in top["properties"].items() if not _sections(key, node)}
    tables = [_table("The stack", "", {**top, "properties": scalars})]
    for key, node in top["properties"].items():
        tables.extend(_tables_below(key, node, key in top["required"]))
    return "\n".join(tables)


def _tables_below(path: str, node: Schema, required: bool) -> Iterator[str]:
    undescribed = {key: value for key, value in node.items() if key != "description"}
    for section_path, section in _sections(path, undescribed):
        use = "" if "." in path else "Required. " if required else f"{node.get('description', '')} "
        yield _table(f"`{section_path}`", f"{use}{section['description']}", section)
        for key, child in section["properties"].items():
            yield from _tables_below(f"{section_path}.{key}", child, True)


def _sections(path: str, node: Schema) -> list[tuple[str, Schema]]:
    """The mappings with keys of their own that may stand under a path, or in a list there."""
    found: list[tuple[str, Schema]] = []
    for branch in branches(node):
        if "properties" in branch:
            found.append((path, branch))
        elif "items" in branch:
            found.extend(_sections(f"{path}[]", branch["items"]))
    return found


def _table(title: str, description: str, section: Schema) -> str:
    rows = ["| key | default | what it is | what it may be |", "|---|---|---|---|"]
    for key, node in section["properties"].items():
        default = "**required**" if key in section.get("required", []) else _default(node)
        rows.append(f"| `{key}` | {default} | {_cell(_description(node))} | {_cell(_rule(node))} |")
    return "\n".join([f"## {title}", "", *([description, ""] if description else []), *rows, ""])


def _description(node: Schema) -> str:
    section = next((branch for branch in branches(node) if "properties" in branch), {})
    return str(node.get("description") or section.get("description", ""))


def _default(node: Schema) -> str:
    default = node.get("default")
    if default in (None, [], {}, ""):
        return "none"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _rule(node: Schema) -> str:
    return " or ".join(_kind(branch) for branch in branches(node))


def _kind(node: Schema) -> str:
    if rule := node.get(RULE_KEYWORD):
        return re.sub(r"\s(https://\S+)$", r" [source](\1)", rule)
    if choices := node.get("enum") or ([node["const"]] if "const" in node else None):
        return ", ".join(f"`{choice}`" for choice in choices)
    if "items" in node:
        return f"a list: {_rule(node['items'])}"
    return {"boolean": "`true`, `false`", "object": "see below" if "properties" in node else "a mapping of texts"}.get(
        node.get("type", ""), "text"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Rewrite the tables in the document."""
    words = DOCUMENT.read_text().partition(MARK)[0]
    DOCUMENT.write_text(f"{words}{MARK}\n{reference()}")


if __name__ == "__main__":
    main()
