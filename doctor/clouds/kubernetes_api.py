"""Asks a Kubernetes API server, found by KUBECONFIG or from inside a pod, for service accounts and their tokens.

The official client is deliberately not used: its dependencies contradict boto3's. Of a kubeconfig's ways to sign in it
knows those that GKE writes (a credential plugin, a token); client certificates, which GKE no longer gives, it refuses.
https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
"""

import base64
import json
import os
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import httpx
import yaml

from doctor.clouds.cloud import CloudError

TIMEOUT_SECONDS: Final = 30
PLUGIN_TIMEOUT_SECONDS: Final = 60
POD_DIRECTORY: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/"""
GET_CREDENTIALS: Final = "gcloud container clusters get-credentials CLUSTER --location=LOCATION --project=PROJECT"


@dataclass(frozen=True)
class Access:
    """Where an API server answers, by which certificate authority it is known (PEM; None: the system's), as whom."""

    server: str
    token: str
    certificate_authority: str | None = None


class KubernetesApi:
    """A cluster's API as one caller."""

    def __init__(self, access: Access) -> None:
        context = ssl.create_default_context(cadata=access.certificate_authority)
        self._client = httpx.Client(
            base_url=access.server,
            headers={"Authorization": f"Bearer {access.token}"},
            verify=context,
            timeout=TIMEOUT_SECONDS,
        )

    @classmethod
    def from_environment(cls) -> Self:
        """By KUBECONFIG, else by the pod that this runs in, else by ~/.kube/config. Raises CloudError."""
        if named := os.environ.get("KUBECONFIG"):
            return cls(kubeconfig_access([Path(path) for path in named.split(os.pathsep) if path]))
        if host := os.environ.get("KUBERNETES_SERVICE_HOST"):
            return cls(_pod_access(host, os.environ.get("KUBERNETES_SERVICE_PORT", "443")))
        return cls(kubeconfig_access([Path.home() / ".kube" / "config"]))

    def find(self, path: str) -> Any:
        """The object at a path, or None when there is none. Raises CloudError."""
        try:
            return self._call("GET", path, None)
        except CloudError as error:
            if error.code == "NotFound":
                return None
            raise

    def request_token(self, namespace: str, service_account: str, audience: str, seconds: int = 3600) -> str:
        """A token of a service account, as kubelet asks for it. Raises CloudError.
        https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
        """
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": seconds},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        token: str = self._call("POST", path, request)["status"]["token"]
        return token

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        try:
            response = self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise CloudError(f"the cluster's API server did not answer ({type(error).__name__})") from error
        if response.is_success:
            return response.json()
        try:
            status = response.json()
            code, said = status["reason"], status["message"]
        except (ValueError, KeyError, TypeError):
            code, said = "", response.reason_phrase
        raise CloudError(f"{path}: Kubernetes said {response.status_code} {said}", code)


def kubeconfig_access(paths: list[Path]) -> Access:
    """The current context of kubeconfig files; of each name the first one counts, as in kubectl. Raises CloudError."""
    files = [_kubeconfig(path) for path in paths if path.is_file()]
    current = next((file["current-context"] for file in files if file.get("current-context")), None)
    if current is None:
        raise CloudError(f"no kubeconfig with a current context was found; make one with `{GET_CREDENTIALS}`")
    context = _named(files, "contexts", "context", current)
    cluster = _named(files, "clusters", "cluster", context["cluster"])
    user = _named(files, "users", "user", context["user"])
    return Access(cluster["server"], _token(user), _certificate_authority(cluster))


def _kubeconfig(path: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise CloudError(f"the kubeconfig {path} can't be read ({type(error).__name__})") from error
    if not isinstance(content, Mapping):
        raise CloudError(f"the kubeconfig {path} is no mapping")
    return content


def _named(files: list[Mapping[str, Any]], collection: str, kind: str, name: str) -> Mapping[str, Any]:
    for file in files:
        for entry in file.get(collection) or ():
            if entry.get("name") == name:
                found: Mapping[str, Any] = entry[kind]
                return found
    raise CloudError(f"the kubeconfig has no {kind} named {name}")


def _token(user: Mapping[str, Any]) -> str:
    if token := user.get("token"):
        return str(token)
    if file := user.get("tokenFile"):
        return Path(file).read_text().strip()
    if plugin := user.get("exec"):
        return _plugin_token(plugin)
    raise CloudError(f"the kubeconfig's user has no token and no credential plugin; make one with `{GET_CREDENTIALS}`")


def _plugin_token(plugin: Mapping[str, Any]) -> str:
    """https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins"""
    command = [plugin["command"], *(plugin.get("args") or ())]
    request = {"apiVersion": plugin["apiVersion"], "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {entry["name"]: entry["value"] for entry in plugin.get("env") or ()}
    try:
        completed = subprocess.run(
            command,
            env={**os.environ, **environment, "KUBERNETES_EXEC_INFO": json.dumps(request)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=PLUGIN_TIMEOUT_SECONDS,
        )
        token: str = json.loads(completed.stdout)["status"]["token"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        # What the plugin printed may hold a credential.
        raise CloudError(f"the kubeconfig's plugin {command[0]} gave no token ({type(error).__name__})") from None
    return token


def _certificate_authority(cluster: Mapping[str, Any]) -> str | None:
    if data := cluster.get("certificate-authority-data"):
        return base64.b64decode(data).decode()
    file = cluster.get("certificate-authority")
    return Path(file).read_text() if file else None


def _pod_access(host: str, port: str) -> Access:
    address = f"[{host}]" if ":" in host else host
    try:
        token, authority = (POD_DIRECTORY / "token").read_text(), (POD_DIRECTORY / "ca.crt").read_text()
    except OSError as error:
        raise CloudError(
            "this pod has no token for the cluster's API (automountServiceAccountToken: false?); set KUBECONFIG"
        ) from error
    return Access(f"https://{address}:{port}", token.strip(), authority)
