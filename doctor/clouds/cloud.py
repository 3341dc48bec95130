"""What asking a cloud comes to: an answer, or why there is none.

It deliberately knows no cloud: `aws_api`, `google_api` and `kubernetes_api` beside it do the asking.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Answer = TypeVar("Answer")


class CloudError(Exception):
    """A cloud refused or did not answer. The text says what was asked and what was said; it holds no credential.

    `code` is the cloud's own: AWS's error code, Google's status (`NOT_FOUND`), Kubernetes' reason (`Forbidden`); empty
    when there was no answer at all.
    """

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Unread:
    """Stands for an answer that could not be had. A check of it is unknown, never a pass."""

    reason: str
    code: str = ""


def read(ask: Callable[[], Answer]) -> Answer | Unread:
    """The answer, or why there is none."""
    try:
        return ask()
    except CloudError as error:
        return Unread(str(error), error.code)
