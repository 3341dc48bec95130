"""Kubernetes Engine API v1: clusters, node pools and operations, as far as workload identity needs them.
https://cloud.google.com/kubernetes-engine/docs/reference/rest
"""

from starlette.routing import Route

from sandbox.google.api import Call, Endpoint, endpoint
from sandbox.google.cloud import GoogleCloud
from sandbox.google.clusters import Cluster, Operation, cluster_json, node_pool_json, operation_json
from sandbox.google.errors import Json, invalid_argument, not_found
from sandbox.google.projects import CONTAINER

LOCATION = "/v1/projects/{project}/locations/{location}"
CLUSTER = LOCATION + "/clusters/{cluster}"


def routes(cloud: GoogleCloud) -> list[Route]:
    """The routes of this API; a cluster's discovery document and keys are in `discovery`."""
    answers: list[tuple[str, str, Endpoint]] = [
        ("GET", CLUSTER, get_cluster),
        ("PUT", CLUSTER, update_cluster),
        ("GET", CLUSTER + "/nodePools", list_node_pools),
        ("GET", CLUSTER + "/nodePools/{node_pool}", get_node_pool),
        ("PUT", CLUSTER + "/nodePools/{node_pool}", update_node_pool),
        ("GET", LOCATION + "/operations", list_operations),
        ("GET", LOCATION + "/operations/{operation}", get_operation),
    ]
    return [endpoint(cloud, CONTAINER, method, path, answer) for method, path, answer in answers]


def get_cluster(call: Call) -> Json:
    """The cluster."""
    return cluster_json(_cluster(call, "container.clusters.get"))


def update_cluster(call: Call) -> Json:
    """{update: {desiredWorkloadIdentityConfig: {workloadPool}}} → an operation; no other update is known here."""
    cluster = _cluster(call, "container.clusters.update")
    update = call.body.get("update")
    if not update:
        raise invalid_argument("Must provide an update.")
    if others := update.keys() - {"desiredWorkloadIdentityConfig"}:
        raise invalid_argument(f"The sandbox can't update {', '.join(sorted(others))}.")
    pool = update["desiredWorkloadIdentityConfig"].get("workloadPool", "")
    return _operation(cluster, call.cloud.clusters.set_workload_pool(cluster, pool))


def list_node_pools(call: Call) -> Json:
    """The cluster's node pools."""
    cluster = _cluster(call, "container.clusters.get")
    return {"nodePools": [node_pool_json(cluster, name) for name in cluster.node_pools]}


def get_node_pool(call: Call) -> Json:
    """The node pool."""
    cluster = _cluster(call, "container.clusters.get")
    if call.path["node_pool"] not in cluster.node_pools:
        raise not_found(f"Not found: {cluster.path}/nodePools/{call.path['node_pool']}.")
    return node_pool_json(cluster, call.path["node_pool"])


def update_node_pool(call: Call) -> Json:
    """{workloadMetadataConfig: {mode}} → an operation; no other update is known here."""
    cluster = _cluster(call, "container.clusters.update")
    mode = (call.body.get("workloadMetadataConfig") or {}).get("mode", "")
    return _operation(cluster, call.cloud.clusters.set_metadata_mode(cluster, call.path["node_pool"], mode))


def list_operations(call: Call) -> Json:
    """The location's operations."""
    return {"operations": [_json(call, operation) for operation in _operations(call, "container.operations.list")]}


def get_operation(call: Call) -> Json:
    """The operation as it stands."""
    for operation in _operations(call, "container.operations.get"):
        if operation.name == call.path["operation"]:
            return _json(call, operation)
    raise not_found(f'Not found: operation "{call.path["operation"]}".')


def _cluster(call: Call, permission: str) -> Cluster:
    project = call.cloud.projects.get(call.path["project"])
    call.require(permission, project.resource)
    return call.cloud.clusters.get(project, call.path["location"], call.path["cluster"])


def _operations(call: Call, permission: str) -> list[Operation]:
    project = call.cloud.projects.get(call.path["project"])
    call.require(permission, project.resource)
    return call.cloud.clusters.operations(project, call.path["location"])


def _operation(cluster: Cluster, operation: Operation) -> Json:
    return operation_json(cluster.project, cluster.location, operation)


def _json(call: Call, operation: Operation) -> Json:
    return operation_json(call.cloud.projects.get(call.path["project"]), call.path["location"], operation)
