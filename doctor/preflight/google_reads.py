"""What `preflight` reads of Google Cloud. It decides nothing, and changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from doctor.clouds.cloud import Unread, read
from doctor.clouds.google_api import (
    CONTAINER,
    IAM,
    IAM_CREDENTIALS,
    RESOURCE_MANAGER,
    SECURITY_TOKEN,
    SERVICE_USAGE,
    GoogleApi,
    Service,
)
from federation.google import cluster_path, service_account_email
from federation.settings import Settings

Say = Callable[[str], None]
"""Shows progress."""

Found = Mapping[str, Any] | None | Unread
"""A resource as its API describes it; None when there is none."""

PROVIDERS_CONSTRAINT: Final = "constraints/iam.workloadIdentityPoolProviders"
ACCOUNTS_CONSTRAINT: Final = "constraints/iam.workloadIdentityPoolAwsAccounts"
"""https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers#restrict"""


@dataclass(frozen=True)
class ServiceAccountOfWorkload:
    """The service account of one workload: where it is, or will be."""

    workload: str
    project: str
    email: str


@dataclass(frozen=True)
class GoogleReads:
    """Everything that the checks look at; mappings are by project, e-mail or constraint."""

    caller: str | Unread | None
    services: Mapping[str, frozenset[str] | Unread]
    """The APIs that are enabled."""
    permissions: Mapping[str, frozenset[str] | Unread]
    """Those of `needed_permissions` that the caller has."""
    cluster: Found
    pool: Found
    provider: Found
    service_accounts: Mapping[str, Found]
    constraints: Mapping[str, Mapping[str, Any] | Unread]
    """The organization policy in effect."""


def read_google(google: GoogleApi, settings: Settings, say: Say) -> GoogleReads:
    """Ask for all of it."""
    say("asking Google who calls, and what the caller may do")
    caller = read(google.caller)
    permissions = {
        project: read(partial(_held_permissions, google, project, sorted(needed)))
        for project, needed in needed_permissions(settings).items()
    }
    services = {project: read(partial(_enabled_services, google, project)) for project in needed_services(settings)}
    say("asking Google for the cluster, the pool, the service accounts and organization policies")
    pool = settings.workload_identity_pool
    pool_project = (pool.project if pool else None) or settings.project
    return GoogleReads(
        caller=caller,
        services=services,
        permissions=permissions,
        cluster=read(partial(google.find, CONTAINER, _cluster_path(settings))),
        pool=read(partial(google.find, IAM, pool_path(settings))) if pool else None,
        provider=read(partial(google.find, IAM, provider_path(settings))) if pool else None,
        service_accounts={
            account.email: read(
                partial(google.find, IAM, f"projects/{account.project}/serviceAccounts/{account.email}")
            )
            for account in service_accounts(settings)
        },
        constraints={
            name: read(partial(_constraint, google, pool_project, name))
            for name in ((PROVIDERS_CONSTRAINT, ACCOUNTS_CONSTRAINT) if pool else ())
        },
    )


def needed_services(settings: Settings) -> Mapping[str, set[str]]:
    """The APIs that `pulumi up` and the workloads' tokens need, by project."""
    needed: dict[str, set[str]] = {}

    def need(project: str | None, *services: Service) -> None:
        needed.setdefault(project or settings.project, set()).update(service.name for service in services)

    need(settings.cluster.project, CONTAINER)
    if any("google" in workload.routes for workload in settings.workloads):
        need(settings.cluster.project, IAM_CREDENTIALS)
    for account in service_accounts(settings):
        need(account.project, IAM, IAM_CREDENTIALS)
    if pool := settings.workload_identity_pool:
        need(pool.project, IAM, SECURITY_TOKEN)
    return needed


def needed_permissions(settings: Settings) -> Mapping[str, set[str]]:
    """What `pulumi up` asks for on each project, to create, to read again and to update."""
    needed: dict[str, set[str]] = {}

    def need(project: str | None, collection: str, *verbs: str) -> None:
        names = {f"{collection}.{verb}" for verb in verbs}
        needed.setdefault(project or settings.project, set()).update(names)

    cluster, pool = settings.cluster, settings.workload_identity_pool
    need(cluster.project, "container.clusters", "get", *(["update"] if cluster.workload_pool == "enable" else []))
    for account in service_accounts(settings):
        need(account.project, "iam.serviceAccounts", "create", "get", "update", "getIamPolicy", "setIamPolicy")
    if pool:
        need(pool.project, "iam.workloadIdentityPools", "get", *(["create"] if pool.mode == "create" else []))
        need(pool.project, "iam.workloadIdentityPoolProviders", "create", "get", "update")
    return needed


def service_accounts(settings: Settings) -> list[ServiceAccountOfWorkload]:
    """The service accounts that the stack makes."""
    return [
        ServiceAccountOfWorkload(
            workload.name, project := account.project or settings.project, service_account_email(account.id, project)
        )
        for workload in settings.workloads
        if (account := workload.gcp_service_account)
    ]


def _cluster_path(settings: Settings) -> str:
    cluster = settings.cluster
    return cluster_path(cluster.project or settings.project, cluster.location, cluster.name)


def pool_path(settings: Settings) -> str:
    """The configured pool's resource name, with the project's id; empty for a stack without one."""
    pool = settings.workload_identity_pool
    if pool is None:
        return ""
    return f"projects/{pool.project or settings.project}/locations/global/workloadIdentityPools/{pool.id}"


def provider_path(settings: Settings) -> str:
    """The configured provider's resource name, with the project's id; empty for a stack without one."""
    pool = settings.workload_identity_pool
    return f"{pool_path(settings)}/providers/{pool.provider.id}" if pool else ""


def _held_permissions(google: GoogleApi, project: str, needed: Sequence[str]) -> frozenset[str]:
    """https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions"""
    answer = google.post(RESOURCE_MANAGER, f"projects/{project}:testIamPermissions", {"permissions": needed})
    return frozenset(answer.get("permissions", ()))


def _enabled_services(google: GoogleApi, project: str) -> frozenset[str]:
    """https://cloud.google.com/service-usage/docs/reference/rest/v1/services/list"""
    enabled: list[str] = []
    page = ""
    while True:
        path = (
            f"projects/{project}/services?filter=state:ENABLED&pageSize=200&fields=services/config/name,nextPageToken"
        )
        answer = google.get(SERVICE_USAGE, path + (f"&pageToken={page}" if page else ""))
        enabled.extend(service["config"]["name"] for service in answer.get("services", ()))
        page = answer.get("nextPageToken", "")
        if not page:
            return frozenset(enabled)


def _constraint(google: GoogleApi, project: str, name: str) -> Mapping[str, Any]:
    """The organization policy in effect on a project.
    https://cloud.google.com/resource-manager/reference/rest/v1/projects/getEffectiveOrgPolicy
    """
    answer: Mapping[str, Any] = google.post(
        RESOURCE_MANAGER, f"projects/{project}:getEffectiveOrgPolicy", {"constraint": name}
    )
    return answer
