"""Drives a provider as the engine does: check, then diff, then create, update, read or delete."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as engine

from sandbox.providers.provider import EmulatedProvider
from sandbox.providers.resource import Connect
from sandbox.providers.values import Values, plain_map, property_map

Answer = TypeVar("Answer")
SEED = b"the seed of one update"


class RefusedAtPlanError(Exception):
    """The check found failures; `reasons` maps each property to why."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(reasons.values()))
        self.reasons = reasons


@dataclass(frozen=True)
class Deployed:
    """A resource in the engine's state."""

    id: str
    inputs: Values
    state: Values


def configured(name: str, connect: Connect, **config: Any) -> EmulatedProvider:
    """A provider with this configuration, whose values are as the engine gives them: text, or JSON text."""
    provider = EmulatedProvider(name, connect)
    run(provider.configure(engine.ConfigureRequest({}, property_map(config), False, False)))
    return provider


def call(provider: EmulatedProvider, token: str, **arguments: Any) -> Values:
    """The result of a function."""
    answer = run(provider.invoke(engine.InvokeRequest(token, property_map(arguments))))
    return plain_map(answer.return_value or {})


class Type:
    """One resource type of one provider, for resources of one logical name."""

    def __init__(self, provider: EmulatedProvider, token: str, name: str = "example") -> None:
        self._provider = provider
        self._urn = f"urn:pulumi:test::test::{token}::{name}"

    def check(self, inputs: Values, old: Values | None = None, seed: bytes = SEED) -> Values:
        request = engine.CheckRequest(self._urn, property_map(old or {}), property_map(inputs), seed)
        answer = run(self._provider.check(request))
        if answer.failures:
            raise RefusedAtPlanError({failure.property: failure.reason for failure in answer.failures})
        return plain_map(answer.inputs or {})

    def preview(self, **inputs: Any) -> Values:
        """The state that a preview of a creation expects."""
        request = engine.CreateRequest(self._urn, property_map(self.check(inputs)), 0, True)
        return plain_map(run(self._provider.create(request)).properties)

    def create(self, **inputs: Any) -> Deployed:
        checked = self.check(inputs)
        answer = run(self._provider.create(engine.CreateRequest(self._urn, property_map(checked), 0, False)))
        assert answer.resource_id
        return Deployed(answer.resource_id, checked, plain_map(answer.properties))

    def diff(self, deployed: Deployed, *ignored: str, **inputs: Any) -> engine.DiffResponse:
        checked = self.check(inputs, deployed.inputs, b"another update")
        request = engine.DiffRequest(
            self._urn, deployed.id, property_map(deployed.state), property_map(checked), list(ignored)
        )
        return run(self._provider.diff(request))

    def changes(self, deployed: Deployed, **inputs: Any) -> dict[str, str]:
        """What a program with these inputs would change: each path, and how."""
        detailed = self.diff(deployed, **inputs).detailed_diff
        return {path: change.kind.name.lower() for path, change in detailed.items()}

    def update(self, deployed: Deployed, **inputs: Any) -> Deployed:
        return self._update(deployed, inputs, preview=False)

    def preview_update(self, deployed: Deployed, **inputs: Any) -> Values:
        """The state that a preview of an update expects."""
        return self._update(deployed, inputs, preview=True).state

    def _update(self, deployed: Deployed, inputs: Values, *, preview: bool) -> Deployed:
        checked = self.check(inputs, deployed.inputs)
        request = engine.UpdateRequest(
            self._urn, deployed.id, property_map(deployed.state), property_map(checked), 0, [], preview
        )
        return Deployed(deployed.id, checked, plain_map(run(self._provider.update(request)).properties))

    def refresh(self, deployed: Deployed) -> Deployed | None:
        return self._read(deployed.id, deployed.state, deployed.inputs)

    def import_by(self, resource_id: str) -> Deployed | None:
        return self._read(resource_id, {}, {})

    def delete(self, deployed: Deployed) -> None:
        run(self._provider.delete(engine.DeleteRequest(self._urn, deployed.id, property_map(deployed.state), 0)))

    def _read(self, resource_id: str, state: Values, inputs: Values) -> Deployed | None:
        request = engine.ReadRequest(self._urn, resource_id, property_map(state), property_map(inputs))
        answer = run(self._provider.read(request))
        if not answer.resource_id:
            return None
        return Deployed(answer.resource_id, plain_map(answer.inputs), plain_map(answer.properties))


def run(request: Coroutine[Any, Any, Answer]) -> Answer:
    """What a request of the engine comes to."""
    return asyncio.run(request)
