"""Waiting for something to work several times in a row."""

from collections.abc import Callable, Iterator

import pytest

from doctor.clouds.cloud import CloudError
from doctor.verify import waiting
from doctor.verify.waiting import Patience, wait_until_stable


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause between attempts."""
    monkeypatch.setattr(waiting, "PAUSE_AFTER_SUCCESS_SECONDS", 0)
    monkeypatch.setattr(waiting, "_BACKOFF", lambda _: 0)


def attempts(outcomes: str) -> Callable[[], int]:
    """Attempts that work (`+`) or fail (`-`), in this order and then no more."""
    remaining: Iterator[tuple[int, str]] = iter(list(enumerate(outcomes, start=1)))

    def attempt() -> int:
        number, outcome = next(remaining)
        if outcome == "-":
            raise CloudError("not yet", "AccessDenied")
        return number

    return attempt


@pytest.mark.parametrize(("outcomes", "ends_with"), [("+++", 3), ("--+++", 5), ("++-+-+++", 8)])
def test_only_successes_in_a_row_count(outcomes: str, ends_with: int) -> None:
    waited = wait_until_stable(attempts(outcomes), Patience(lambda _: None, successes=3), "it")
    assert (waited.value, waited.is_stable) == (ends_with, True)


def test_at_the_time_limit_the_last_error_is_what_is_left() -> None:
    waited = wait_until_stable(attempts("-"), Patience(lambda _: None, limit_seconds=0), "it")
    assert waited.value is None
    assert waited.error is not None
    assert waited.error.code == "AccessDenied"


def test_successes_that_were_too_few_at_the_time_limit_are_not_stable() -> None:
    waited = wait_until_stable(attempts("+"), Patience(lambda _: None, limit_seconds=0, successes=3), "it")
    assert (waited.value, waited.is_stable) == (1, False)


def test_a_hopeless_error_is_not_waited_for() -> None:
    patience = Patience(lambda _: None, hopeless_after_seconds=0)
    waited = wait_until_stable(attempts("-"), patience, "it", lambda error: error.code == "AccessDenied")
    assert waited.error is not None


def test_nothing_is_hopeless_in_the_first_seconds() -> None:
    patience = Patience(lambda _: None, successes=1, hopeless_after_seconds=60)
    assert wait_until_stable(attempts("-+"), patience, "it", lambda _: True).error is None


def test_progress_tells_what_is_waited_for() -> None:
    progress: list[str] = []
    wait_until_stable(attempts("-++"), Patience(progress.append, successes=2), "route google")
    assert progress == ["route google: not yet; waited 0 s", "route google: 1 of 2"]
