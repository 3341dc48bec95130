"""GKE pods use AWS, and an AWS role uses Google Cloud, without a stored key: the guide's steps, in the guide's order.

Deliberately holds no rule and no resource of its own; they are in `federation` and `components`.
"""

from typing import Any

import pulumi
from pulumi import ResourceOptions

from components.aws_oidc_provider import AwsOidcProvider
from components.federated_workload import FederatedWorkload
from components.gke_kubernetes_provider import gke_kubernetes_provider
from components.gke_workload_pool import GkeWorkloadPool
from components.workload_identity_pool import WorkloadIdentityPool
from federation.settings import Settings, SettingsError, load_settings


def main() -> None:
    """Register the stack's resources and export its outputs. Raises RunError, shown without a traceback."""
    settings = stack_settings()
    gke = gke_workload_pool(settings)  # step 1
    oidc_provider = aws_oidc_provider(settings, gke)  # step 2
    pool = workload_identity_pool(settings)  # steps 6 and 7
    workloads = federated_workloads(settings, gke, oidc_provider, pool)  # steps 3, 5 and 8, and the way into pods

    pulumi.export("gke_workload_pool", gke.workload_pool)
    pulumi.export("gke_issuer", gke.issuer)
    pulumi.export("aws_oidc_provider_arn", oidc_provider.arn if oidc_provider else None)
    pulumi.export("workload_identity_pool", pool.pool_name if pool else None)
    pulumi.export("workload_identity_provider", pool.provider_name if pool else None)
    pulumi.export("workloads", {name: workload.summary for name, workload in workloads.items()})


def stack_settings() -> Settings:
    """The stack's config, checked before anything is registered; raises RunError with all that is wrong with it."""
    try:
        settings = load_settings(stack_config())
    except SettingsError as error:
        raise pulumi.RunError(str(error)) from None
    for warning in settings.warnings:
        pulumi.log.warn(warning)
    return settings


def stack_config() -> dict[str, Any]:
    """Every key of the stack's config, so that a key nobody asks for is noticed; `pulumi.Config` only gives by name."""
    return dict(pulumi.runtime.config.CONFIG.get())


def gke_workload_pool(settings: Settings) -> GkeWorkloadPool:
    """The cluster, with its workload pool on."""
    cluster = settings.cluster
    return GkeWorkloadPool(
        "gke",
        {
            "project": cluster.project or settings.project,
            "location": cluster.location,
            "cluster": cluster.name,
            "mode": cluster.workload_pool,
            "pods_use_metadata_server": any(
                "google" in workload.routes and workload.kubernetes for workload in settings.workloads
            ),
        },
        ResourceOptions(protect=settings.protect),
    )


def aws_oidc_provider(settings: Settings, gke: GkeWorkloadPool) -> AwsOidcProvider | None:
    """By which AWS knows the cluster's tokens."""
    provider = settings.aws_oidc_provider
    if provider is None:
        return None
    return AwsOidcProvider(
        "aws-oidc",
        {
            "mode": provider.mode,
            "url": provider.url or gke.issuer,
            "client_ids": provider.client_ids,
            "thumbprints": provider.thumbprints,
            "tags": settings.tags,
        },
        ResourceOptions(protect=settings.protect),
    )


def workload_identity_pool(settings: Settings) -> WorkloadIdentityPool | None:
    """By which Google Cloud knows the AWS account's roles."""
    pool = settings.workload_identity_pool
    if pool is None:
        return None
    return WorkloadIdentityPool(
        "workload-identity",
        {
            "project": pool.project or settings.project,
            "pool_id": pool.id,
            "mode": pool.mode,
            "display_name": pool.display_name,
            "description": pool.description,
            "provider": {
                "provider_id": pool.provider.id,
                "kind": pool.provider.kind,
                "issuer": pool.provider.issuer,
                "outbound_federation": pool.provider.outbound_federation,
                "display_name": pool.provider.display_name,
                "description": pool.provider.description,
            },
            "role_names": [workload.aws_role.name for workload in settings.workloads if workload.return_to_gcp],
        },
        ResourceOptions(protect=settings.protect),
    )


def federated_workloads(
    settings: Settings,
    gke: GkeWorkloadPool,
    oidc_provider: AwsOidcProvider | None,
    pool: WorkloadIdentityPool | None,
) -> dict[str, FederatedWorkload]:
    """Each workload under its name."""
    managed = any(workload.kubernetes and workload.kubernetes.manage for workload in settings.workloads)
    kubernetes = gke_kubernetes_provider("gke-cluster", gke.cluster) if managed else None
    options = ResourceOptions(protect=settings.protect, providers=[kubernetes] if kubernetes else None)
    return {
        workload.name: FederatedWorkload(
            workload.name,
            {
                "workload": workload,
                "project": settings.project,
                "region": settings.region,
                "workload_pool": gke.workload_pool,
                "oidc_provider": oidc_provider,
                "workload_identity_pool": pool,
                "tags": settings.tags,
                "labels": settings.labels,
            },
            options,
        )
        for workload in settings.workloads
    }


if __name__ == "__main__":
    main()
