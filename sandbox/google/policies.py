"""IAM policies of any resource: versions with etags, and the time that a change takes to have an effect.

Whether a member exists is the caller's business. Conditional bindings are refused: nothing here evaluates conditions,
and a condition that is ignored would grant too much.
"""

import base64
import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.google.errors import Json, aborted, invalid_argument
from sandbox.google.principals import Clock, Principal

EMPTY_ETAG = "ACAB"
_ROLE = re.compile(r"roles/[\w.]+|(projects|organizations)/[^/]+/roles/[\w.]+")

Bindings = Mapping[str, tuple[str, ...]]
"""Members by role."""


@dataclass(frozen=True)
class _Version:
    bindings: Bindings
    etag: str
    effective_at: float


_NO_POLICY = _Version({}, EMPTY_ETAG, 0.0)


class Policies:
    """The policy of each resource, by resource name.

    `propagation_seconds` is asked at each write: how long that write takes to have an effect.
    """

    def __init__(self, clock: Clock, propagation_seconds: Callable[[], float]) -> None:
        self._clock = clock
        self._propagation_seconds = propagation_seconds
        self._versions: dict[str, list[_Version]] = {}
        self._etags = itertools.count(1)

    def read(self, resource: str) -> Json:
        """The policy as last written, whether or not it has an effect yet."""
        return _to_json(self._latest(resource))

    def write(self, resource: str, policy: Json, check_member: Callable[[str], None]) -> Json:
        """Replace a policy. Raises ABORTED on a stale etag, INVALID_ARGUMENT on a malformed policy.

        `check_member` raises for a member that can't be granted anything. It sees added members only: what is already
        in a policy stays writable after its account or pool is gone.
        """
        current = self._latest(resource)
        bindings = _parse(policy)
        etag = policy.get("etag")
        if etag and etag != current.etag:
            raise aborted(
                "There were concurrent policy changes. Please retry the whole read-modify-write with exponential "
                f"backoff. The request's ETag '{etag}' did not match the current policy's ETag '{current.etag}'."
            )
        known = {member for members in current.bindings.values() for member in members}
        for member in dict.fromkeys(member for members in bindings.values() for member in members):
            if member not in known:
                check_member(member)
        version = _Version(bindings, self._next_etag(), self._clock() + self._propagation_seconds())
        self._versions.setdefault(resource, []).append(version)
        return _to_json(version)

    def roles(self, resource: str, principal: Principal) -> set[str]:
        """The roles that a principal has on a resource by the policy that is in effect now."""
        now = self._clock()
        effective = [version for version in self._versions.get(resource, []) if version.effective_at <= now]
        bindings: Bindings = effective[-1].bindings if effective else {}
        return {role for role, members in bindings.items() if principal.is_one_of(members)}

    def rename_member(self, old: str, new: str) -> None:
        """Write a member differently wherever it is named, at once; etags stay."""
        for resource, versions in self._versions.items():
            self._versions[resource] = [
                _Version(
                    {
                        role: tuple(new if member == old else member for member in members)
                        for role, members in version.bindings.items()
                    },
                    version.etag,
                    version.effective_at,
                )
                for version in versions
            ]

    def _latest(self, resource: str) -> _Version:
        versions = self._versions.get(resource)
        return versions[-1] if versions else _NO_POLICY

    def _next_etag(self) -> str:
        return base64.b64encode(b"\x07\x06" + next(self._etags).to_bytes(6, "big")).decode()


def _parse(policy: Json) -> Bindings:
    bindings: dict[str, list[str]] = {}
    for binding in policy.get("bindings") or []:
        role = binding.get("role", "")
        if not _ROLE.fullmatch(role):
            raise invalid_argument(
                'The role name must be in the form "roles/{role}", "organizations/{organization_id}/roles/{role}", '
                'or "projects/{project_id}/roles/{role}".'
            )
        if binding.get("condition"):
            raise invalid_argument("The sandbox evaluates no IAM conditions, so it refuses conditional bindings.")
        bindings.setdefault(role, []).extend(binding.get("members") or [])
    return {role: tuple(dict.fromkeys(members)) for role, members in bindings.items() if members}


def _to_json(version: _Version) -> Json:
    if not version.bindings:
        return {"etag": version.etag}
    return {
        "version": 1,
        "etag": version.etag,
        "bindings": [{"role": role, "members": list(members)} for role, members in version.bindings.items()],
    }
