"""Google's REST services, called as the real Google provider calls them: with retries, and operations awaited."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.providers.properties import Failure
from sandbox.providers.resource import ProviderError
from sandbox.providers.values import Values

TRANSIENT = frozenset({429, 500, 502, 503, 504})
ATTEMPTS = 7
FIRST_WAIT_SECONDS = 0.1
"""Doubled at each attempt: 6 seconds in all."""

OPERATION_SECONDS = 120.0
VISIBLE_SECONDS = 60.0
POLL_SECONDS = 0.1
REQUEST_SECONDS = 30.0


class GoogleError(ProviderError):
    """A refusal by a Google API, with its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"googleapi: Error {status}: {message}")
        self.status = status


class GoogleClient:
    """One endpoint that answers for all of Google's services, and the token to show it."""

    def __init__(
        self,
        url: str,
        token: str,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=REQUEST_SECONDS,
            transport=transport,
            trust_env=False,
        )
        self._sleep = sleep

    def call(self, method: str, path: str, body: Any = None, **parameters: str) -> Values:
        """The JSON answer; transient errors are tried again. Raises GoogleError."""
        for attempt in range(ATTEMPTS):
            try:
                response = self._http.request(method, path, params={"alt": "json", **parameters}, json=body)
            except httpx.TransportError as error:
                raise ProviderError(f"{method} {path}: Google did not answer: {error}") from error
            if response.is_success:
                return dict(response.json()) if response.content else {}
            if response.status_code not in TRANSIENT or attempt == ATTEMPTS - 1:
                break
            self._sleep(FIRST_WAIT_SECONDS * 2**attempt)
        raise GoogleError(response.status_code, _message(response))

    def find(self, path: str, **parameters: str) -> Values | None:
        """The JSON answer of a GET, or None when Google says that there is no such thing."""
        try:
            return self.call("GET", path, **parameters)
        except GoogleError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    def wait_for(self, operation: Values) -> None:
        """Return when a long-running operation is done.

        Raises GoogleError when it failed, ProviderError when it takes over 2 minutes.
        """
        deadline = time.monotonic() + OPERATION_SECONDS
        while not operation.get("done"):
            if time.monotonic() > deadline:
                raise ProviderError(f"operation {operation['name']} was not done within {OPERATION_SECONDS:.0f} s")
            self._sleep(POLL_SECONDS)
            operation = self.call("GET", f"/v1/{operation['name']}")
        if "error" in operation:
            raise GoogleError(operation["error"].get("code", 0), operation["error"].get("message", ""))

    def wait_until_visible(self, path: str) -> Values:
        """What was just made, as soon as reads see it: Google's reads lag behind its writes.
        https://cloud.google.com/iam/docs/overview#consistency
        """
        deadline = time.monotonic() + VISIBLE_SECONDS
        while (found := self.find(path)) is None:
            if time.monotonic() > deadline:
                raise ProviderError(f"{path} was created, but could not be read within {VISIBLE_SECONDS:.0f} s")
            self._sleep(POLL_SECONDS)
        return found

    def delete(self, path: str) -> Values:
        """Delete; an empty answer when it is gone already."""
        try:
            return self.call("DELETE", path)
        except GoogleError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return {}
            raise


@dataclass(frozen=True)
class GoogleSession:
    """What the resources of one configured provider share."""

    client: GoogleClient
    token: str
    settings: Mapping[str, str]
    """The provider's defaults: project, region, zone."""

    def with_project(self, inputs: Values) -> Values:
        """As the real provider: resources that name no project are in the provider's."""
        project = self.settings.get("project")
        return {"project": project, **inputs} if project else inputs


def no_project(inputs: Values) -> list[Failure]:
    """Why a resource without any project is refused."""
    if inputs.get("project"):
        return []
    return [Failure("project", "project: required field is not set; set gcp:project or the resource's own project")]


def guard_deletion(kind: str, state: Values) -> bool:
    """Whether a deletion is to be made in the cloud too, by the resource's `deletionPolicy`.

    Raises ProviderError for PREVENT; False for ABANDON.
    """
    policy = state.get("deletionPolicy", "DELETE")
    if policy == "PREVENT":
        raise ProviderError(f"cannot destroy {kind} without setting deletion_policy to something other than PREVENT")
    return bool(policy != "ABANDON")


def _message(response: httpx.Response) -> str:
    """Google's own message; the text of an answer that is none of Google's."""
    try:
        error = response.json()["error"]
        return str(error["message"] if isinstance(error, dict) else error)
    except (ValueError, KeyError, TypeError):
        return response.text[:500]
