"""A map as a Mermaid flowchart, for Markdown that is rendered elsewhere.

What comes from a cloud is written so that Mermaid can take it for nothing but text.
https://mermaid.js.org/syntax/flowchart.html
"""

from doctor.reach.model import Node, ReachMap

SHAPES = {
    "member": ("([", "])"),
    "identity": ("([", "])"),
    "anyone": ("{{", "}}"),
    "role": ("[", "]"),
    "resource": ("[(", ")]"),
    "account": ("([", "])"),
}


def mermaid(reach: ReachMap) -> str:
    """The flowchart, from left to right."""
    names = {node: f"n{number}" for number, node in enumerate(reach.nodes)}
    lines = ["flowchart LR"]
    lines += [f"  {names[node]}{_shape(node)}" for node in reach.nodes]
    for edge in reach.edges:
        label = "<br/>".join(_text(each) for each in (edge.how, *edge.conditions))
        arrow = "==>" if edge.danger else "-->"
        lines.append(f'  {names[edge.source]} {arrow}|"{label}"| {names[edge.target]}')
    lines.append("  classDef danger fill:#fdd,stroke:#b00,stroke-width:2px")
    lines += [f"  class {names[edge.source]} danger" for edge in reach.dangers]
    return "\n".join(lines)


def _shape(node: Node) -> str:
    before, after = SHAPES[node.kind]
    detail = f"<br/>{_text(node.detail)}" if node.detail else ""
    return f'{before}"{_text(node.title)}{detail}"{after}'


def _text(text: str) -> str:
    """Every character but the harmless as an entity: Mermaid has its own, by number, and reads no others."""
    return "".join(each if each.isalnum() or each in " .:/@_-,[]=*" else f"#{ord(each)};" for each in text)
