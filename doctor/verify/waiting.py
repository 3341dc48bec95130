"""Waits until something works several times in a row: one success can come from the one server that knows already.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
https://cloud.google.com/iam/docs/access-change-propagation
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_result, stop_before_delay, wait_random_exponential

from doctor.clouds.cloud import CloudError

Value = TypeVar("Value")

LIMIT_SECONDS: Final = 7 * 60
"""https://cloud.google.com/iam/docs/access-change-propagation: typically 2 minutes, potentially 7 or longer."""
SUCCESSES: Final = 3
HOPELESS_AFTER_SECONDS: Final = 20.0
"""Until then even what is written may be read stale, so nothing is given up."""
PAUSE_AFTER_SUCCESS_SECONDS: Final = 0.5
_BACKOFF: Final = wait_random_exponential(multiplier=0.5, max=20)


@dataclass(frozen=True)
class Patience:
    """How long to wait, for how many successes in a row, and where to show progress."""

    say: Callable[[str], None]
    limit_seconds: float = LIMIT_SECONDS
    successes: int = SUCCESSES
    hopeless_after_seconds: float = HOPELESS_AFTER_SECONDS


@dataclass(frozen=True)
class Waited(Generic[Value]):
    """What the waiting came to: the last value, or the last error."""

    value: Value | None
    error: CloudError | None
    seconds: float
    is_stable: bool = False
    """Whether it worked as often in a row as was asked for."""


def wait_until_stable(
    attempt: Callable[[], Value],
    patience: Patience,
    what: str,
    is_hopeless: Callable[[CloudError], bool] = lambda _: False,
) -> Waited[Value]:
    """Attempt until it succeeds so many times in a row, or the time is up, or an error is hopeless.

    `attempt` raises CloudError. `what` names it in progress. The pause doubles, with jitter, after each failure.
    """
    started = time.monotonic()
    streak = 0

    def once() -> Waited[Value]:
        nonlocal streak
        try:
            value = attempt()
        except CloudError as error:
            streak = 0
            return Waited(None, error, time.monotonic() - started)
        streak += 1
        return Waited(value, None, time.monotonic() - started, streak >= patience.successes)

    def goes_on(waited: Waited[Value]) -> bool:
        if waited.error is not None:
            return waited.seconds < patience.hopeless_after_seconds or not is_hopeless(waited.error)
        return not waited.is_stable

    def pause(state: RetryCallState) -> float:
        return PAUSE_AFTER_SUCCESS_SECONDS if streak else _BACKOFF(state)

    def show(state: RetryCallState) -> None:
        if streak:
            patience.say(f"{what}: {streak} of {patience.successes}")
        else:
            patience.say(f"{what}: {_last(state).error}; waited {time.monotonic() - started:.0f} s")

    return Retrying(
        retry=retry_if_result(goes_on),
        stop=stop_before_delay(patience.limit_seconds),
        wait=pause,
        before_sleep=show,
        retry_error_callback=_last,
    )(once)


def _last(state: RetryCallState) -> Waited[Value]:
    assert state.outcome is not None  # noqa: S101  tenacity sets it before it calls back
    last: Waited[Value] = state.outcome.result()
    return last
