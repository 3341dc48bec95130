"""How the demo tells of a step: the line, and the refusal that nobody asked for."""

import httpx
import pytest
from botocore.exceptions import ClientError

from sandbox.demo import show_step
from sandbox.demo.tour import NotAsExpected, expect

ACCESS_DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListBuckets")


def test_a_step_is_one_line_with_what_it_saw() -> None:
    lines: list[str] = []
    show_step(lines.append, "10", "aws s3 ls", lambda: "three buckets")
    assert lines == [" 10  aws s3 ls                  three buckets"]


@pytest.mark.parametrize("refusal", [ACCESS_DENIED, httpx.ConnectError("refused")])
def test_a_refusal_that_a_step_did_not_ask_for_is_what_was_seen(refusal: Exception) -> None:
    def refused() -> str:
        raise refusal

    lines: list[str] = []
    with pytest.raises(NotAsExpected) as failed:
        show_step(lines.append, "10", "aws s3 ls", refused)
    assert failed.value.expected == "success of: aws s3 ls"
    assert failed.value.seen is refusal
    assert "not as expected" in lines[0]


def test_what_a_step_expected_and_saw_is_kept() -> None:
    def unexpected() -> str:
        expect("GKE_METADATA", "GCE_METADATA")
        return ""

    with pytest.raises(NotAsExpected) as failed:
        show_step(lambda _: None, "1", "node pool", unexpected)
    assert (failed.value.expected, failed.value.seen) == ("GKE_METADATA", "GCE_METADATA")
