"""How every Google API here is called: bearer token, enabled API, JSON in and out, one change at a time."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google.errors import (
    Json,
    credentials_invalid,
    credentials_missing,
    invalid_argument,
    permission_denied,
)
from sandbox.google.principals import Principal

if TYPE_CHECKING:
    from sandbox.google.cloud import GoogleCloud

BEARER = "Bearer "


@dataclass(frozen=True)
class Call:
    """One authenticated request: who calls, and what with."""

    cloud: "GoogleCloud"
    caller: Principal
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json

    def require(self, permission: str, *resources: str) -> None:
        """Raises PERMISSION_DENIED unless the caller has `permission` on one of the resources."""
        if not self.cloud.allows(self.caller, permission, *resources):
            raise permission_denied(permission)


Endpoint = Callable[[Call], Json]


def endpoint(cloud: "GoogleCloud", service: str, method: str, path: str, answer: Endpoint) -> Route:
    """A route of a Google API. A path's {project} may be an id or a number, and must have `service` enabled."""

    async def handle(request: Request) -> Response:
        caller = authenticate(cloud, request)
        body = parse_json(await request.body())
        with cloud.lock:
            project = request.path_params.get("project", "-")
            if project != "-":
                cloud.projects.get(project).require_service(service)
            call = Call(cloud, caller, request.path_params, request.query_params, body)
            return JSONResponse(answer(call))

    return Route(path, handle, methods=[method])


def authenticate(cloud: "GoogleCloud", request: Request) -> Principal:
    """Whose bearer token the request carries. Raises UNAUTHENTICATED."""
    header = request.headers.get("authorization", "")
    if not header.startswith(BEARER):
        raise credentials_missing()
    caller = cloud.access_tokens.principal(header.removeprefix(BEARER))
    if caller is None:
        raise credentials_invalid()
    return caller


def parse_json(body: bytes) -> Json:
    """A request's JSON object; no body is an empty one. Raises INVALID_ARGUMENT."""
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError as error:
        raise invalid_argument("Invalid JSON payload received. Parse error.") from error
    if not isinstance(value, dict):
        raise invalid_argument("Invalid JSON payload received. The request body must be an object.")
    return value


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as Google writes them, in UTC to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
