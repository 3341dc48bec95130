"""Workload identity pools and providers: kept 30 days after deletion, their ids taken as long.
Their API is in `workload_identity_api`.
"""

from dataclasses import dataclass, field
from typing import Final

from federation.google import SOFT_DELETE_DAYS
from sandbox.google.api import timestamp
from sandbox.google.errors import Json, already_exists, failed_precondition, invalid_argument, not_found
from sandbox.google.principals import Clock
from sandbox.google.projects import Project
from sandbox.google.workload_identity_rules import check_id, check_provider, check_texts

SOFT_DELETE_SECONDS: Final = SOFT_DELETE_DAYS * 86400

POOL_FIELDS: Final = frozenset({"displayName", "description", "disabled"})
PROVIDER_FIELDS: Final = POOL_FIELDS | {"attributeMapping", "attributeCondition", "oidc", "aws"}


@dataclass
class Provider:
    """A provider. `settings` holds the fields that a client may write."""

    name: str
    settings: Json
    deleted_at: float | None = None

    @property
    def is_usable(self) -> bool:
        """Whether tokens can be exchanged through it, as far as it decides."""
        return self.deleted_at is None and not self.settings.get("disabled", False)


@dataclass
class Pool:
    """A pool and its providers. `settings` holds the fields that a client may write."""

    name: str
    settings: Json
    deleted_at: float | None = None
    providers: dict[str, Provider] = field(default_factory=dict)

    @property
    def is_usable(self) -> bool:
        """Whether its identities can authenticate; deleting or disabling a pool stops issued tokens too."""
        return self.deleted_at is None and not self.settings.get("disabled", False)


class WorkloadIdentityPools:
    """Every pool, by full resource name (with the project number)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pools: dict[str, Pool] = {}

    def pool_name(self, project: Project, pool_id: str) -> str:
        """A pool's full resource name."""
        return f"projects/{project.number}/locations/global/workloadIdentityPools/{pool_id}"

    def find(self, name: str) -> Pool | None:
        """The pool, which may be deleted; None when there is none or it is gone for good."""
        pool = self._pools.get(name)
        return None if pool is None or self._is_gone(pool) else pool

    def find_provider(self, pool_name: str, provider_id: str) -> Provider | None:
        """The provider, which may be deleted; None when there is none or it is gone for good."""
        pool = self.find(pool_name)
        provider = pool.providers.get(provider_id) if pool else None
        return None if provider is None or self._is_gone(provider) else provider

    def pools_of(self, project: Project) -> list[Pool]:
        """A project's pools, the deleted ones included."""
        prefix = self.pool_name(project, "")
        return [pool for name, pool in self._pools.items() if name.startswith(prefix) and not self._is_gone(pool)]

    def providers_of(self, pool: Pool) -> list[Provider]:
        """A pool's providers, the deleted ones included."""
        return [provider for provider in pool.providers.values() if not self._is_gone(provider)]

    def create(self, project: Project, pool_id: str, settings: Json) -> Pool:
        """A new pool. Raises INVALID_ARGUMENT, ALREADY_EXISTS (also for a deleted one's id)."""
        check_id(pool_id)
        settings = _known(settings, POOL_FIELDS)
        check_texts(settings)
        name = self.pool_name(project, pool_id)
        if self.find(name):
            raise already_exists()
        pool = self._pools[name] = Pool(name, settings)
        return pool

    def create_provider(self, pool: Pool, provider_id: str, settings: Json) -> Provider:
        """A new provider. Raises INVALID_ARGUMENT, ALREADY_EXISTS (also for a deleted one's id)."""
        check_id(provider_id)
        settings = _known(settings, PROVIDER_FIELDS)
        check_provider(settings)
        if self.find_provider(pool.name, provider_id):
            raise already_exists()
        if pool.deleted_at is not None:
            raise failed_precondition(f"The workload identity pool {pool.name} is deleted.")
        provider = pool.providers[provider_id] = Provider(f"{pool.name}/providers/{provider_id}", settings)
        return provider

    def update(self, resource: Pool | Provider, changes: Json, update_mask: str) -> None:
        """Set the fields named in the mask (`displayName`, `oidc.allowed_audiences`, …) to what `changes` says.

        A field that the mask names and `changes` lacks is cleared. Raises NOT_FOUND for a deleted resource, and
        INVALID_ARGUMENT, also for a change between the kinds aws and oidc.
        """
        _require_existing(resource)
        if not update_mask:
            raise invalid_argument("The update_mask is required.")
        settings = resource.settings
        for path in update_mask.split(","):
            settings = _set(settings, [_camel_case(part) for part in path.strip().split(".")], changes)
        allowed = PROVIDER_FIELDS if isinstance(resource, Provider) else POOL_FIELDS
        settings = _known(settings, allowed)
        if isinstance(resource, Provider):
            if {"aws", "oidc"} & settings.keys() != {"aws", "oidc"} & resource.settings.keys():
                raise invalid_argument("The kind of a provider can't be changed.")
            check_provider(settings)
        else:
            check_texts(settings)
        resource.settings = settings

    def delete(self, resource: Pool | Provider) -> None:
        """Delete for 30 days, then for good. Raises NOT_FOUND when it is deleted already."""
        _require_existing(resource)
        resource.deleted_at = self._clock()

    def undelete(self, resource: Pool | Provider) -> None:
        """Raises FAILED_PRECONDITION when it is not deleted."""
        if resource.deleted_at is None:
            raise failed_precondition(f"{resource.name} is not deleted.")
        resource.deleted_at = None

    def to_json(self, resource: Pool | Provider) -> Json:
        """As the API shows it."""
        shown = {"name": resource.name, "state": "ACTIVE" if resource.deleted_at is None else "DELETED"}
        if resource.deleted_at is not None:
            shown["expireTime"] = timestamp(resource.deleted_at + SOFT_DELETE_SECONDS)
        return shown | {name: value for name, value in resource.settings.items() if value}

    def _is_gone(self, resource: Pool | Provider) -> bool:
        return resource.deleted_at is not None and self._clock() - resource.deleted_at > SOFT_DELETE_SECONDS


def _require_existing(resource: Pool | Provider) -> None:
    if resource.deleted_at is not None:
        raise not_found()


def _known(settings: Json, fields: frozenset[str]) -> Json:
    output_only = {"name", "state", "expireTime"}
    if unknown := settings.keys() - fields - output_only:
        raise invalid_argument(f"The sandbox does not know the field {min(unknown)} here.")
    return {name: value for name, value in settings.items() if name in fields}


def _set(settings: Json, path: list[str], changes: Json) -> Json:
    """A copy of `settings` with the field at `path` as it is in `changes`."""
    first, *rest = path
    if not rest:
        kept = {name: value for name, value in settings.items() if name != first}
        return kept | {first: changes[first]} if first in changes else kept
    return settings | {first: _set(settings.get(first) or {}, rest, changes.get(first) or {})}


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
