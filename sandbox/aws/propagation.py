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
    takes_effect_at: float
    before: str | None


class TrustPropagation:
    """Which trust policy of a role STS decides by. `delay_seconds` is asked for at every write."""

    def __init__(self, delay_seconds: Callable[[], float]) -> None:
        self._delay_seconds = delay_seconds
        self._last_write: dict[tuple[str, str], _Write] = {}

    def role_created(self, account: str, role_name: str) -> None:
        """Note that a role is about to be made: STS does not know it for a while."""
        self._note(account, role_name, before=None)

    def policy_changed(self, account: str, role: Mapping[str, Any]) -> None:
        """Note that a role's trust policy is about to be replaced: what is in effect now stays so for a while."""
        self._note(account, role["RoleName"], before=self.policy_in_effect(account, role))

    def policy_in_effect(self, account: str, role: Mapping[str, Any]) -> str | None:
        """The role's trust policy as JSON text, or None when STS does not know the role yet."""
        write = self._last_write.get((account, role["RoleName"]))
        if write and time.monotonic() < write.takes_effect_at:
            return write.before
        policy: str = role["AssumeRolePolicyDocument"]
        return policy

    def reset(self) -> None:
        """Forget every write."""
        self._last_write.clear()

    def _note(self, account: str, role_name: str, before: str | None) -> None:
        self._last_write[account, role_name] = _Write(time.monotonic() + self._delay_seconds(), before)
