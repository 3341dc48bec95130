"""Whether Google Cloud has what `pulumi up` looks up, and not yet what it makes: pure functions of what was read."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.cloud import Unread
from doctor.findings import Finding
from doctor.preflight.existing import may_be_made
from doctor.preflight.google_reads import Found, pool_path, provider_path, service_accounts
from federation.google import enable_metadata_server_command, enable_workload_pool_command, workload_pool
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.settings import Settings, WorkloadIdentityPool


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


def check_pool(settings: Settings, found: Found, outputs: Mapping[str, Any] | Unread) -> Iterator[Finding]:
    """The pool can be made, or is the stack's own, or can be looked up."""
    pool = settings.workload_identity_pool
    if pool is None:
        return
    subject = f"workload identity pool {pool.id}"
    if isinstance(found, Unread):
        yield Finding(UNKNOWN, subject, f"it can't be read: {found.reason}")
    elif found is not None and found.get("state") == "DELETED":
        yield _deleted_pool(settings, pool, subject)
    elif found is not None and found.get("disabled"):
        fix = f"gcloud iam workload-identity-pools update {pool.id} {_place(settings, pool)} --no-disabled"
        yield Finding(FAIL, subject, "it is disabled, and Google takes no token through it", fix=fix)
    elif pool.mode == "create":
        adopt = "set `mode: lookup` in gcp-aws-wif:workloadIdentityPool to use it, or take another id"
        yield _may_be_made(subject, found, outputs, "workload_identity_pool", adopt)
    elif found is None:
        fix = "set `mode: create` in gcp-aws-wif:workloadIdentityPool, or bring up the stack that owns it first"
        yield Finding(FAIL, subject, "the stack looks it up, and there is none", fix=fix)
    else:
        yield Finding(PASS, subject, "it is there to be looked up")


def check_provider(settings: Settings, found: Found, outputs: Mapping[str, Any] | Unread) -> Iterator[Finding]:
    """The provider can be made, or is the stack's own."""
    pool = settings.workload_identity_pool
    if pool is None:
        return
    subject = f"workload identity provider {pool.provider.id}"
    if isinstance(found, Unread):
        yield Finding(UNKNOWN, subject, f"it can't be read: {found.reason}")
    elif found is not None and found.get("state") == "DELETED":
        undelete = (
            f"gcloud iam workload-identity-pools providers undelete {pool.provider.id}"
            f" --workload-identity-pool={pool.id} {_place(settings, pool)}"
        )
        adopt = _import_command("Provider", "workload-identity-provider", provider_path(settings))
        yield _taken_by_a_deleted_one(subject, undelete, adopt, "set another provider.id")
    else:
        adopt = _import_command("Provider", "workload-identity-provider", provider_path(settings))
        yield _may_be_made(
            subject, found, outputs, "workload_identity_provider", f"{adopt}\nor set another provider.id"
        )


def check_service_accounts(
    settings: Settings, found: Mapping[str, Found], outputs: Mapping[str, Any] | Unread
) -> Iterator[Finding]:
    """Each service account can be made, or is the stack's own."""
    for account in service_accounts(settings):
        subject, there = f"service account {account.email}", found[account.email]
        if isinstance(there, Unread):
            yield Finding(UNKNOWN, subject, f"it can't be read: {there.reason}")
        elif there is None:
            yield Finding(PASS, subject, "the name is free")
        elif isinstance(outputs, Unread):
            yield Finding(UNKNOWN, subject, f"it is there; whether this stack made it can't be known: {outputs.reason}")
        elif account.email in _emails(outputs):
            yield _own_service_account(account.workload, subject, there, outputs)
        else:
            adopt = f"projects/{account.project}/serviceAccounts/{account.email}"
            yield Finding(
                FAIL,
                subject,
                "it is there already, and not this stack's: `pulumi up` would fail with 409 already exists",
                fix=f"set another gcpServiceAccount.id, or adopt it: pulumi import"
                f" gcp:serviceaccount/account:Account {account.workload}-gcp-account {adopt}",
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


def _deleted_pool(settings: Settings, pool: WorkloadIdentityPool, subject: str) -> Finding:
    undelete = f"gcloud iam workload-identity-pools undelete {pool.id} {_place(settings, pool)}"
    if pool.mode == "lookup":
        return _taken_by_a_deleted_one(subject, undelete, "", "")
    adopt = _import_command("", "workload-identity-pool", pool_path(settings))
    return _taken_by_a_deleted_one(subject, undelete, adopt, "set another workloadIdentityPool.id")


def _taken_by_a_deleted_one(subject: str, undelete: str, adopt: str, other_id: str) -> Finding:
    steps = [undelete, *([adopt, f"or {other_id}"] if adopt else [])]
    return Finding(
        FAIL,
        subject,
        "it was deleted less than 30 days ago, and Google keeps its id: `pulumi up` would fail with 409 Requested"
        " entity already exists"
        if adopt
        else "it is deleted, and can't be looked up",
        id="D12",
        fix="\n".join(steps),
        source=CATALOGUE["D12"].source,
    )


def _may_be_made(
    subject: str, found: Mapping[str, Any] | None, outputs: Mapping[str, Any] | Unread, output: str, fix: str
) -> Finding:
    return may_be_made(
        subject,
        there=found is not None,
        own=outputs if isinstance(outputs, Unread) else found is not None and outputs.get(output) == found["name"],
        refusal="409 Requested entity already exists",
        catalogue_id="D12",
        fix=fix,
    )


def _own_service_account(workload: str, subject: str, found: Mapping[str, Any], outputs: Mapping[str, Any]) -> Finding:
    made = outputs["workloads"][workload]["gcp_service_account_unique_id"]
    if made == found["uniqueId"]:
        return Finding(PASS, subject, "it is this stack's own")
    return Finding(
        FAIL,
        subject,
        f"it was made anew: its unique id is {found['uniqueId']}, and the role's trust still names {made}",
        id="D11",
        fix="pulumi up --refresh",
        source=CATALOGUE["D11"].source,
    )


def _emails(outputs: Mapping[str, Any]) -> set[str]:
    return {workload.get("gcp_service_account_email") for workload in outputs.get("workloads", {}).values()}


def _place(settings: Settings, pool: WorkloadIdentityPool) -> str:
    return f"--location=global --project={pool.project or settings.project}"


def _import_command(suffix: str, name: str, resource: str) -> str:
    type_ = f"gcp:iam/workloadIdentityPool{suffix}:WorkloadIdentityPool{suffix}"
    return f"pulumi import {type_} {name} {resource}"
