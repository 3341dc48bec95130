"""A Kubernetes API server, as far as federation and its tests need one: service accounts, config maps, pods, tokens.

It speaks the real paths, objects and errors. It deliberately runs nothing: there are no nodes, and a pod is a record.
https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/
"""

from sandbox.kubernetes.app import create_app
from sandbox.kubernetes.cluster import KubernetesCluster
from sandbox.kubernetes.kubeconfig import kubeconfig

__all__ = ["KubernetesCluster", "create_app", "kubeconfig"]
