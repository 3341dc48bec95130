"""How a written trust policy takes effect: at once, or, on request, as late as on a bad day at AWS.

Only trust policies are delayed; permission policies deliberately are not.
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Write:
    written_at: float
    before: str | None


class TrustPropagation:
    """Which trust policy of a role STS decides by. `delay_seconds` is asked for at every decision."""

    def __init__(self, delay_seconds: Callable[[], float]) -> None:
        self._delay_seconds = delay_seconds
        self._last_write: dict[tuple[str, str], _Write] = {}

    def role_created(self, account: str, role_name: str) -> None:
        """Note that a role is new: STS does not know it yet."""
        self._last_write[account, role_name] = _Write(time.monotonic(), before=None)

    def policy_changed(self, account: str, role: Mapping[str, Any]) -> None:
        """Note that a role's trust policy is about to be replaced: what is in effect now stays so for a while."""
        before = self.policy_in_effect(account, role)
        self._last_write[account, role["RoleName"]] = _Write(time.monotonic(), before)

    def policy_in_effect(self, account: str, role: Mapping[str, Any]) -> str | None:
        """The role's trust policy as JSON text, or None when STS does not know the role yet."""
        write = self._last_write.get((account, role["RoleName"]))
        if write and time.monotonic() < write.written_at + self._delay_seconds():
            return write.before
        policy: str = role["AssumeRolePolicyDocument"]
        return policy

    def reset(self) -> None:
        """Forget every write."""
        self._last_write.clear()
