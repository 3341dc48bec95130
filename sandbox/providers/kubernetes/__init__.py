"""The Kubernetes provider: service accounts and config maps, by server-side apply.

The provider's own kubeconfig and context are accepted and not used: in the sandbox there is one cluster.
"""

from sandbox.providers.kubernetes.client import KubernetesClient
from sandbox.providers.kubernetes.objects import CONFIG_MAP, DEFAULT_NAMESPACE, SERVICE_ACCOUNT, KubernetesObject
from sandbox.providers.resource import Connect, Package
from sandbox.providers.values import Values

__all__ = ["kubernetes_package"]


def kubernetes_package(url: str, token: str) -> Connect:
    """The Kubernetes provider at one API server, for whatever configuration the engine gives it."""

    def configured(config: Values) -> Package:
        client = KubernetesClient(url, token)
        namespace = config.get("namespace", DEFAULT_NAMESPACE)
        return Package(
            resources={
                "kubernetes:core/v1:ConfigMap": KubernetesObject(
                    client, namespace, "ConfigMap", "configmaps", CONFIG_MAP
                ),
                "kubernetes:core/v1:ServiceAccount": KubernetesObject(
                    client, namespace, "ServiceAccount", "serviceaccounts", SERVICE_ACCOUNT
                ),
            }
        )

    return configured
