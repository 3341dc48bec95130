"""One workload: everything by which its pods are known to AWS, and its AWS role to Google Cloud.

Deliberately shares nothing with other workloads but the cluster's pool, the OIDC provider and the workload identity
pool it is given: adding or removing one workload touches no other.

The workload's name is in the URN of all that is its own. Renaming a workload in the config is therefore a new workload
under the old one's role and account names, which the clouds refuse while the old one is there: an identity is never
replaced silently. To keep the identity, rename the resources in the state as well (`pulumi state rename`).
"""

from collections.abc import Mapping
from typing import Any, TypedDict

import pulumi
import pulumi_gcp as gcp

from components.aws_oidc_provider import AwsOidcProvider
from components.aws_workload_role import (
    AwsWorkloadRole,
    TrustedKubernetesServiceAccountArgs,
    TrustedServiceAccountArgs,
)
from components.gcp_service_account import GcpServiceAccount
from components.kubernetes_identity import KubernetesIdentity
from components.workload_identity_pool import WorkloadIdentityPool
from federation.google import WORKLOAD_IDENTITY_USER, kubernetes_member, principal_member
from federation.pod_patch import pod_patch
from federation.settings import Workload


class FederatedWorkloadArgs(TypedDict):
    """The workload as configured, and what it shares with others."""

    workload: Workload
    project: str
    """Where its service account is, unless the workload names another project."""
    region: str
    """The AWS region that its pods call."""
    workload_pool: pulumi.Input[str]
    """The cluster's, `PROJECT.svc.id.goog`."""
    oidc_provider: AwsOidcProvider | None
    """By which AWS knows the cluster's tokens; for the route cluster."""
    workload_identity_pool: WorkloadIdentityPool | None
    """By which Google Cloud knows the role; for the way back."""
    tags: Mapping[str, str]
    labels: Mapping[str, str]


class FederatedWorkload(pulumi.ComponentResource):
    """A Kubernetes service account that is an AWS role, and a role that is a Google service account."""

    summary: Mapping[str, Any]
    """What `pulumi stack output workloads` shows of it: values and outputs."""

    def __init__(self, name: str, args: FederatedWorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gcpawswif:index:FederatedWorkload", name, None, opts)
        workload = args["workload"]
        service_account = self._service_account(name, args)
        google_identity = service_account if "google" in workload.routes else None
        kubernetes = self._kubernetes_identity(name, args, google_identity)
        pool = args["workload_identity_pool"] if workload.return_to_gcp else None
        role = self._role(name, args, google_identity, kubernetes, pool)
        if pool and service_account:
            self._bind_role_to_service_account(name, pool, role, service_account)
        self.summary = _summary(args, service_account, kubernetes, role, pool)
        self.register_outputs(dict(self.summary))

    def _service_account(self, name: str, args: FederatedWorkloadArgs) -> GcpServiceAccount | None:
        workload, account = args["workload"], args["workload"].gcp_service_account
        if account is None:
            return None
        pods = workload.kubernetes if "google" in workload.routes else None
        return GcpServiceAccount(
            f"{name}-gcp",
            {
                "project": account.project or args["project"],
                "account_id": account.id,
                "display_name": account.display_name,
                "description": account.description,
                "token_creators": account.token_creators,
                "token_creator_role": account.token_creator_role,
                "kubernetes_member": pulumi.Output.from_input(args["workload_pool"]).apply(
                    lambda pool: kubernetes_member(pool, pods.namespace, pods.service_account)
                )
                if pods
                else None,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _kubernetes_identity(
        self, name: str, args: FederatedWorkloadArgs, google_identity: GcpServiceAccount | None
    ) -> KubernetesIdentity | None:
        kubernetes = args["workload"].kubernetes
        if kubernetes is None:
            return None
        return KubernetesIdentity(
            f"{name}-kubernetes",
            {
                "namespace": kubernetes.namespace,
                "service_account": kubernetes.service_account,
                "manage": kubernetes.manage,
                "gcp_service_account_email": google_identity.email if google_identity else None,
                "labels": args["labels"],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _role(
        self,
        name: str,
        args: FederatedWorkloadArgs,
        google_identity: GcpServiceAccount | None,
        kubernetes: KubernetesIdentity | None,
        pool: WorkloadIdentityPool | None,
    ) -> AwsWorkloadRole:
        workload, role = args["workload"], args["workload"].aws_role
        google: TrustedServiceAccountArgs | None = None
        if google_identity:
            google = {"unique_id": google_identity.unique_id, "email": google_identity.email}
        cluster: TrustedKubernetesServiceAccountArgs | None = None
        oidc_provider = args["oidc_provider"] if "cluster" in workload.routes else None
        if oidc_provider and kubernetes:
            cluster = {
                "oidc_provider_arn": oidc_provider.arn,
                "issuer": oidc_provider.url,
                "subject": kubernetes.subject,
            }
        return AwsWorkloadRole(
            f"{name}-aws",
            {
                "role_name": role.name,
                "audience": role.audience,
                "google": google,
                "cluster": cluster,
                "s3": role.s3,
                "outbound_tokens": pool is not None and pool.provider_kind == "oidc",
                "max_session_duration": role.max_session_duration,
                "permissions_boundary": role.permissions_boundary,
                "description": role.description,
                "tags": {**args["tags"], **role.tags},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _bind_role_to_service_account(
        self, name: str, pool: WorkloadIdentityPool, role: AwsWorkloadRole, service_account: GcpServiceAccount
    ) -> None:
        """Step 8 of the guide: sessions of the role may be the service account."""
        gcp.serviceaccount.IAMMember(
            f"{name}-return-to-gcp",
            service_account_id=service_account.resource_name,
            role=WORKLOAD_IDENTITY_USER,
            member=pulumi.Output.all(pool.pool_name, role.arn).apply(lambda of: principal_member(*of)),
            # The same binding cannot stand beside itself while it is replaced.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )


def _summary(
    args: FederatedWorkloadArgs,
    service_account: GcpServiceAccount | None,
    kubernetes: KubernetesIdentity | None,
    role: AwsWorkloadRole,
    pool: WorkloadIdentityPool | None,
) -> Mapping[str, Any]:
    workload, region = args["workload"], args["region"]
    return {
        "routes": list(workload.routes),
        "audience": workload.aws_role.audience,
        "aws_role_arn": role.arn,
        "gcp_service_account_email": service_account.email if service_account else None,
        "gcp_service_account_unique_id": service_account.unique_id if service_account else None,
        "kubernetes_service_account": kubernetes.service_account if kubernetes else None,
        "pod_patch": role.arn.apply(lambda role_arn: _pod_patches(workload, role_arn, region)),
        "external_account": pool.external_account(service_account.email) if pool and service_account else None,
    }


def _pod_patches(workload: Workload, role_arn: str, region: str) -> dict[str, Any]:
    """What to merge into a Deployment or Job, by route; nothing for a workload outside Kubernetes."""
    if workload.kubernetes is None:
        return {}
    return {
        route: pod_patch(
            route=route,
            role_arn=role_arn,
            audience=workload.aws_role.audience,
            region=region,
            service_account=workload.kubernetes.service_account,
            container=workload.kubernetes.container,
            skip_pod_identity_webhook=workload.kubernetes.skip_pod_identity_webhook,
        )
        for route in workload.routes
    }
