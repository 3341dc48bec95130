"""Reads Google Cloud's REST APIs with the credentials and the endpoints that the environment names.

The endpoint variables are the Google provider's and gcloud's own, so what `pulumi up` reaches is what is asked here. It
deliberately uses no client library of an API: those speak gRPC, or can't be pointed at these endpoints. No error shows
a request, which holds a token.
https://registry.terraform.io/providers/hashicorp/google/latest/docs/guides/provider_reference
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import google.auth
import google.auth.credentials
import google.oauth2.credentials
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession, Request
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from doctor.clouds.cloud import CloudError
from federation.google import CONTAINER_API

TIMEOUT_SECONDS: Final = 30
SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")
SIGN_IN: Final = "gcloud auth application-default login"

TRANSIENT: Final = Retry(
    total=3,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,  # whatever is called here can be repeated without harm, POST or not
    raise_on_status=False,
)
"""https://cloud.google.com/apis/design/errors#error_retries"""


@dataclass(frozen=True)
class Service:
    """A Google API: its name, its base url with the version, and the variable that puts another url in its place."""

    name: str
    base_url: str
    variable: str


IAM: Final = Service("iam.googleapis.com", "https://iam.googleapis.com/v1/", "GOOGLE_IAM_CUSTOM_ENDPOINT")
IAM_CREDENTIALS: Final = Service(
    "iamcredentials.googleapis.com",
    "https://iamcredentials.googleapis.com/v1/",
    "GOOGLE_IAM_CREDENTIALS_CUSTOM_ENDPOINT",
)
CONTAINER: Final = Service("container.googleapis.com", f"{CONTAINER_API}/v1/", "GOOGLE_CONTAINER_CUSTOM_ENDPOINT")
RESOURCE_MANAGER: Final = Service(
    "cloudresourcemanager.googleapis.com",
    "https://cloudresourcemanager.googleapis.com/v1/",
    "GOOGLE_RESOURCE_MANAGER_CUSTOM_ENDPOINT",
)
SERVICE_USAGE: Final = Service(
    "serviceusage.googleapis.com", "https://serviceusage.googleapis.com/v1/", "GOOGLE_SERVICE_USAGE_CUSTOM_ENDPOINT"
)
SECURITY_TOKEN: Final = Service(
    "sts.googleapis.com", "https://sts.googleapis.com/", "CLOUDSDK_API_ENDPOINT_OVERRIDES_STS"
)
"""The Google provider has no variable for this one; gcloud's base url has no version."""
OAUTH: Final = Service("oauth2.googleapis.com", "https://oauth2.googleapis.com/token", "CLOUDSDK_AUTH_TOKEN_HOST")
"""Named by gcloud for the path that gives tokens; `tokeninfo` is beside it."""


def service_url(service: Service, path: str) -> str:
    """Where a path of an API is asked for, by this process's environment."""
    base = os.environ.get(service.variable) or service.base_url
    return f"{base.rstrip('/')}/{path}"


class GoogleApi:
    """Google's REST APIs as one caller."""

    def __init__(self, credentials: google.auth.credentials.Credentials) -> None:
        self._credentials = credentials
        self._session: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=TRANSIENT))

    @classmethod
    def from_environment(cls) -> Self:
        """With GOOGLE_OAUTH_ACCESS_TOKEN, else application default credentials. Raises CloudError without any."""
        if token := os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN"):
            return cls(google.oauth2.credentials.Credentials(token))  # type: ignore[no-untyped-call]
        try:
            credentials, _ = google.auth.default(scopes=SCOPES)
        except GoogleAuthError as error:
            raise CloudError(f"no Google credentials were found; sign in with `{SIGN_IN}`") from error
        return cls(credentials)

    def get(self, service: Service, path: str) -> Any:
        """The JSON at a path. Raises CloudError."""
        return self._call("GET", service_url(service, path), None)

    def post(self, service: Service, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON that a method answers with. Raises CloudError."""
        return self._call("POST", service_url(service, path), body or {})

    def find(self, service: Service, path: str) -> Any:
        """The JSON at a path, or None when nothing is there. Raises CloudError."""
        try:
            return self.get(service, path)
        except CloudError as error:
            if error.code == "NOT_FOUND":
                return None
            raise

    def caller(self) -> str | None:
        """The e-mail of whoever the credentials are of; None when Google does not say. Raises CloudError.
        https://cloud.google.com/docs/authentication/token-types#access-tokens
        """
        token_url = os.environ.get(OAUTH.variable) or OAUTH.base_url
        try:
            if not self._credentials.token:
                self._credentials.refresh(Request())  # type: ignore[no-untyped-call]
            response = requests.post(
                f"{token_url.rpartition('/')[0]}/tokeninfo",
                data={"access_token": self._credentials.token},
                timeout=TIMEOUT_SECONDS,
            )
        except requests.RequestException as error:
            raise CloudError(f"{OAUTH.name} did not answer ({type(error).__name__})") from error
        except GoogleAuthError as error:
            raise credentials_refused() from error
        if not response.ok:
            raise credentials_refused()
        email: str | None = response.json().get("email")
        return email

    def _call(self, method: str, url: str, body: Mapping[str, Any] | None) -> Any:
        try:
            response = self._session.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise CloudError(f"{url} did not answer ({type(error).__name__})") from error
        except GoogleAuthError as error:
            raise credentials_refused() from error
        if not response.ok:
            raise google_refusal(response)
        return response.json()


def credentials_refused() -> CloudError:
    """Google knows no such credentials, or no longer."""
    return CloudError(
        f"Google does not take the credentials; sign in with `{SIGN_IN}`, or set a new GOOGLE_OAUTH_ACCESS_TOKEN",
        "UNAUTHENTICATED",
    )


def google_refusal(response: requests.Response) -> CloudError:
    """What an answer other than 2xx says, in one line. The request, which holds a token, is not shown."""
    if response.status_code == requests.codes.unauthorized:
        return credentials_refused()
    try:
        error = response.json()["error"]
        code, said = error["status"], error["message"]
    except (ValueError, KeyError, TypeError):
        code, said = "", response.reason
    path = response.url.partition("?")[0]
    return CloudError(f"{path}: Google said {response.status_code} {' '.join(said.split())}", code)
