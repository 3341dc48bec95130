"""GKE clusters: the workload pool, the node pools' metadata servers, and the operations that change them.
Their API is in `container`.

Nothing runs on these clusters, and only workload identity can be changed; the Kubernetes API is `sandbox.kubernetes`.
"""

import base64
import functools
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from federation.google import CONTAINER_API, cluster_path, workload_pool
from sandbox.certificates import self_signed_certificate
from sandbox.google.api import timestamp
from sandbox.google.errors import Json, failed_precondition, invalid_argument, not_found
from sandbox.google.principals import Clock
from sandbox.google.projects import Project

OPERATION_SECONDS: Final = 0.5
"""How long an operation runs; real ones take minutes."""

VERSION: Final = "1.34.1-gke.1829001"
METADATA_MODES: Final = frozenset({"GCE_METADATA", "GKE_METADATA"})
"""https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/NodeConfig#Mode"""


@dataclass
class Operation:
    """A running or finished change. `apply` makes it, when the time is up."""

    name: str
    type: str
    target: str
    started_at: float
    apply: Callable[[], None]
    done_at: float | None = None


@dataclass
class Cluster:
    """A Standard cluster. `node_pools` maps names to their metadata mode."""

    project: Project
    location: str
    name: str
    workload_pool: str = ""
    node_pools: dict[str, str] = field(default_factory=lambda: {"default-pool": "GCE_METADATA"})
    operations: list[Operation] = field(default_factory=list)

    @property
    def path(self) -> str:
        """`projects/ID/locations/L/clusters/C`."""
        return cluster_path(self.project.id, self.location, self.name)

    @functools.cached_property
    def certificate_authority(self) -> str:
        """The control plane's CA certificate, base64 of PEM."""
        certificate = self_signed_certificate(self.name, ec.generate_private_key(ec.SECP256R1()))
        return base64.b64encode(certificate.encode()).decode()


class Clusters:
    """Every cluster, by path. Operations take effect when somebody looks after their time is up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clusters: dict[str, Cluster] = {}
        self._numbers = itertools.count(1)

    def add(self, project: Project, location: str, name: str) -> Cluster:
        """A new cluster, its workload pool off."""
        cluster = Cluster(project, location, name)
        self._clusters[cluster.path] = cluster
        return cluster

    def get(self, project: Project, location: str, name: str) -> Cluster:
        """The cluster as it is now. Raises NOT_FOUND."""
        path = cluster_path(project.id, location, name)
        cluster = self._clusters.get(path)
        if cluster is None:
            raise not_found(f"Not found: {path}.")
        self._finish_operations(cluster)
        return cluster

    def has_workload_pool(self, pool: str) -> bool:
        """Whether the pool exists: GKE makes a project's pool with the first cluster that has it on."""
        for cluster in self._clusters.values():
            self._finish_operations(cluster)
        return any(cluster.workload_pool == pool for cluster in self._clusters.values())

    def set_workload_pool(self, cluster: Cluster, pool: str) -> Operation:
        """Start to turn the workload pool on, or off with ''. Raises INVALID_ARGUMENT, FAILED_PRECONDITION."""
        if pool not in {"", workload_pool(cluster.project.id)}:
            # Google's text for this is not known.
            raise invalid_argument(
                f'Invalid workload pool "{pool}": the only workload pool that the clusters of project '
                f'{cluster.project.id} can have is "{workload_pool(cluster.project.id)}".'
            )
        if not pool and "GKE_METADATA" in cluster.node_pools.values():
            raise failed_precondition("Workload identity can't be disabled while a node pool uses GKE_METADATA.")

        def apply() -> None:
            cluster.workload_pool = pool

        return self._start(cluster, "UPDATE_CLUSTER", f"clusters/{cluster.name}", apply)

    def set_metadata_mode(self, cluster: Cluster, node_pool: str, mode: str) -> Operation:
        """Start to change which metadata server a node pool runs. Raises NOT_FOUND, INVALID_ARGUMENT,
        FAILED_PRECONDITION.
        """
        if node_pool not in cluster.node_pools:
            raise not_found(f"Not found: {cluster.path}/nodePools/{node_pool}.")
        if mode not in METADATA_MODES:
            raise invalid_argument(f"Invalid workload metadata mode: {mode!r}.")
        if mode == "GKE_METADATA" and not cluster.workload_pool:
            raise failed_precondition(
                "GKE_METADATA can only be enabled if Workload Identity is enabled at the cluster level."
            )

        def apply() -> None:
            cluster.node_pools[node_pool] = mode

        return self._start(cluster, "UPDATE_NODE_POOL", f"clusters/{cluster.name}/nodePools/{node_pool}", apply)

    def operations(self, project: Project, location: str) -> list[Operation]:
        """All operations of a location, finished ones included."""
        found: list[Operation] = []
        for cluster in self._clusters.values():
            if cluster.project is project and cluster.location == location:
                self._finish_operations(cluster)
                found.extend(cluster.operations)
        return found

    def _start(self, cluster: Cluster, kind: str, target: str, apply: Callable[[], None]) -> Operation:
        for running in cluster.operations:
            if running.done_at is None:
                raise failed_precondition(f"Cluster is running incompatible operation {running.name}.")
        now = self._clock()
        name = f"operation-{int(now * 1000)}-{secrets.token_hex(4)}-{next(self._numbers):04d}"
        target_link = f"{CONTAINER_API}/v1/projects/{cluster.project.number}/locations/{cluster.location}/{target}"
        operation = Operation(name, kind, target_link, now, apply)
        cluster.operations.append(operation)
        return operation

    def _finish_operations(self, cluster: Cluster) -> None:
        for operation in cluster.operations:
            if operation.done_at is None and self._clock() >= operation.started_at + OPERATION_SECONDS:
                operation.done_at = operation.started_at + OPERATION_SECONDS
                operation.apply()


def cluster_json(cluster: Cluster) -> Json:
    """A cluster as the API shows it.
    https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters#Cluster
    """
    running = any(operation.done_at is None for operation in cluster.operations)
    shown: Json = {
        "name": cluster.name,
        "location": cluster.location,
        "zone": cluster.location,
        "selfLink": f"{CONTAINER_API}/v1/{cluster.path}",
        "status": "RECONCILING" if running else "RUNNING",
        "endpoint": "203.0.113.10",
        "masterAuth": {"clusterCaCertificate": cluster.certificate_authority},
        "currentMasterVersion": VERSION,
        "initialClusterVersion": VERSION,
        "network": "default",
        "subnetwork": "default",
        "networkConfig": {
            "network": f"projects/{cluster.project.id}/global/networks/default",
            "subnetwork": f"projects/{cluster.project.id}/regions/{cluster.location}/subnetworks/default",
            "datapathProvider": "ADVANCED_DATAPATH",
        },
        "legacyAbac": {},
        "autopilot": {},
        "releaseChannel": {"channel": "REGULAR"},
        "nodePools": [node_pool_json(cluster, name) for name in cluster.node_pools],
    }
    if cluster.workload_pool:
        shown["workloadIdentityConfig"] = {"workloadPool": cluster.workload_pool}
    return shown


def node_pool_json(cluster: Cluster, name: str) -> Json:
    """A node pool as the API shows it."""
    return {
        "name": name,
        "config": {"machineType": "e2-standard-4", "workloadMetadataConfig": {"mode": cluster.node_pools[name]}},
        "initialNodeCount": 1,
        "selfLink": f"{CONTAINER_API}/v1/{cluster.path}/nodePools/{name}",
        "version": VERSION,
        "status": "RUNNING",
    }


def operation_json(cluster_project: Project, location: str, operation: Operation) -> Json:
    """An operation as the API shows it."""
    base = f"{CONTAINER_API}/v1/projects/{cluster_project.number}/locations/{location}/operations"
    shown = {
        "name": operation.name,
        "zone": location,
        "location": location,
        "operationType": operation.type,
        "status": "RUNNING" if operation.done_at is None else "DONE",
        "selfLink": f"{base}/{operation.name}",
        "targetLink": operation.target,
        "startTime": timestamp(operation.started_at),
    }
    return shown if operation.done_at is None else shown | {"endTime": timestamp(operation.done_at)}
