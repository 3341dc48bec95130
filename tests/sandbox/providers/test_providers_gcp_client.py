"""How the Google provider's client deals with a cloud that is slow, busy or written to by others."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from sandbox.providers.gcp.client import GoogleClient, GoogleError, GoogleSession
from sandbox.providers.gcp.iam_member import CONFLICTS, SERVICE_ACCOUNTS, IamMember
from sandbox.providers.resource import ProviderError

ACCOUNT = "projects/p/serviceAccounts/a@p.iam.gserviceaccount.com"
MEMBER = {"serviceAccountId": ACCOUNT, "role": "roles/viewer", "member": "user:a@example.com"}


class Waits:
    """Takes the place of sleeping, and counts it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def client(answer: Callable[[httpx.Request], httpx.Response], waits: Waits) -> GoogleClient:
    return GoogleClient("http://google.example", "secret-token", httpx.MockTransport(answer), waits)


def answering(*answers: tuple[int, Any]) -> Callable[[httpx.Request], httpx.Response]:
    """One answer after the other, then the last for ever."""
    rest: Iterator[tuple[int, Any]] = iter(answers)
    last = answers[-1]

    def answer(_: httpx.Request) -> httpx.Response:
        nonlocal last
        last = next(rest, last)
        return httpx.Response(last[0], json=last[1])

    return answer


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_google_is_asked_again_with_growing_waits(status: int) -> None:
    waits = Waits()

    found = client(answering((status, {}), (status, {}), (200, {"name": "x"})), waits).call("GET", "/v1/x")

    assert found == {"name": "x"}
    assert waits.seconds == sorted(set(waits.seconds))
    assert len(waits.seconds) == 2


def test_a_google_that_stays_busy_is_an_error_with_its_words() -> None:
    busy = answering((503, {"error": {"code": 503, "message": "The service is currently unavailable."}}))

    with pytest.raises(GoogleError, match=r"^googleapi: Error 503: The service is currently unavailable\.$"):
        client(busy, Waits()).call("GET", "/v1/x")


def test_a_refusal_is_not_asked_again() -> None:
    waits = Waits()

    with pytest.raises(GoogleError, match="Error 403: no"):
        client(answering((403, {"error": {"message": "no"}}), (200, {})), waits).call("GET", "/v1/x")
    assert waits.seconds == []


def test_an_answer_that_is_not_googles_is_shown_without_the_token() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(400, text="<html>proxy</html>")

    with pytest.raises(GoogleError) as refused:
        client(answer, Waits()).call("GET", "/v1/x")
    assert str(refused.value) == "googleapi: Error 400: <html>proxy</html>"


def test_an_operation_is_awaited_until_it_is_done() -> None:
    waits = Waits()
    running, done = {"name": "projects/1/operations/o"}, {"name": "projects/1/operations/o", "done": True}

    client(answering((200, running), (200, done)), waits).wait_for(running)

    assert len(waits.seconds) == 2


def test_a_failed_operation_is_an_error_with_its_words() -> None:
    failed = {"name": "o", "done": True, "error": {"code": 7, "message": "Permission denied"}}

    with pytest.raises(GoogleError, match="Error 7: Permission denied"):
        client(answering((200, {})), Waits()).wait_for(failed)


def test_what_was_made_is_awaited_until_reads_see_it() -> None:
    waits = Waits()
    late = answering((404, {"error": {"message": "?"}}), (404, {"error": {"message": "?"}}), (200, {"name": "x"}))

    assert client(late, waits).wait_until_visible("/v1/x") == {"name": "x"}
    assert len(waits.seconds) == 2


class BusyPolicy:
    """A policy that another writer changes each time before the first `conflicts` writes arrive."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.policy: dict[str, Any] = {"etag": "0", "bindings": []}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith(":getIamPolicy"):
            return httpx.Response(200, json=self.policy)
        if self.conflicts:
            self.conflicts -= 1
            number = self.policy["etag"] + "+"
            others = [*self.policy["bindings"], {"role": f"roles/{number}", "members": ["user:b@example.com"]}]
            self.policy = {"etag": number, "bindings": others}
            return httpx.Response(409, json={"error": {"message": "concurrent policy changes"}})
        self.policy = {**httpx.Response(200, content=request.content).json()["policy"], "etag": "written"}
        return httpx.Response(200, json=self.policy)


def test_a_policy_that_others_write_meanwhile_is_read_again_and_keeps_their_bindings() -> None:
    busy = BusyPolicy(conflicts=3)
    waits = Waits()

    _, state = IamMember(GoogleSession(client(busy, waits), "t", {}), SERVICE_ACCOUNTS, waits).create(MEMBER)

    assert state["etag"] == "written"
    assert len(busy.policy["bindings"]) == 4
    assert len(waits.seconds) == 3


def test_a_policy_that_others_never_stop_writing_is_given_up() -> None:
    busy = BusyPolicy(conflicts=CONFLICTS)
    waits = Waits()

    with pytest.raises(
        ProviderError, match=r"Error applying IAM policy for service account.*concurrent policy changes"
    ):
        IamMember(GoogleSession(client(busy, waits), "t", {}), SERVICE_ACCOUNTS, waits).create(MEMBER)


def test_a_conditional_member_is_another_one_than_the_unconditional() -> None:
    condition = {"title": "for a while", "expression": "request.time < timestamp('2030-01-01T00:00:00Z')"}
    cloud = BusyPolicy(conflicts=0)
    members = IamMember(GoogleSession(client(cloud, Waits()), "t", {}), SERVICE_ACCOUNTS)
    members.create(MEMBER)

    limited_id, limited = members.create({**MEMBER, "condition": condition})

    assert limited_id.endswith("/for a while")
    assert members.read(limited_id, limited) == (limited_id, limited)
    members.delete(limited_id, limited)
    assert members.read(limited_id, limited) is None
    assert cloud.policy["bindings"] == [{"role": MEMBER["role"], "members": [MEMBER["member"]]}]
