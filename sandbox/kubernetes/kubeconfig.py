"""The file that points kubectl, Kubernetes clients and Pulumi at a cluster."""

from typing import Any

NAME = "sandbox"


def kubeconfig(url: str, token: str) -> dict[str, Any]:
    """A kubeconfig with one cluster, one user and one context, to be written as YAML or JSON.
    https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
    """
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": {"server": url}}],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": "default"}}],
        "current-context": NAME,
    }
