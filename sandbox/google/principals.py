"""Who is calling: principals as IAM policies name them, and the access tokens that stand for them.

Access tokens are opaque and live in memory only.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass

Clock = Callable[[], float]
"""Seconds since 1970."""


@dataclass(frozen=True)
class Principal:
    """A caller: the member it is, and the further members and sets that include it.
    https://cloud.google.com/iam/docs/principal-identifiers
    """

    member: str
    included_in: frozenset[str] = frozenset()

    def is_one_of(self, members: Collection[str]) -> bool:
        """Whether a policy that lists `members` means this principal."""
        return not (self.included_in | {self.member, "allUsers", "allAuthenticatedUsers"}).isdisjoint(members)


@dataclass(frozen=True)
class _Grant:
    principal: Principal
    expires_at: float
    is_valid: Callable[[], bool]


class AccessTokens:
    """Issues bearer tokens and tells whose they are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._grants: dict[str, _Grant] = {}

    def issue(self, principal: Principal, seconds: float, is_valid: Callable[[], bool] = lambda: True) -> str:
        """A new token. `is_valid` is asked at each use: what the principal depends on may be deleted meanwhile."""
        token = f"ya29.{secrets.token_urlsafe(32)}"
        self._grants[token] = _Grant(principal, self._clock() + seconds, is_valid)
        return token

    def principal(self, token: str) -> Principal | None:
        """Whose token this is; None when it is unknown, expired or no longer valid."""
        grant = self._grants.get(token)
        if grant is None or self._clock() >= grant.expires_at or not grant.is_valid():
            return None
        return grant.principal
