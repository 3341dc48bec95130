"""Step 1 of the guide: the workload pool of an existing cluster.

Deliberately does not own the cluster or its node pools. It reads the cluster, and at most turns the one setting on.
"""

from collections.abc import Iterator
from typing import Literal, TypedDict

import pulumi
import pulumi_gcp as gcp

from components.enabled_workload_pool import EnabledWorkloadPool
from components.lookups import looked_up
from federation.google import (
    enable_metadata_server_command,
    enable_workload_pool_command,
    gke_issuer,
    workload_pool,
)


class GkeWorkloadPoolArgs(TypedDict):
    """Which cluster, and what to do about its workload pool."""

    project: str
    """The cluster's project id."""
    location: str
    """A region or a zone."""
    cluster: str
    mode: Literal["verify", "enable"]
    """Fail when the pool is off, or turn it on. Neither is undone by `pulumi destroy`."""
    pods_use_metadata_server: bool
    """Whether a workload gets Google tokens in its pods, for which every node pool must serve them."""


class GkeWorkloadPool(pulumi.ComponentResource):
    """An existing cluster whose workload pool is on."""

    workload_pool: pulumi.Output[str]
    """`PROJECT.svc.id.goog`, available once the pool is on."""
    issuer: pulumi.Output[str]
    """The `iss` of the tokens of the cluster's service accounts."""
    cluster: pulumi.Output[gcp.container.GetClusterResult]
    """The cluster as it was read at the start of this run."""

    def __init__(self, name: str, args: GkeWorkloadPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gcpawswif:gcp:GkeWorkloadPool", name, None, opts)
        project, location, cluster = args["project"], args["location"], args["cluster"]
        found = self._existing(project, location, cluster)
        self.cluster = pulumi.Output.from_input(found)
        self.issuer = pulumi.Output.from_input(gke_issuer(project, location, cluster))
        if args["mode"] == "enable":
            self.workload_pool = EnabledWorkloadPool(
                f"{name}-enabled",
                project=project,
                location=location,
                cluster=cluster,
                opts=pulumi.ResourceOptions(parent=self),
            ).workload_pool
        else:
            # Not in an apply: nothing that hangs on the pool may be made before it is known to be on.
            self.workload_pool = pulumi.Output.from_input(_verified_pool(found, project, location, cluster))
        if args["pods_use_metadata_server"]:
            self._warn_of_node_pools(found, project, location, cluster)
        self.register_outputs({"workload_pool": self.workload_pool, "issuer": self.issuer})

    def _existing(self, project: str, location: str, cluster: str) -> gcp.container.GetClusterResult:
        invoke = pulumi.InvokeOptions(parent=self)
        return looked_up(
            lambda: gcp.container.get_cluster(project=project, location=location, name=cluster, opts=invoke),
            "The cluster in gcp-aws-wif:cluster must exist; its location is the region, or the zone of a zonal cluster."
            f" These do:\n  gcloud container clusters list --project={project}",
        )

    def _warn_of_node_pools(
        self, found: gcp.container.GetClusterResult, project: str, location: str, cluster: str
    ) -> None:
        for node_pool in _node_pools_without_metadata_server(found):
            pulumi.log.warn(
                f"Pods on node pool {node_pool} of cluster {cluster} get no Google tokens: its nodes do not run the GKE"
                f" metadata server. This turns it on, and recreates the nodes: "
                f"{enable_metadata_server_command(project, location, cluster, node_pool)}",
                self,
            )


def _verified_pool(found: gcp.container.GetClusterResult, project: str, location: str, cluster: str) -> str:
    """The project's workload pool. Raises RunError when the cluster has it off, or has another."""
    expected = workload_pool(project)
    current = next((config.workload_pool for config in found.workload_identity_configs or ()), "")
    if current == expected:
        return expected
    if current:
        raise pulumi.RunError(
            f"Cluster {cluster} has the workload pool {current}, not its own project's {expected}. Configure a cluster"
            " with its own project's pool in gcp-aws-wif:cluster."
        )
    raise pulumi.RunError(
        f"The workload pool of cluster {cluster} is off. Turn it on with\n"
        f"  {enable_workload_pool_command(project, location, cluster)}\n"
        "or let this program do it with `workloadPool: enable` in gcp-aws-wif:cluster."
    )


def _node_pools_without_metadata_server(found: gcp.container.GetClusterResult) -> Iterator[str]:
    """The names of node pools whose pods reach Compute Engine's metadata server instead of GKE's.

    An Autopilot cluster has none.
    https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#option_2_node_pool_modification
    """
    if found.enable_autopilot:
        return
    for node_pool in found.node_pools or ():
        modes = {metadata.mode for node in node_pool.node_configs for metadata in node.workload_metadata_configs}
        if "GKE_METADATA" not in modes:
            yield node_pool.name
