"""Long-running operations of IAM: started, running for a moment, done."""

import itertools
import secrets
from dataclasses import dataclass

from sandbox.google.errors import Json, not_found
from sandbox.google.principals import Clock

OPERATION_SECONDS = 0.3
"""How long an operation stays unfinished: short, yet long enough that a client which does not wait sees it."""


@dataclass(frozen=True)
class _Operation:
    metadata_type: str
    response: Json
    done_at: float


class Operations:
    """Operations by name, for ever."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._operations: dict[str, _Operation] = {}
        self._numbers = itertools.count(1)

    def start(self, resource_name: str, response_type: str, response: Json) -> Json:
        """A new operation on a resource; its name is the resource's, so under the project number."""
        name = f"{resource_name}/operations/{secrets.token_hex(8)}{next(self._numbers):016d}"
        typed = {"@type": f"type.googleapis.com/google.iam.v1.{response_type}", **response}
        metadata_type = f"type.googleapis.com/google.iam.v1.{response_type}OperationMetadata"
        self._operations[name] = _Operation(metadata_type, typed, self._clock() + OPERATION_SECONDS)
        return self.get(name)

    def get(self, name: str) -> Json:
        """The operation as it stands. Raises NOT_FOUND."""
        operation = self._operations.get(name)
        if operation is None:
            raise not_found()
        shown: Json = {"name": name, "metadata": {"@type": operation.metadata_type}}
        if self._clock() < operation.done_at:
            return shown
        return shown | {"done": True, "response": operation.response}
