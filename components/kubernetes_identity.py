"""The Kubernetes service account that a workload's pods run as.

Deliberately makes no namespace: it belongs to whoever deploys the workload. With `manage: false` the service account is
theirs as well, and nothing is registered; for the route google they then annotate it themselves:
`kubectl annotate serviceaccount NAME --namespace=NAMESPACE iam.gke.io/gcp-service-account=EMAIL`.
"""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as kubernetes

from federation.google import SERVICE_ACCOUNT_ANNOTATION
from federation.kubernetes import service_account_subject


class KubernetesIdentityArgs(TypedDict):
    """The service account, and the Google service account it stands for."""

    namespace: str
    service_account: str
    manage: bool
    """Whether this program makes the service account, or only names it."""
    gcp_service_account_email: NotRequired[pulumi.Input[str] | None]
    """Whose tokens GKE's metadata server gives to the pods."""
    labels: NotRequired[Mapping[str, str]]


class KubernetesIdentity(pulumi.ComponentResource):
    """A Kubernetes service account by which a pod is known outside its cluster."""

    service_account: pulumi.Output[str]
    """`NAMESPACE/NAME`."""
    subject: pulumi.Output[str]
    """The `sub` of its tokens."""

    def __init__(self, name: str, args: KubernetesIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gcpawswif:kubernetes:Identity", name, None, opts)
        namespace, service_account = args["namespace"], args["service_account"]
        if args["manage"]:
            email = args.get("gcp_service_account_email")
            kubernetes.core.v1.ServiceAccount(
                f"{name}-service-account",
                metadata={
                    "namespace": namespace,
                    "name": service_account,
                    "annotations": {SERVICE_ACCOUNT_ANNOTATION: email} if email is not None else None,
                    "labels": dict(args.get("labels", {})) or None,
                },
                # Its name is fixed, so a second one cannot stand beside the first while that is replaced.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
        self.service_account = pulumi.Output.from_input(f"{namespace}/{service_account}")
        self.subject = pulumi.Output.from_input(service_account_subject(namespace, service_account))
        self.register_outputs({"service_account": self.service_account, "subject": self.subject})
