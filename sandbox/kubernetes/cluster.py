"""The state of the emulated cluster: its objects, and who may ask for tokens.

Everything is in memory and ends with the sandbox. There is one user, the operator, who may do everything.
"""

import copy
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.issuers import Issuer
from sandbox.kubernetes.objects import KINDS, Kind, Object, decoded, validate, validate_update
from sandbox.kubernetes.patches import ApplyConflictError, Owners, applied, merged, owners_after
from sandbox.kubernetes.status import Cause, StatusError
from sandbox.kubernetes.tokens import check_pod, requested_spec, signed_token

SYSTEM_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")
UNDELETABLE_NAMESPACES: Final = ("default", "kube-public", "kube-system")
DEFAULT_SERVICE_ACCOUNT: Final = "default"
"""Kubernetes makes it in every namespace, and again when it is deleted.
https://kubernetes.io/docs/concepts/security/service-accounts/#default-service-accounts"""

SYSTEM_MANAGER: Final = "kube-controller-manager"
MERGE_PATCHES: Final = ("application/merge-patch+json", "application/strategic-merge-patch+json")
APPLY_PATCH: Final = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Place:
    """Where an object is: its kind, its namespace (none for namespaces), its name."""

    kind: Kind
    namespace: str | None
    name: str


@dataclass(frozen=True)
class Write:
    """How a request writes: as which field manager, over others' fields or not, for real or not."""

    manager: str
    force: bool = False
    dry_run: bool = False


@dataclass
class _Stored:
    found: Object
    owners: Owners = field(default_factory=dict)


class KubernetesCluster:
    """One cluster whose service account tokens `issuer` signs. Safe to share between threads."""

    def __init__(self, issuer: Issuer, clock: Callable[[], float] = time.time) -> None:
        self.issuer = issuer
        self.operator_token = secrets.token_urlsafe(32)
        self._clock = clock
        self._lock = threading.RLock()
        self._objects: dict[Place, _Stored] = {}
        self._version = 0
        for name in SYSTEM_NAMESPACES:
            self.create(KINDS["namespaces"], None, {"metadata": {"name": name}}, Write(SYSTEM_MANAGER))

    def get(self, place: Place) -> Object:
        """An object. Raises StatusError (404)."""
        with self._lock:
            return copy.deepcopy(self._stored(place).found)

    def list_objects(self, kind: Kind, namespace: str | None) -> list[Object]:
        """All objects of a kind, in one namespace or (None) in all, by name."""
        with self._lock:
            places = [place for place in self._objects if place.kind == kind and namespace in (None, place.namespace)]
            ordered = sorted(places, key=lambda place: (place.namespace or "", place.name))
            return [copy.deepcopy(self._objects[place].found) for place in ordered]

    def create(self, kind: Kind, namespace: str | None, body: Any, write: Write) -> Object:
        """A new object. Raises StatusError (400, 404 for the namespace, 409, 422)."""
        wanted = decoded(kind, body)
        metadata = wanted["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + secrets.token_hex(3)[:5]
        validate(kind, wanted)
        if metadata.get("namespace", namespace) != namespace:
            raise StatusError.bad_request(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        place = Place(kind, namespace, metadata["name"])
        with self._lock:
            self._require_namespace(namespace)
            if place in self._objects:
                raise StatusError.already_exists(kind.plural, place.name)
            self._admit(place, wanted)
            wanted["metadata"] = {
                **metadata,
                **({"namespace": namespace} if kind.namespaced else {}),
                "uid": str(uuid.uuid4()),
                "creationTimestamp": datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            return self._store(place, wanted, owners_after({}, {}, wanted, write.manager), write)

    def replace(self, place: Place, body: Any, write: Write) -> Object:
        """An object replaced whole. Raises StatusError (400, 404, 409, 422)."""
        wanted = decoded(place.kind, body)
        with self._lock:
            return self._update(place, wanted, write)

    def patch(self, place: Place, media_type: str, body: Any, write: Write) -> Object:
        """An object patched; applying one that does not exist creates it. Raises StatusError."""
        if not isinstance(body, dict):
            raise StatusError.bad_request("the patch must be an object")
        with self._lock:
            if media_type == APPLY_PATCH:
                return self._apply(place, decoded(place.kind, body), write)
            if media_type not in MERGE_PATCHES:
                supported = ", ".join((*MERGE_PATCHES, APPLY_PATCH))
                message = (
                    f"the body of the request was in an unknown format - accepted media types include: {supported}"
                )
                raise StatusError(415, "UnsupportedMediaType", message)
            live = self._stored(place).found
            patched = merged(live, body, strategic=media_type == MERGE_PATCHES[1])
            return self._update(place, decoded(place.kind, patched), write)

    def delete(self, place: Place, write: Write) -> Object:
        """An object, removed; a namespace with all that is in it. Raises StatusError (403, 404)."""
        with self._lock:
            found = self._stored(place).found
            is_namespace = place.kind.plural == "namespaces"
            if is_namespace and place.name in UNDELETABLE_NAMESPACES:
                raise StatusError.forbidden(place.kind.plural, place.name, "this namespace may not be deleted")
            if write.dry_run:
                return copy.deepcopy(found)
            del self._objects[place]
            if is_namespace:
                self._objects = {other: kept for other, kept in self._objects.items() if other.namespace != place.name}
            elif place.kind.plural == "serviceaccounts" and place.name == DEFAULT_SERVICE_ACCOUNT:
                self._create_default_service_account(str(place.namespace))
            return found

    def annotation(self, namespace: str, service_account: str, key: str) -> str | None:
        """A service account's annotation, as Google's metadata server reads it; None when there is none."""
        with self._lock:
            stored = self._objects.get(Place(KINDS["serviceaccounts"], namespace, service_account))
            return None if stored is None else stored.found["metadata"].get("annotations", {}).get(key)

    def request_token(self, namespace: str, service_account: str, body: Any) -> Object:
        """A TokenRequest, answered. Raises StatusError (400, 404, 409, 422)."""
        spec = requested_spec(body, self.issuer)
        with self._lock:
            account = self.get(Place(KINDS["serviceaccounts"], namespace, service_account))
            pod = None
            if reference := spec["boundObjectRef"]:
                if reference.get("kind") != "Pod":
                    raise StatusError.bad_request(f"cannot bind token to object of type {reference.get('kind')}")
                pod = self.get(Place(KINDS["pods"], namespace, str(reference.get("name"))))
                check_pod(reference, pod, service_account)
            return signed_token(self.issuer, account, pod, spec, self._clock())

    def _apply(self, place: Place, wanted: Object, write: Write) -> Object:
        if wanted["metadata"].get("name", place.name) != place.name:
            raise StatusError.bad_request("metadata.name does not match the name in the request")
        if place not in self._objects:
            named = {**wanted, "metadata": {**wanted["metadata"], "name": place.name}}
            return self.create(place.kind, place.namespace, named, write)
        stored = self._objects[place]
        try:
            result, owners = applied(stored.found, stored.owners, wanted, write.manager, force=write.force)
        except ApplyConflictError as conflict:
            raise _apply_conflict(conflict) from conflict
        validate(place.kind, result)
        validate_update(place.kind, stored.found, result)
        return self._store(place, result, owners, write)

    def _update(self, place: Place, wanted: Object, write: Write) -> Object:
        stored = self._stored(place)
        live = stored.found["metadata"]
        metadata = wanted["metadata"]
        if (
            metadata.get("name", place.name) != place.name
            or metadata.get("namespace", place.namespace) != place.namespace
        ):
            raise StatusError.bad_request("the name or namespace of the object does not match the request's path")
        if metadata.get("resourceVersion", live["resourceVersion"]) != live["resourceVersion"]:
            why = "the object has been modified; please apply your changes to the latest version and try again"
            raise StatusError.conflict(place.kind.plural, place.name, why)
        if metadata.get("uid", live["uid"]) != live["uid"]:
            why = f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {live['uid']}"
            raise StatusError.conflict(place.kind.plural, place.name, why)
        kept = {key: live[key] for key in ("name", "namespace", "uid", "creationTimestamp") if key in live}
        result = {**wanted, "metadata": {**metadata, **kept}}
        validate(place.kind, result)
        validate_update(place.kind, stored.found, result)
        return self._store(place, result, owners_after(stored.owners, stored.found, result, write.manager), write)

    def _store(self, place: Place, found: Object, owners: Owners, write: Write) -> Object:
        """Keep the object as a new version, unless nothing changed or the write is a dry run."""
        before = self._objects.get(place)
        if before is not None:
            found["metadata"]["resourceVersion"] = before.found["metadata"]["resourceVersion"]
            if found == before.found:
                before.owners = before.owners if write.dry_run else owners
                return copy.deepcopy(found)
        if write.dry_run:
            return found
        self._version += 1
        found["metadata"]["resourceVersion"] = str(self._version)
        self._objects[place] = _Stored(copy.deepcopy(found), owners)
        if before is None and place.kind.plural == "namespaces":
            self._create_default_service_account(place.name)
        return found

    def _admit(self, place: Place, wanted: Object) -> None:
        """What admission does to a new object: a namespace is active, a pod runs as an existing service account."""
        if place.kind.plural == "namespaces":
            wanted["spec"], wanted["status"] = {"finalizers": ["kubernetes"]}, {"phase": "Active"}
        if place.kind.plural == "pods":
            account = wanted.setdefault("spec", {}).setdefault("serviceAccountName", DEFAULT_SERVICE_ACCOUNT)
            if Place(KINDS["serviceaccounts"], place.namespace, account) not in self._objects:
                full_name = f"{place.namespace}/{account}"
                why = f'error looking up service account {full_name}: serviceaccount "{account}" not found'
                raise StatusError.forbidden("pods", place.name, why)
            wanted["status"] = {"phase": "Pending"}

    def _create_default_service_account(self, namespace: str) -> None:
        body = {"metadata": {"name": DEFAULT_SERVICE_ACCOUNT}}
        self.create(KINDS["serviceaccounts"], namespace, body, Write(SYSTEM_MANAGER))

    def _require_namespace(self, namespace: str | None) -> None:
        if namespace is not None and Place(KINDS["namespaces"], None, namespace) not in self._objects:
            raise StatusError.not_found("namespaces", namespace)

    def _stored(self, place: Place) -> _Stored:
        if place not in self._objects:
            raise StatusError.not_found(place.kind.plural, place.name)
        return self._objects[place]


def _apply_conflict(conflict: ApplyConflictError) -> StatusError:
    count = len(conflict.fields)
    said = ", ".join(f'conflict with "{owner}": {path}' for path, owner in sorted(conflict.fields.items()))
    causes = [
        Cause("FieldManagerConflict", path, f'conflict with "{owner}"')
        for path, owner in sorted(conflict.fields.items())
    ]
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    message = f"Apply failed with {count} conflict{'s' if count > 1 else ''}: {said}"
    return StatusError(409, "Conflict", message, {"causes": listed})
