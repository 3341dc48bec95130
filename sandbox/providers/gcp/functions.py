"""The Google provider's functions: what exists already, as far as the program asks for it.

A cluster's answer holds what federation needs and the common facts; the real function's other results are None here.
"""

import httpx

from federation import google
from sandbox.providers.gcp.client import GoogleError, GoogleSession
from sandbox.providers.gcp.workload_identity import WorkloadIdentityPool, WorkloadIdentityPoolProvider
from sandbox.providers.resource import ProviderError
from sandbox.providers.values import Values


def get_cluster(session: GoogleSession, arguments: Values) -> Values:
    """An existing GKE cluster; ProviderError when there is none."""
    project = _project(session, arguments.get("project"))
    location = arguments.get("location") or session.settings.get("region") or session.settings.get("zone")
    if not location:
        raise ProviderError("getCluster: location is not set; set it, gcp:region or gcp:zone")
    cluster_id = google.cluster_path(project, location, arguments["name"])
    cluster = session.client.find(f"/v1/{cluster_id}")
    if cluster is None:
        raise ProviderError(f"{cluster_id} not found")
    workload_identity = cluster.get("workloadIdentityConfig") or {}
    return {
        "enableAutopilot": cluster.get("autopilot", {}).get("enabled", False),
        "endpoint": cluster.get("endpoint", ""),
        "id": cluster_id,
        "location": cluster["location"],
        "masterAuths": [_master_auth(cluster.get("masterAuth", {}))],
        "masterVersion": cluster.get("currentMasterVersion", ""),
        "name": cluster["name"],
        "network": cluster.get("network", ""),
        "nodePools": [_node_pool(pool) for pool in cluster.get("nodePools", [])],
        "project": project,
        "resourceLabels": cluster.get("resourceLabels", {}),
        "selfLink": cluster.get("selfLink", ""),
        "subnetwork": cluster.get("subnetwork", ""),
        "workloadIdentityConfigs": [workload_identity] if workload_identity.get("workloadPool") else [],
    }


def get_project(session: GoogleSession, arguments: Values) -> Values:
    """A project; ProviderError when there is none."""
    project_id = _project(session, arguments.get("projectId"))
    project = session.client.find(f"/v1/projects/{project_id}")
    if project is None:
        raise ProviderError(f"project {project_id} not found")
    parent = project.get("parent", {})
    labels = project.get("labels", {})
    return {
        "billingAccount": _billing_account(session, project_id),
        "effectiveLabels": labels,
        "folderId": parent.get("id", "") if parent.get("type") == "folder" else "",
        "id": f"projects/{project['projectId']}",
        "labels": labels,
        "name": project.get("name", ""),
        "number": project["projectNumber"],
        "orgId": parent.get("id", "") if parent.get("type") == "organization" else "",
        "projectId": project["projectId"],
    }


def get_client_config(session: GoogleSession, arguments: Values) -> Values:  # noqa: ARG001 - it has none
    """The provider's own configuration."""
    settings = {name: session.settings.get(name, "") for name in ("project", "region", "zone")}
    identity = "projects/{project}/regions/{region}/zones/{zone}".format_map(settings)
    return {**settings, "accessToken": session.token, "defaultLabels": {}, "id": identity}


def get_workload_identity_pool(session: GoogleSession, arguments: Values) -> Values:
    """An existing pool; ProviderError when there is none, or it is deleted."""
    found = _existing(WorkloadIdentityPool(session), session, arguments)
    return {**found, "attestationRules": [], "inlineCertificateIssuanceConfigs": [], "inlineTrustConfigs": []}


def get_workload_identity_pool_provider(session: GoogleSession, arguments: Values) -> Values:
    """An existing pool's provider; ProviderError when there is none, or it is deleted."""
    found = _existing(WorkloadIdentityPoolProvider(session), session, arguments)
    aws, oidc = found.pop("aws", None), found.pop("oidc", None)
    return {**found, "aws": [aws] if aws else [], "oidcs": [oidc] if oidc else [], "samls": [], "x509s": []}


def _existing(
    resource: WorkloadIdentityPool | WorkloadIdentityPoolProvider, session: GoogleSession, arguments: Values
) -> Values:
    project = _project(session, arguments.get("project"))
    resource_id = resource.id_form.format_map({**arguments, "project": project})
    found = resource.read(resource_id, {})
    if found is None:
        raise ProviderError(f"{resource_id} not found")
    return {"description": "", "disabled": False, "displayName": "", "mode": "", **found[1], "id": resource_id}


def _project(session: GoogleSession, given: str | None) -> str:
    project = given or session.settings.get("project")
    if not project:
        raise ProviderError("project: required field is not set; set gcp:project or the function's own project")
    return project


def _billing_account(session: GoogleSession, project_id: str) -> str:
    """Without the id's prefix; empty when the caller may not see it, as with the real provider."""
    try:
        found = session.client.call("GET", f"/v1/projects/{project_id}/billingInfo")
    except GoogleError as error:
        if error.status == httpx.codes.FORBIDDEN:
            return ""
        raise
    return str(found.get("billingAccountName", "")).removeprefix("billingAccounts/")


def _master_auth(found: Values) -> Values:
    names = ("clientCertificate", "clientKey", "clusterCaCertificate")
    return {**{name: found.get(name, "") for name in names}, "clientCertificateConfigs": []}


def _node_pool(pool: Values) -> Values:
    metadata = pool.get("config", {}).get("workloadMetadataConfig") or {}
    configs = [metadata] if metadata.get("mode") else []
    return {
        "name": pool["name"],
        "version": pool.get("version", ""),
        "nodeConfigs": [
            {
                "machineType": pool.get("config", {}).get("machineType", ""),
                "serviceAccount": pool.get("config", {}).get("serviceAccount", ""),
                "workloadMetadataConfigs": configs,
            }
        ],
    }
