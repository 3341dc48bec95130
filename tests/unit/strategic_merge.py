"""Kubernetes' strategic merge, as far as a pod's template needs it.

No library on PyPI that is kept up does it, and kubectl, which does (`kubectl patch --local`), is not everywhere; where
it is, a test holds this against it. Which lists merge, and by which key, is read from the API's own schema. The order
of a merged list's items is not Kubernetes'.
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

KUBERNETES_VERSION = "1.37"

_KINDS = {
    "Deployment": "io.k8s.api.apps.v1.Deployment",
    "Job": "io.k8s.api.batch.v1.Job",
}


def apply_patch(manifest: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`manifest` (a Deployment or a Job) as the API server would have it after `patch`."""
    return _merged(manifest, patch, _definitions()[_KINDS[manifest["kind"]]])


def _merged(current: Mapping[str, Any], patch: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(current)
    for field, value in patch.items():
        field_schema = _resolved(schema).get("properties", {}).get(field, {})
        if isinstance(value, Mapping):
            merged[field] = _merged(merged.get(field) or {}, value, field_schema)
        elif isinstance(value, list) and (key := field_schema.get("x-kubernetes-patch-merge-key")):
            merged[field] = _merged_list(merged.get(field) or [], value, key, field_schema["items"])
        else:
            merged[field] = value
    return merged


def _merged_list(
    current: list[dict[str, Any]], patch: list[dict[str, Any]], key: str, schema: Mapping[str, Any]
) -> list[dict[str, Any]]:
    patch_of = {item[key]: item for item in patch}
    kept = [_merged(item, patch_of[item[key]], schema) if item[key] in patch_of else item for item in current]
    known = {item[key] for item in current}
    return [item for item in patch if item[key] not in known] + kept


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return _definitions()[reference.rpartition("/")[2]] if reference else schema


@functools.cache
def _definitions() -> Mapping[str, Any]:
    schemas = resources.files("kubernetes_validate") / "kubernetes-json-schema"
    definitions = schemas / f"v{KUBERNETES_VERSION}.0-local-strict" / "_definitions.json"
    return json.loads(definitions.read_text())["$defs"]  # type: ignore[no-any-return]
