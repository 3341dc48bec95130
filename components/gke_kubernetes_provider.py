"""The Kubernetes provider of the configured cluster.

Deliberately never the cluster that the caller's kubeconfig happens to point at; see
docs/decisions/0001-kubernetes-provider-of-the-configured-cluster.md.
"""

import json

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as kubernetes


def gke_kubernetes_provider(
    name: str, cluster: pulumi.Output[gcp.container.GetClusterResult], opts: pulumi.ResourceOptions | None = None
) -> kubernetes.Provider | None:
    """A provider for the cluster's own endpoint; None when the stack's config names a context or kubeconfig itself."""
    config = pulumi.Config("kubernetes")
    if config.get("context") or config.get("kubeconfig"):
        return None
    return kubernetes.Provider(
        name,
        kubeconfig=cluster.apply(lambda found: gke_kubeconfig(found.name, found.endpoint, _ca_certificate(found))),
        # The cluster stays the same one when its address changes; without this, the provider and with it the service
        # accounts would be replaced.
        cluster_identifier=cluster.apply(lambda found: found.id),
        opts=opts,
    )


def gke_kubeconfig(cluster: str, endpoint: str, ca_certificate: str) -> str:
    """A kubeconfig as `gcloud container clusters get-credentials` writes it, as JSON; it holds no credential.

    `ca_certificate` is base64.
    https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl
    """
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": cluster,
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
            "clusters": [
                {
                    "name": cluster,
                    "cluster": {"server": f"https://{endpoint}", "certificate-authority-data": ca_certificate},
                }
            ],
            "users": [
                {
                    "name": cluster,
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1beta1",
                            "command": "gke-gcloud-auth-plugin",
                            "installHint": "Install it with `gcloud components install gke-gcloud-auth-plugin`.",
                            "provideClusterInfo": True,
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
        }
    )


def _ca_certificate(found: gcp.container.GetClusterResult) -> str:
    certificate: str = found.master_auths[0].cluster_ca_certificate
    return certificate
