"""Kubernetes' errors: every refusal is a `Status` object.
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#response-status-kind
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Cause:
    """One field that makes an object invalid."""

    reason: str
    field: str
    message: str


class StatusError(Exception):
    """A refusal by the API server."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}

    def to_json(self) -> dict[str, Any]:
        """The `Status` object."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({"details": self.details} if self.details else {}),
            "code": self.code,
        }

    @classmethod
    def not_found(cls, plural: str, name: str) -> Self:
        """There is no such object."""
        return cls(404, "NotFound", f'{plural} "{name}" not found', {"name": name, "kind": plural})

    @classmethod
    def already_exists(cls, plural: str, name: str) -> Self:
        """The name is taken."""
        return cls(409, "AlreadyExists", f'{plural} "{name}" already exists', {"name": name, "kind": plural})

    @classmethod
    def conflict(cls, plural: str, name: str, why: str) -> Self:
        """The object is not what the caller thought it to be."""
        message = f'Operation cannot be fulfilled on {plural} "{name}": {why}'
        return cls(409, "Conflict", message, {"name": name, "kind": plural})

    @classmethod
    def forbidden(cls, plural: str, name: str, why: str) -> Self:
        """The server does not do this, whoever asks."""
        return cls(403, "Forbidden", f'{plural} "{name}" is forbidden: {why}', {"name": name, "kind": plural})

    @classmethod
    def bad_request(cls, message: str) -> Self:
        """The request could not be understood."""
        return cls(400, "BadRequest", message)

    @classmethod
    def invalid(cls, kind: str, name: str, causes: Sequence[Cause]) -> Self:
        """The object breaks rules; each is a cause."""
        said = [f"{cause.field}: {cause.message}" for cause in causes]
        text = said[0] if len(said) == 1 else f"[{', '.join(said)}]"
        listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
        details = {"name": name, "kind": kind, "causes": listed}
        return cls(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details)


def unauthorized() -> StatusError:
    """No token, or one that this server does not know."""
    return StatusError(401, "Unauthorized", "Unauthorized")
