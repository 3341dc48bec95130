"""A dynamic resource: the workload pool of a cluster that something else made, turned on.

The Google provider cannot do it: its cluster resource owns the whole cluster, and this program must own no more than
one setting of it. It deliberately never turns a pool off, since other workloads of the cluster may live from it.

`pulumi.dynamic` runs the provider class in a process of its own, which imports this module by name.
"""

from typing import Any, Final

import pulumi
from pulumi import dynamic

from federation.google import cluster_path, workload_pool

IMPERSONATE: Final = "impersonate_service_account"
"""The input that `gcp:impersonateServiceAccount` becomes: an e-mail, for the same identity as the Google provider's."""


class EnabledWorkloadPoolProvider(dynamic.ResourceProvider):
    """Creates, reads and updates `EnabledWorkloadPool`; no credential passes through its inputs or its state."""

    serialize_as_secret_always = False  # nothing in it is secret; the state stays readable

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another cluster is another resource; a pool that `read` found off is to be turned on again."""
        changed = [name for name in ("cluster", "workload_pool", IMPERSONATE) if olds.get(name) != news.get(name)]
        return dynamic.DiffResult(changes=bool(changed), replaces=["cluster"] if "cluster" in changed else [])

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Turn the pool on, and wait. Raises GkeError."""
        return dynamic.CreateResult(props["cluster"], self._enable(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Turn the pool on again, and wait. Raises GkeError."""
        return dynamic.UpdateResult(self._enable(news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """What the cluster has now, for `pulumi refresh`; nothing when it is gone. Raises GkeError."""
        from components.gke_api import ClusterNotFoundError, GkeApi, GkeError

        try:
            pool = GkeApi.from_environment(props.get(IMPERSONATE)).workload_pool(id_)
        except ClusterNotFoundError:
            return dynamic.ReadResult("", {})
        except GkeError as error:
            raise _without_frames(error) from None
        return dynamic.ReadResult(id_, {**_state(props), "workload_pool": pool})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: the cluster is not this program's, and turning its pool off would cut off all that use it."""

    def _enable(self, props: dict[str, Any]) -> dict[str, Any]:
        from components.gke_api import GkeApi, GkeError, enable_workload_pool

        try:
            api = GkeApi.from_environment(props.get(IMPERSONATE))
            enable_workload_pool(api, props["cluster"], props["workload_pool"], pulumi.log.info)
        except GkeError as error:
            raise _without_frames(error) from None
        return _state(props)


def _state(props: dict[str, Any]) -> dict[str, Any]:
    """Our own inputs: Pulumi adds the pickled provider to them."""
    return {name: props[name] for name in ("cluster", "workload_pool", IMPERSONATE) if name in props}


def _without_frames(error: Exception) -> Exception:
    """The error without where it came from: pulumi.dynamic shows users a traceback, and its text is what helps."""
    return error.with_traceback(None)


class EnabledWorkloadPool(dynamic.Resource, module="gcp", name="EnabledWorkloadPool"):
    """The workload pool of an existing cluster, on from the first `pulumi up` and after every one."""

    cluster: pulumi.Output[str]
    """`projects/P/locations/L/clusters/C`."""
    workload_pool: pulumi.Output[str]
    """`P.svc.id.goog`; known in a preview, as the project alone decides it."""

    def __init__(
        self, name: str, *, project: str, location: str, cluster: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props = {"cluster": cluster_path(project, location, cluster), "workload_pool": workload_pool(project)}
        if account := pulumi.Config("gcp").get("impersonateServiceAccount"):
            props[IMPERSONATE] = account
        super().__init__(EnabledWorkloadPoolProvider(), name, props, opts)
