"""A map as a tree for the terminal: each role with who reaches it, and what it reaches."""

from collections.abc import Iterator

from doctor.reach.model import Edge, Node, ReachMap


def tree(reach: ReachMap) -> str:
    """Lines of text. A service account is under its roles twice: as who gets in, and as what is reached."""
    lines = [reach.title]
    for role in reach.roles:
        lines += ["", f"role {role.title}  {role.detail}"]
        groups = [("reached by", reach.into(role), True), ("reaches", reach.out_of(role), False)]
        for number, (title, edges, inwards) in enumerate(groups):
            last = number == len(groups) - 1
            lines.append(f"{'└─' if last else '├─'} {title}{'' if edges else ' nobody' if inwards else ' nothing'}")
            lines += _branches(reach, edges, "   " if last else "│  ", inwards, {role})
    lines += ["", *(f"not read: {reason}" for reason in reach.unread)] if reach.unread else []
    return "\n".join(lines)


def _branches(reach: ReachMap, edges: tuple[Edge, ...], indent: str, inwards: bool, above: set[Node]) -> Iterator[str]:
    for number, edge in enumerate(edges):
        last = number == len(edges) - 1
        node = edge.source if inwards else edge.target
        below = indent + ("   " if last else "│  ")
        yield f"{indent}{'└─' if last else '├─'} {node.title}{f'  ({node.detail})' if node.detail else ''}"
        further = () if node in above else reach.into(node) if inwards else reach.out_of(node)
        for text in (edge.how, *(f"if {condition}" for condition in edge.conditions)):
            yield f"{below}{'│  ' if further else '   '}{text}"
        if edge.danger:
            yield f"{below}{'│  ' if further else '   '}DANGER: {edge.danger}"
        yield from _branches(reach, further, below, inwards, above | {node})
