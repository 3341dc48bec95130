"""What several test modules ask of an answer."""

from typing import Any

import httpx


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    """A Google API's refusal: HTTP status, status name, message."""
    error = response.json()["error"]
    assert error["code"] == response.status_code
    return response.status_code, error["status"], error["message"]


def exchange_refusal(response: httpx.Response) -> tuple[str, str]:
    """A refused token exchange: error and description."""
    assert response.status_code == 400, response.text
    body: dict[str, Any] = response.json()
    return body["error"], body["error_description"]


def exchange_request(provider: str, subject_token: str, kind: str = "jwt") -> dict[str, str]:
    """The form of a token exchange through a provider, given by its full resource name."""
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "audience": f"//iam.googleapis.com/{provider}",
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "subject_token": subject_token,
        "subject_token_type": f"urn:ietf:params:oauth:token-type:{kind}",
    }
