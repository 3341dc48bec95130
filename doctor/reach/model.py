"""Who can reach what, as a graph: identities, roles, and what they may use, joined by what is required to pass.

Pure values; `trust`, `permissions` and `bindings` build them, and the formats draw them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["member", "identity", "anyone", "role", "resource", "account"]
"""member: who can be a Google service account; identity: who can present a token; anyone: not one identity but all that
fit; role: an AWS role; resource: what can be used; account: the Google service account that a role can be."""

COLUMNS: Final[tuple[tuple[Kind, ...], ...]] = (
    ("member",),
    ("identity", "anyone"),
    ("role",),
    ("resource", "account"),
)
"""From left to right."""


@dataclass(frozen=True)
class Node:
    """One who reaches, or is reached. `key` tells it from others of the same title."""

    kind: Kind
    key: str
    title: str
    detail: str = ""


@dataclass(frozen=True)
class Edge:
    """`source` reaches `target` if all of `conditions` hold; none: always."""

    source: Node
    target: Node
    how: str
    conditions: tuple[str, ...] = ()
    danger: str = ""
    """Why this lets in more than meant; empty when it does not."""


@dataclass(frozen=True)
class ReachMap:
    """All of it. `unread` says what could not be read, so what may be missing."""

    title: str
    edges: tuple[Edge, ...]
    unread: tuple[str, ...] = field(default=())

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Every node once, in the order of the edges."""
        return tuple(dict.fromkeys(node for edge in self.edges for node in (edge.source, edge.target)))

    @property
    def roles(self) -> tuple[Node, ...]:
        """The AWS roles."""
        return tuple(node for node in self.nodes if node.kind == "role")

    @property
    def dangers(self) -> tuple[Edge, ...]:
        """Those that let in more than meant."""
        return tuple(edge for edge in self.edges if edge.danger)

    def into(self, node: Node) -> tuple[Edge, ...]:
        """Who reaches a node."""
        return tuple(edge for edge in self.edges if edge.target == node)

    def out_of(self, node: Node) -> tuple[Edge, ...]:
        """What a node reaches."""
        return tuple(edge for edge in self.edges if edge.source == node)


def in_order(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Each edge once, from left to right."""
    return tuple(sorted(dict.fromkeys(edges), key=lambda edge: _column(edge.source)))


def _column(node: Node) -> int:
    return next(column for column, kinds in enumerate(COLUMNS) if node.kind in kinds)
