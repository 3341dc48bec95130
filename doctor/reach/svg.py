"""A map as a picture: four columns from left to right, who to what, with numbered arrows.

What is required to pass an arrow stands beside the picture, under its number: conditions are too long for arrows.
Everything that comes from a cloud is escaped. The picture needs nothing from elsewhere: no font, no script, no link.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Final

from doctor.reach.model import COLUMNS, Edge, Kind, Node, ReachMap


@dataclass(frozen=True)
class _Column:
    title: str
    kinds: tuple[Kind, ...]


TITLES: Final = ("Who can be the service account", "Who presents a token", "AWS role", "What can be used")
_COLUMNS: Final = tuple(map(_Column, TITLES, COLUMNS))
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
TITLE_CHARACTERS: Final = 30
DETAIL_CHARACTERS: Final = 36
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
    columns = [column for column in _COLUMNS if any(node.kind in column.kinds for node in reach.nodes)]
    boxes = _placed(reach, columns)
    width = _left(len(columns)) - GAP + MARGIN
    height = max((box.y + box.height for box in boxes.values()), default=TOP) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(reach.title)}">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#6b7280"/></marker></defs>',
    ]
    parts += [
        f'<text class="column" x="{_left(number)}" y="{MARGIN + 8}">{escape(column.title)}</text>'
        for number, column in enumerate(columns)
    ]
    parts += [_arrow(edge, boxes) for edge in reach.edges]
    parts += [_drawn(box) for box in boxes.values()]
    parts += [_number(number, edge, boxes) for number, edge in enumerate(reach.edges, start=1)]
    return "\n".join([*parts, "</svg>"])


def _placed(reach: ReachMap, columns: Sequence[_Column]) -> dict[Node, _Box]:
    """Column by column; in each, near those that a node is joined to in the column before."""
    boxes: dict[Node, _Box] = {}
    for number, column in enumerate(columns):
        y = TOP
        nodes = [node for node in reach.nodes if node.kind in column.kinds]
        for node in sorted(nodes, key=partial(_middle_of_joined, reach, boxes)):
            title = textwrap.wrap(node.title, TITLE_CHARACTERS) or [""]
            detail = textwrap.wrap(node.detail, DETAIL_CHARACTERS)
            boxes[node] = _Box(node, _left(number), y, title, detail)
            y += boxes[node].height + BETWEEN
    return boxes


def _middle_of_joined(reach: ReachMap, boxes: dict[Node, _Box], node: Node) -> float:
    joined = [boxes[edge.source].middle for edge in reach.into(node) if edge.source in boxes]
    return sum(joined) / len(joined) if joined else 0.0


def _left(column: int) -> int:
    return MARGIN + column * (WIDTH + GAP)


def _curve(edge: Edge, boxes: dict[Node, _Box]) -> tuple[tuple[float, float], ...]:
    """The four points of an arrow's Bézier curve; one within a column goes around it on the right."""
    source, target = boxes[edge.source], boxes[edge.target]
    leaves, bend = source.x + WIDTH, GAP / 2
    onwards = target.x > source.x
    arrives = target.x if onwards else target.x + WIDTH
    return (
        (leaves, source.middle),
        (leaves + bend, source.middle),
        (arrives - bend if onwards else arrives + bend, target.middle),
        (arrives, target.middle),
    )


def _arrow(edge: Edge, boxes: dict[Node, _Box]) -> str:
    start, *others = (f"{x} {y}" for x, y in _curve(edge, boxes))
    danger = " danger" if edge.danger else ""
    return f'<path class="arrow{danger}" d="M{start}C{" ".join(others)}" marker-end="url(#head)"/>'


def _number(number: int, edge: Edge, boxes: dict[Node, _Box]) -> str:
    """The arrow's number, on it; those of neighbours stand at other places along their arrows."""
    along = 0.26 + 0.16 * (number % 4)
    weights = ((1 - along) ** 3, 3 * (1 - along) ** 2 * along, 3 * (1 - along) * along**2, along**3)
    points = list(zip(weights, _curve(edge, boxes), strict=True))
    x, y = (round(sum(weight * point[axis] for weight, point in points), 1) for axis in (0, 1))
    danger = " dot-danger" if edge.danger else ""
    return (
        f'<circle class="dot{danger}" cx="{x}" cy="{y}" r="10"/>'
        f'<text class="number" x="{x}" y="{y + 4}" text-anchor="middle">{number}</text>'
    )


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
