"""The two calls of the GKE API that turn a cluster's workload pool on, and the waiting between them.

Deliberately no client for the whole API: Google's own (google-cloud-container) speaks gRPC and cannot be pointed at the
endpoint that the Google provider uses, GOOGLE_CONTAINER_CUSTOM_ENDPOINT.
https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/update
"""

import os
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NoReturn, Self

import google.auth
import google.auth.credentials
import google.oauth2.credentials
import requests
from google.auth import impersonated_credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from federation.google import CONTAINER_API, TOKEN_CREATOR

TIME_LIMIT_SECONDS: Final = 60 * 60
"""How long a cluster's update may take, as in the Google provider.
https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/container_cluster#timeouts"""

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
REQUEST_TIMEOUT_SECONDS: Final = 60

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"

SIGN_IN: Final = "Sign in with `gcloud auth application-default login`, or set a new GOOGLE_OAUTH_ACCESS_TOKEN."

TRANSIENT: Final = Retry(
    total=5,
    backoff_factor=1,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods={"GET", "PUT"},
    raise_on_status=False,
)
"""Answers worth the same question again; both calls can be repeated without harm.
https://cloud.google.com/apis/design/errors#error_retries"""


class GkeError(Exception):
    """The GKE API refused or failed; the text says what was asked, what Google said and what to do."""


class ClusterNotFoundError(GkeError):
    """There is no such cluster, or none that the caller may see."""


class ClusterBusyError(GkeError):
    """The cluster takes no update now, because another operation runs on it."""


class Patience:
    """Waits longer each time, up to half a minute, and gives up at a time limit (seconds)."""

    def __init__(self, limit_seconds: float, first_pause_seconds: float, say: Callable[[str], object]) -> None:
        self._started = time.monotonic()
        self._limit = limit_seconds
        self._pause = first_pause_seconds
        self._say = say

    def wait(self, reason: str, when_it_takes_too_long: str) -> None:
        """Say why and pause. Raises GkeError when the pause would end after the limit."""
        waited = time.monotonic() - self._started
        if waited + self._pause > self._limit:
            raise GkeError(f"{reason}, and still so after {waited / 60:.0f} minutes. {when_it_takes_too_long}")
        self._say(f"{reason}; waited {waited:.0f} s")
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)


class GkeApi:
    """The GKE API at `base_url`, which ends in its version: `https://container.googleapis.com/v1/`."""

    def __init__(self, session: requests.Session, base_url: str, remedy: str = SIGN_IN) -> None:
        self._session = session
        self._remedy = remedy  # for credentials that Google does not take
        self._session.mount(base_url, HTTPAdapter(max_retries=TRANSIENT))
        self._base_url = base_url.rstrip("/")

    @classmethod
    def from_environment(cls, impersonate_service_account: str | None = None) -> Self:
        """With the endpoint and the credentials of the environment, by the names that the Google provider reads.

        GOOGLE_CONTAINER_CUSTOM_ENDPOINT; GOOGLE_OAUTH_ACCESS_TOKEN or else application default credentials; and the
        service account (an e-mail) to impersonate, given or in GOOGLE_IMPERSONATE_SERVICE_ACCOUNT. It reads no key from
        GOOGLE_CREDENTIALS. Raises GkeError when there are no credentials.
        https://registry.terraform.io/providers/hashicorp/google/latest/docs/guides/provider_reference
        """
        account = impersonate_service_account or os.environ.get("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT")
        credentials = _impersonated(_credentials(), account) if account else _credentials()
        session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
        base_url = os.environ.get("GOOGLE_CONTAINER_CUSTOM_ENDPOINT") or f"{CONTAINER_API}/v1/"
        return cls(session, base_url, _impersonation_remedy(account) if account else SIGN_IN)

    def workload_pool(self, cluster: str) -> str:
        """The workload pool of `projects/P/locations/L/clusters/C`; empty when it is off. Raises GkeError."""
        found = self._call("GET", cluster, cluster, "container.clusters.get")
        pool: str = found.get("workloadIdentityConfig", {}).get("workloadPool", "")
        return pool

    def set_workload_pool(self, cluster: str, pool: str) -> str:
        """Start the update; returns the operation's name. Raises ClusterBusyError or GkeError."""
        body = {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": pool}}}
        operation: str = self._call("PUT", cluster, cluster, "container.clusters.update", body)["name"]
        return operation

    def operation_is_done(self, cluster: str, operation: str) -> bool:
        """Whether an operation on the cluster is over. Raises GkeError when it ended in an error."""
        location = cluster.partition("/clusters/")[0]
        state = self._call("GET", f"{location}/operations/{operation}", cluster, "container.operations.get")
        if state["status"] != "DONE":
            return False
        if error := state.get("error"):
            raise GkeError(f"Operation {operation} on {cluster} failed: {error.get('message', error)}")
        return True

    def _call(
        self, method: str, path: str, cluster: str, permission: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            response = self._session.request(
                method, f"{self._base_url}/{path}", json=body, timeout=REQUEST_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            raise GkeError(f"The GKE API at {self._base_url} did not answer ({type(error).__name__}).") from error
        except GoogleAuthError as error:
            raise GkeError(f"Google does not take the credentials. {self._remedy}") from error
        if not response.ok:
            _raise_refusal(response, cluster, permission)
        answer: dict[str, Any] = response.json()
        return answer


def enable_workload_pool(
    api: GkeApi,
    cluster: str,
    pool: str,
    say: Callable[[str], object],
    limit_seconds: float = TIME_LIMIT_SECONDS,
    first_pause_seconds: float = FIRST_PAUSE_SECONDS,
) -> None:
    """Turn the workload pool of `projects/P/locations/L/clusters/C` on, if it is off, and wait until it is.

    Reads the cluster again after every wait, so it is content when someone else turns the pool on meanwhile.
    Raises GkeError: another project's pool is set, no permission, no cluster, a failed operation, the time limit.
    """
    patience = Patience(limit_seconds, first_pause_seconds, say)
    while (current := api.workload_pool(cluster)) != pool:
        if current:
            raise GkeError(
                f"{cluster} has the workload pool {current}, which is not its own project's ({pool}). It is left as"
                f" it is: replacing it would cut off the pods that use it. Configure a cluster without that pool."
            )
        try:
            operation = api.set_workload_pool(cluster, pool)
        except ClusterBusyError as busy:
            patience.wait(str(busy), "Run `pulumi up` again when that operation is over.")
            continue
        _wait_for_operation(api, cluster, operation, patience)


def _wait_for_operation(api: GkeApi, cluster: str, operation: str, patience: Patience) -> None:
    project, location = cluster.split("/")[1], cluster.split("/")[3]
    describe = f"gcloud container operations describe {operation} --project={project} --location={location}"
    while not api.operation_is_done(cluster, operation):
        patience.wait(
            f"Turning the workload pool of {cluster} on: {operation} is running",
            f"It goes on without this program; look at it with `{describe}`, then run `pulumi up` again.",
        )


def _credentials() -> google.auth.credentials.Credentials:
    if token := os.environ.get("GOOGLE_OAUTH_ACCESS_TOKEN"):
        return google.oauth2.credentials.Credentials(token)  # type: ignore[no-untyped-call]
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except GoogleAuthError as error:
        raise GkeError(f"No Google credentials were found. {SIGN_IN}") from error
    return credentials


def _impersonated(source: google.auth.credentials.Credentials, account: str) -> google.auth.credentials.Credentials:
    endpoint = os.environ.get("GOOGLE_IAM_CREDENTIALS_CUSTOM_ENDPOINT")
    return impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source_credentials=source,
        target_principal=account,
        target_scopes=[SCOPE],
        iam_endpoint_override=f"{endpoint}projects/-/serviceAccounts/{account}:generateAccessToken"
        if endpoint
        else None,
    )


def _impersonation_remedy(account: str) -> str:
    return (
        f"They are to impersonate {account}, which needs a role on it: `gcloud iam"
        f" service-accounts add-iam-policy-binding {account} --member=user:YOU"
        f" --role={TOKEN_CREATOR}`. {SIGN_IN}"
    )


def _raise_refusal(response: requests.Response, cluster: str, permission: str) -> NoReturn:
    """Raise what an answer other than 2xx means for the reader. The request, which holds the token, is not shown."""
    try:
        error = response.json()["error"]
        status, said = error.get("status", ""), error.get("message", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        status, said = "", response.reason
    if response.status_code == HTTPStatus.CONFLICT or status == "FAILED_PRECONDITION":
        raise ClusterBusyError(f"{cluster} takes no update now ({said})")
    refused = f"{cluster}: Google said {response.status_code} {said}".rstrip(". ")
    project, location = cluster.split("/")[1], cluster.split("/")[3]
    if response.status_code == HTTPStatus.NOT_FOUND:
        raise ClusterNotFoundError(
            f"{refused}. `gcloud container clusters list --project={project} --location={location}` shows the clusters"
            " there are; name and location are in gcp-aws-wif:cluster."
        )
    if response.status_code == HTTPStatus.FORBIDDEN:
        raise GkeError(
            f"{refused}. The permission {permission} on project {project} is needed; grant it with `gcloud projects"
            f" add-iam-policy-binding {project} --member=user:YOU --role=roles/container.clusterAdmin`."
        )
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        raise GkeError(f"{refused}. {SIGN_IN}")
    raise GkeError(f"{refused}.")
