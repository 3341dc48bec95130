"""A map as a picture: four columns from left to right, who to what, with numbered arrows.

What is required to pass an arrow stands beside the picture, under its number: conditions are too long for arrows.
Everything that comes from a cloud is escaped. The picture needs nothing from elsewhere: no font, no script, no link.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from doctor.reach.model import COLUMNS, Edge, Node, ReachMap

TITLES: Final = ("Who can be the service account", "Who presents a token", "AWS role", "What can be used")
STYLE: Final = """
.box { fill: #fff; stroke: #6b7280; stroke-width: 1.2; }
.member { fill: #f3f4f6; } .identity { fill: #e8f0fe; stroke: #1a73e8; } .anyone { fill: #fde8e8; stroke: #b91c1c; }
.role { fill: #fff4e5; stroke: #d97706; } .resource { fill: #ecfdf3; stroke: #15803d; }
.account { fill: #e8f0fe; stroke: #1a73e8; }
.arrow { fill: none; stroke: #6b7280; stroke-width: 1.4; } .danger { stroke: #b91c1c; stroke-width: 2.4; }
.dot { fill: #374151; } .dot-danger { fill: #b91c1c; } .number { fill: #fff; font-size: 11px; font-weight: 600; }
text { font-family: system-ui, sans-serif; fill: #111827; font-size: 13px; }
.detail { fill: #4b5563; font-size: 11px; } .column { fill: #4b5563; font-size: 12px; font-weight: 600; }
"""

WIDTH: Final = 250
GAP: Final = 110
MARGIN: Final = 24
TOP: Final = 56
BETWEEN: Final = 22
TITLE_CHARACTERS: Final = 32
DETAIL_CHARACTERS: Final = 40
TITLE_LINE: Final = 17
DETAIL_LINE: Final = 14
PADDING: Final = 10


@dataclass(frozen=True)
class _Box:
    """Where a node stands."""

    node: Node
    x: int
    y: int
    title: Sequence[str]
    detail: Sequence[str]

    @property
    def height(self) -> int:
        return 2 * PADDING + len(self.title) * TITLE_LINE + len(self.detail) * DETAIL_LINE

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


def svg(reach: ReachMap) -> str:
    """The picture, as one <svg> element with its style inside."""
    boxes = _placed(reach)
    width = 2 * MARGIN + len(COLUMNS) * WIDTH + (len(COLUMNS) - 1) * GAP
    height = max((box.y + box.height for box in boxes.values()), default=TOP) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(reach.title)}">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>',
    ]
    parts += [
        f'<text class="column" x="{_left(column)}" y="{MARGIN + 8}">{escape(title)}</text>'
        for column, title in enumerate(TITLES)
        if any(node.kind in COLUMNS[column] for node in reach.nodes)
    ]
    parts += [_arrow(edge, boxes) for edge in reach.edges]
    parts += [_drawn(box) for box in boxes.values()]
    parts += [_number(number, edge, boxes) for number, edge in enumerate(reach.edges, start=1)]
    return "\n".join([*parts, "</svg>"])


def _placed(reach: ReachMap) -> dict[Node, _Box]:
    """Column by column; in each, near those that a node is joined to in the column before."""
    boxes: dict[Node, _Box] = {}
    for column, kinds in enumerate(COLUMNS):
        y = TOP
        for node in sorted(
            (n for n in reach.nodes if n.kind in kinds), key=lambda n: _middle_of_joined(reach, n, boxes)
        ):
            title = textwrap.wrap(node.title, TITLE_CHARACTERS) or [""]
            detail = textwrap.wrap(node.detail, DETAIL_CHARACTERS)
            boxes[node] = _Box(node, _left(column), y, title, detail)
            y += boxes[node].height + BETWEEN
    return boxes


def _middle_of_joined(reach: ReachMap, node: Node, boxes: dict[Node, _Box]) -> float:
    joined = [boxes[edge.source].middle for edge in reach.into(node) if edge.source in boxes]
    return sum(joined) / len(joined) if joined else 0.0


def _left(column: int) -> int:
    return MARGIN + column * (WIDTH + GAP)


def _ends(edge: Edge, boxes: dict[Node, _Box]) -> tuple[float, float, float, float]:
    """Where an arrow leaves and arrives; one within a column goes around it on the right."""
    source, target = boxes[edge.source], boxes[edge.target]
    arrives = target.x if target.x > source.x else target.x + WIDTH
    return source.x + WIDTH, source.middle, arrives, target.middle


def _arrow(edge: Edge, boxes: dict[Node, _Box]) -> str:
    x1, y1, x2, y2 = _ends(edge, boxes)
    bend = GAP / 2
    path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend if x2 > x1 else x2 + bend} {y2} {x2} {y2}"
    danger = " danger" if edge.danger else ""
    return f'<path class="arrow{danger}" d="{path}" marker-end="url(#head)"/>'


def _drawn(box: _Box) -> str:
    lines = [
        f'<rect class="box {box.node.kind}" x="{box.x}" y="{box.y}" width="{WIDTH}" height="{box.height}" rx="6"/>'
    ]
    y = box.y + PADDING - 4
    for text in box.title:
        y += TITLE_LINE
        lines.append(f'<text x="{box.x + 12}" y="{y}">{escape(text)}</text>')
    for text in box.detail:
        y += DETAIL_LINE
        lines.append(f'<text class="detail" x="{box.x + 12}" y="{y}">{escape(text)}</text>')
    return "\n".join(lines)


def _number(number: int, edge: Edge, boxes: dict[Node, _Box]) -> str:
    x1, y1, x2, y2 = _ends(edge, boxes)
    x, y = (x1 + x2) / 2 if x2 > x1 else x1 + GAP / 3, (y1 + y2) / 2
    danger = " dot-danger" if edge.danger else ""
    return (
        f'<circle class="dot{danger}" cx="{x}" cy="{y}" r="10"/>'
        f'<text class="number" x="{x}" y="{y + 4}" text-anchor="middle">{number}</text>'
    )
