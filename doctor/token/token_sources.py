"""Where web identity tokens come from: the metadata server, impersonation, a cluster's API, a file.

A token is returned and never shown. It deliberately keeps none: whoever calls STS once needs one once.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import requests

from doctor.clouds.cloud import CloudError
from doctor.clouds.google_api import IAM_CREDENTIALS, GoogleApi
from doctor.clouds.kubernetes_api import KubernetesApi

TokenSource = Callable[[str], str]
"""Gives a token for an audience. Raises CloudError."""

METADATA_HOST: Final = "metadata.google.internal"
METADATA_TIMEOUT_SECONDS: Final = 5
_DEFAULT_ACCOUNT: Final = "/computeMetadata/v1/instance/service-accounts/default"


def metadata_token(audience: str) -> str:
    """The ID token of this machine's or pod's service account. Raises CloudError.

    With format=full it has the e-mail too.
    https://cloud.google.com/compute/docs/instances/verifying-instance-identity
    """
    return _metadata("identity", audience=audience, format="full")


def metadata_email() -> str:
    """The e-mail of this machine's or pod's service account; of a pod without one, its workload pool. Raises
    CloudError.
    """
    return _metadata("email")


def impersonated_token(email: str, audience: str) -> str:
    """An ID token of a service account that the caller may make tokens of. Raises CloudError.
    https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateIdToken
    """
    google = GoogleApi.from_environment()
    path = f"projects/-/serviceAccounts/{email}:generateIdToken"
    token: str = google.post(IAM_CREDENTIALS, path, {"audience": audience, "includeEmail": True})["token"]
    return token


def cluster_token(namespace: str, service_account: str, audience: str) -> str:
    """A projected token of a Kubernetes service account of KUBECONFIG's cluster. Raises CloudError."""
    return KubernetesApi.from_environment().request_token(namespace, service_account, audience)


def file_token(path: Path) -> str:
    """What a token file holds, read anew at each call: kubelet replaces it. Raises CloudError."""
    try:
        token = path.read_text().strip()
    except PermissionError as error:
        raise CloudError(
            f"the token file {path} can't be read by user {os.getuid()}:"
            " set securityContext.fsGroup on the pod (any number), so that its group can",
            "PermissionDenied",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise CloudError(f"the token file {path} can't be read ({type(error).__name__})") from error
    if not token:
        raise CloudError(f"the token file {path} is empty")
    return token


def _metadata(name: str, **parameters: str) -> str:
    host = os.environ.get("GCE_METADATA_HOST") or METADATA_HOST
    session = requests.Session()
    session.trust_env = False  # the address is link-local: no proxy can know it
    try:
        response = session.get(
            f"http://{host}{_DEFAULT_ACCOUNT}/{name}",
            params=parameters,
            headers={"Metadata-Flavor": "Google"},
            timeout=METADATA_TIMEOUT_SECONDS,
        )
    except requests.RequestException as error:
        raise CloudError(f"the metadata server {host} did not answer ({type(error).__name__})") from error
    if not response.ok:
        said = " ".join(response.text.split())[:500] or response.reason
        raise CloudError(f"the metadata server said {response.status_code} {said}", str(response.status_code))
    return response.text.strip()
