"""The cluster's REST API as the real Kubernetes provider calls it: reads, creates, server-side applies, deletes."""

import json
from typing import Any

import httpx

from sandbox.providers.resource import ProviderError
from sandbox.providers.values import Values

FIELD_MANAGER = "pulumi-kubernetes"
APPLY_PATCH = "application/apply-patch+yaml"
REQUEST_SECONDS = 30.0


class KubernetesClient:
    """One API server and the token to show it."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=REQUEST_SECONDS,
            transport=transport,
            trust_env=False,
        )

    def find(self, path: str) -> Values | None:
        """An object, or None when there is none."""
        response = self._request("GET", path)
        return None if response.status_code == httpx.codes.NOT_FOUND else _answer(response)

    def create(self, path: str, wanted: Values) -> Values:
        """The new object in the collection at `path`. Raises ProviderError when there is one of its name."""
        response = self._request("POST", path, params={"fieldManager": FIELD_MANAGER}, json=wanted)
        if response.is_success:
            return _answer(response)
        name = wanted["metadata"]["name"]
        raise ProviderError(
            f"resource {name} was not successfully created by the Kubernetes API server: {_message(response)}"
        )

    def apply(self, path: str, wanted: Values) -> Values:
        """The object after a server-side apply.
        https://kubernetes.io/docs/reference/using-api/server-side-apply/
        """
        options = {"fieldManager": FIELD_MANAGER, "force": "false"}
        headers = {"Content-Type": APPLY_PATCH}
        return _answer(self._request("PATCH", path, params=options, headers=headers, content=json.dumps(wanted)))

    def delete(self, path: str) -> None:
        """Remove an object; no error when there is none."""
        response = self._request("DELETE", path)
        if response.status_code != httpx.codes.NOT_FOUND:
            _answer(response)

    def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except httpx.TransportError as error:
            raise ProviderError(f"{method} {path}: the Kubernetes API server did not answer: {error}") from error


def _answer(response: httpx.Response) -> Values:
    if response.is_success:
        return dict(response.json())
    raise ProviderError(_message(response))


def _message(response: httpx.Response) -> str:
    """The API server's own message; the text of an answer that is none of its own."""
    try:
        status: Any = response.json()
        return str(status["message"])
    except (ValueError, KeyError, TypeError):
        return f"the Kubernetes API server answered {response.status_code}: {response.text[:500]}"
