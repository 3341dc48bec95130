"""kubernetes.core.v1.ServiceAccount and ConfigMap: objects that are created once, and changed by server-side apply.

The state is the live object and, as `__inputs`, what was applied: others may add labels and annotations of their own,
and those are no change. https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/managing-resources-with-server-side-apply/
"""

from typing import Any, Final

from typing_extensions import override

from sandbox.providers.kubernetes.client import KubernetesClient
from sandbox.providers.properties import DEFAULTS, Property, Table
from sandbox.providers.resource import ProviderError, Resource
from sandbox.providers.values import UNKNOWN, Values

APPLIED: Final = "__inputs"
AUTONAMED: Final = "pulumi.com/autonamed"
DEFAULT_NAMESPACE: Final = "default"

TEXT = Property(str)
TEXTS = Property(dict, items=TEXT)
REFERENCES = Property(list)
FIXED = Property(str, replaces=True)

METADATA = Property(
    dict,
    fields={
        "annotations": TEXTS,
        "labels": TEXTS,
        "name": FIXED,
        "namespace": FIXED,
    },
)
COMMON: Table = {"apiVersion": FIXED, "kind": FIXED, "metadata": METADATA}
SERVICE_ACCOUNT: Table = {
    **COMMON,
    "automountServiceAccountToken": Property(bool),
    "imagePullSecrets": REFERENCES,
    "secrets": REFERENCES,
}
CONFIG_MAP: Table = {
    **COMMON,
    "binaryData": Property(dict, items=TEXT, replaces=True),
    "data": Property(dict, items=TEXT, replaces=True),
    "immutable": Property(bool),
}
"""The real provider replaces a config map whose data changes, unless told otherwise (enableConfigMapMutable)."""


class KubernetesObject(Resource):
    """One kind of namespaced object of the core group; its id is `NAMESPACE/NAME`."""

    outputs: frozenset[str] = frozenset()

    def __init__(self, client: KubernetesClient, namespace: str, kind: str, plural: str, inputs: Table) -> None:
        self._client = client
        self._namespace = namespace
        self._kind = kind
        self._plural = plural
        self.inputs = inputs

    @override
    def fill(self, inputs: Values, old_inputs: Values, generated_name: str) -> Values:
        """A namespace, and a name that is noted as generated: as the real provider."""
        metadata = {"namespace": self._namespace, **inputs.get("metadata", {})}
        if not metadata.get("name"):
            old = old_inputs.get("metadata", {})
            kept = old.get("annotations", {}).get(AUTONAMED) == "true"
            metadata["name"] = old["name"] if kept else generated_name
            metadata["annotations"] = {**metadata.get("annotations", {}), AUTONAMED: "true"}
        return {**inputs, "apiVersion": "v1", "kind": self._kind, "metadata": metadata}

    @override
    def compared(self, state: Values) -> Values:
        return dict(state.get(APPLIED, {}))

    @override
    def frees_name_first(self, old: Values, inputs: Values) -> bool:
        metadata = inputs["metadata"]
        generated = metadata.get("annotations", {}).get(AUTONAMED) == "true"
        return not generated and all(old["metadata"].get(key) == metadata[key] for key in ("name", "namespace"))

    @override
    def planned(self, inputs: Values, state: Values) -> Values:
        known = state.get("metadata", {})
        fixed = {name: known.get(name, UNKNOWN) for name in ("creationTimestamp", "uid")}
        return {"metadata": {**fixed, "resourceVersion": UNKNOWN, **inputs["metadata"]}}

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        """As the real provider since 4.29, not by server-side apply: an object that exists is not taken over.
        https://github.com/pulumi/pulumi-kubernetes/pull/4278
        """
        wanted, metadata = _without_defaults(inputs), inputs["metadata"]
        created = self._client.create(f"/api/v1/namespaces/{metadata['namespace']}/{self._plural}", wanted)
        return f"{metadata['namespace']}/{metadata['name']}", {**created, APPLIED: wanted}

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        namespace, name = self._namespace_and_name(resource_id)
        live = self._client.find(self._path(namespace, name))
        if live is None:
            return None
        applied = state.get(APPLIED) or {key: value for key, value in _without_system_fields(live).items() if value}
        return f"{namespace}/{name}", {**live, APPLIED: _as_it_is(applied, live)}

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        wanted = _without_defaults(inputs)
        path = self._path(wanted["metadata"]["namespace"], wanted["metadata"]["name"])
        return {**self._client.apply(path, wanted), APPLIED: wanted}

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        self._client.delete(self._path(*self._namespace_and_name(resource_id)))

    def _path(self, namespace: str, name: str) -> str:
        return f"/api/v1/namespaces/{namespace}/{self._plural}/{name}"

    def _namespace_and_name(self, resource_id: str) -> tuple[str, str]:
        namespace, _, name = resource_id.rpartition("/")
        if not name or "/" in namespace:
            raise ProviderError(f"the id of a {self._kind} is NAMESPACE/NAME, got {resource_id!r}")
        return namespace or self._namespace, name


def _without_defaults(inputs: Values) -> Values:
    return {key: value for key, value in inputs.items() if key != DEFAULTS}


def _without_system_fields(live: Values) -> Values:
    """A live object as a program would write it, for an import."""
    names = ("annotations", "labels", "name", "namespace")
    metadata = {name: live["metadata"][name] for name in names if name in live["metadata"]}
    return {**live, "metadata": metadata}


def _as_it_is(applied: Any, live: Any) -> Any:
    """What was applied, with the live values: a refresh sees what others changed of it, and only that."""
    if isinstance(applied, dict) and isinstance(live, dict):
        return {key: _as_it_is(value, live[key]) for key, value in applied.items() if key in live}
    return live
