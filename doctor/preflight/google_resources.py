"""Whether Google Cloud has what `pulumi up` looks up, and not yet what it makes: pure functions of what was read."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import Unread
from doctor.findings import Finding
from doctor.preflight.adoption import adopt_command, service_account_resources
from doctor.preflight.existing import may_be_made
from doctor.preflight.google_reads import Found, ServiceAccountOfWorkload, service_accounts
from doctor.stack import Stack
from federation.google import enable_metadata_server_command, enable_workload_pool_command, workload_pool
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.settings import Settings

WORKLOAD_IDENTITY: Final = "https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"


def check_cluster(settings: Settings, found: Found) -> Iterator[Finding]:
    """The cluster is there, and its workload pool and its nodes' metadata servers are as the workloads need them."""
    cluster = settings.cluster
    project = cluster.project or settings.project
    subject = f"cluster {cluster.name}"
    if isinstance(found, Unread):
        yield Finding(UNKNOWN, subject, f"it can't be read: {found.reason}")
        return
    if found is None:
        yield Finding(
            FAIL,
            subject,
            f"there is none of this name in {cluster.location} of project {project}",
            fix=f"gcloud container clusters list --project={project} shows those there are;"
            " name and location are in gcp-aws-wif:cluster",
        )
        return
    yield _workload_pool(settings, project, found)
    yield from _node_pools(settings, project, found)


def check_service_accounts(stack: Stack, found: Mapping[str, Found]) -> Iterator[Finding]:
    """Each service account can be made, or is the stack's own, with the unique id that the trust pins."""
    for account in service_accounts(stack.settings):
        subject, there = f"service account {account.email}", found[account.email]
        if isinstance(there, Unread):
            yield Finding(UNKNOWN, subject, f"it can't be read: {there.reason}")
            continue
        made = stack.outputs if isinstance(stack.outputs, Unread) else _made_unique_id(stack.outputs, account)
        if there is not None and isinstance(made, str) and made != there["uniqueId"]:
            yield _made_anew(subject, there["uniqueId"], made)
            continue
        adopted = service_account_resources(
            account.workload, f"projects/{account.project}/serviceAccounts/{account.email}"
        )
        yield may_be_made(
            subject,
            there=there is not None,
            own=made if isinstance(made, Unread) else made is not None,
            refusal="409 already exists",
            fix=f"set another gcpServiceAccount.id; or adopt it:\n{adopt_command(stack.name, adopted)}",
        )


def _made_unique_id(outputs: Mapping[str, Any], account: ServiceAccountOfWorkload) -> str | None:
    """What the stack's outputs say of a service account that it made; None if it made none of this e-mail."""
    made = outputs.get("workloads", {}).get(account.workload, {})
    if made.get("gcp_service_account_email") != account.email:
        return None
    unique_id: str = made["gcp_service_account_unique_id"]
    return unique_id


def _made_anew(subject: str, unique_id: str, trusted: str) -> Finding:
    return Finding(
        FAIL,
        subject,
        f"it was made anew: its unique id is {unique_id}, and the role's trust still names {trusted}",
        id="D11",
        fix="pulumi up --refresh",
        source=CATALOGUE["D11"].source,
    )


def _workload_pool(settings: Settings, project: str, cluster: Mapping[str, Any]) -> Finding:
    subject, wanted = f"workload pool of {settings.cluster.name}", workload_pool(project)
    current = cluster.get("workloadIdentityConfig", {}).get("workloadPool", "")
    enable = enable_workload_pool_command(project, settings.cluster.location, settings.cluster.name)
    if current == wanted:
        return Finding(PASS, subject, f"it is {wanted}")
    if current:
        return Finding(
            FAIL,
            subject,
            f"it is {current}, not the project's own {wanted}",
            fix="configure a cluster with its own project's pool in gcp-aws-wif:cluster",
        )
    if settings.cluster.workload_pool == "enable":
        return Finding(PASS, subject, f"it is off; `pulumi up` turns {wanted} on")
    return Finding(FAIL, subject, "it is off", fix=f"{enable}\nor set workloadPool: enable in gcp-aws-wif:cluster")


def _node_pools(settings: Settings, project: str, cluster: Mapping[str, Any]) -> Iterator[Finding]:
    """Pods of the route google get no token from a node without GKE's metadata server; Autopilot always has it.
    https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#option_2_node_pool_modification
    """
    pods_ask_google = any("google" in workload.routes and workload.kubernetes for workload in settings.workloads)
    if not pods_ask_google or cluster.get("autopilot", {}).get("enabled"):
        return
    for node_pool in cluster.get("nodePools", ()):
        subject = f"node pool {node_pool['name']}"
        mode = node_pool.get("config", {}).get("workloadMetadataConfig", {}).get("mode")
        if mode == "GKE_METADATA":
            yield Finding(PASS, subject, "its nodes run the GKE metadata server")
            continue
        fix = enable_metadata_server_command(
            project, settings.cluster.location, settings.cluster.name, node_pool["name"]
        )
        missing = "its nodes do not run the GKE metadata server: pods there get no token of the route google"
        if not cluster.get("workloadIdentityConfig", {}).get("workloadPool"):
            yield Finding(PASS, subject, f"{missing}; that can be mended once the workload pool is on", fix=fix)
        else:
            yield Finding(FAIL, subject, missing, fix=f"{fix}\n(it recreates the nodes)", source=WORKLOAD_IDENTITY)
