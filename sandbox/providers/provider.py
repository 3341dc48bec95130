"""A Pulumi provider over any package of resources: the engine's requests, answered from tables and small classes.

It deliberately keeps nothing between requests but its configuration: the state is the engine's, the truth the cloud's.
"""

import asyncio
from typing import Any

from pulumi.provider.experimental import provider as engine
from pulumi.provider.experimental.provider import Provider

from sandbox.providers.differences import differences
from sandbox.providers.properties import DEFAULTS, autoname, check
from sandbox.providers.resource import Connect, Package, ProviderError, Resource
from sandbox.providers.values import UNKNOWN, Values, contains_unknown, plain_map, property_map


class EmulatedProvider(Provider):
    """One provider as one connection of an engine configured it."""

    def __init__(self, name: str, connect: Connect) -> None:
        self._name = name
        self._connect = connect
        self._package: Package | None = None

    async def configure(self, request: engine.ConfigureRequest) -> engine.ConfigureResponse:
        """Connect to the cloud with the provider's configuration."""
        self._package = await asyncio.to_thread(self._connect, plain_map(request.args))
        return engine.ConfigureResponse(supports_preview=True)

    async def check(self, request: engine.CheckRequest) -> engine.CheckResponse:
        """Fill in defaults, and refuse what the real provider refuses at plan time."""
        resource, old = self._resource(request.type), plain_map(request.old_inputs)
        token = _token(request.type)
        generated_name = autoname(request.name, request.random_seed)
        given = resource.fill(plain_map(request.new_inputs), old, generated_name)
        inputs, failures = check(token, resource.inputs, given, old, generated_name)
        failures = failures or resource.refuse(inputs)
        return engine.CheckResponse(
            inputs=property_map(inputs),
            failures=[engine.CheckFailure(failure.path, failure.reason) for failure in failures],
        )

    async def diff(self, request: engine.DiffRequest) -> engine.DiffResponse:
        """What the new inputs change in the state."""
        resource, inputs = self._resource(request.type), plain_map(request.new_inputs)
        old = resource.compared(plain_map(request.old_state))
        answer = differences(resource.inputs, old, inputs, request.ignore_changes)
        answer.delete_before_replace = bool(answer.replaces) and resource.frees_name_first(old, inputs)
        return answer

    async def create(self, request: engine.CreateRequest) -> engine.CreateResponse:
        """Make a resource; at preview, say what of it is known."""
        resource, inputs = self._resource(request.type), plain_map(request.properties)
        if request.preview:
            return engine.CreateResponse("", property_map(_expected(resource, inputs, {})))
        _known(request.urn, inputs)
        resource_id, state = await asyncio.to_thread(resource.create, inputs)
        return engine.CreateResponse(resource_id, property_map(_with_local(resource, inputs, state)))

    async def read(self, request: engine.ReadRequest) -> engine.ReadResponse:
        """A resource as it is now, for refresh and import; an empty id when it is gone."""
        resource, state = self._resource(request.type), plain_map(request.properties)
        found = await asyncio.to_thread(resource.read, request.resource_id, state)
        if found is None:
            return engine.ReadResponse(resource_id="")
        resource_id, now = found
        old_inputs = plain_map(request.inputs)
        local = {name: declared.default for name, declared in resource.inputs.items() if declared.local}
        now = _with_local(resource, {**local, **state}, now)
        inputs = _inputs_of(resource, old_inputs, resource.compared(now))
        return engine.ReadResponse(resource_id, property_map(now), property_map(inputs))

    async def update(self, request: engine.UpdateRequest) -> engine.UpdateResponse:
        """Change a resource in place; at preview, say what of it will be known."""
        resource, state, inputs = self._resource(request.type), plain_map(request.olds), plain_map(request.news)
        if request.preview:
            return engine.UpdateResponse(property_map(_expected(resource, inputs, state)))
        _known(request.urn, inputs)
        now = await asyncio.to_thread(resource.update, request.resource_id, state, inputs)
        return engine.UpdateResponse(property_map(_with_local(resource, inputs, now)))

    async def delete(self, request: engine.DeleteRequest) -> None:
        """Remove a resource; no error when it is gone."""
        resource = self._resource(request.type)
        await asyncio.to_thread(resource.delete, request.resource_id, plain_map(request.properties))

    async def invoke(self, request: engine.InvokeRequest) -> engine.InvokeResponse:
        """Call a function (a data source)."""
        functions = self._configured().functions
        if request.tok not in functions:
            raise ProviderError(self._lacks("function", request.tok, functions))
        result = await asyncio.to_thread(functions[request.tok], plain_map(request.args))
        return engine.InvokeResponse(property_map(result))

    def _configured(self) -> Package:
        if self._package is None:
            raise ProviderError(f"the sandbox's {self._name} provider was asked before it was configured")
        return self._package

    def _resource(self, qualified_type: str) -> Resource:
        token = _token(qualified_type)
        resources = self._configured().resources
        if token not in resources:
            raise ProviderError(self._lacks("resource type", token, resources))
        return resources[token]

    def _lacks(self, kind: str, token: str, known: Any) -> str:
        return (
            f"the sandbox's {self._name} provider has no {kind} {token!r}; it has: {', '.join(sorted(known))}."
            f" Use `--attach` without {self._name} to let the real plugin serve it."
        )


def _token(qualified_type: str) -> str:
    """The type of a URN's last resource: below a component a URN has `Component$Type`."""
    return qualified_type.rpartition("$")[2]


def _expected(resource: Resource, inputs: Values, state: Values) -> Values:
    """The state that an update to `inputs` will leave, unknown where only the cloud can tell."""
    given = {name: value for name, value in inputs.items() if name != DEFAULTS}
    same = {
        name: state[name]
        for name, value in given.items()
        if name in state and not contains_unknown(value) and resource.inputs[name].same(state[name], value)
    }
    filled_by_cloud = [name for name, declared in resource.inputs.items() if declared.computed]
    unknown = dict.fromkeys([*resource.outputs, *filled_by_cloud], UNKNOWN)
    kept = {name: value for name, value in state.items() if name in unknown}
    return {**unknown, **kept, **given, **same, **resource.planned(given, state)}


def _with_local(resource: Resource, inputs: Values, state: Values) -> Values:
    """The cloud's state and the inputs that only steer the provider."""
    local = {
        name: inputs[name]
        for name, declared in resource.inputs.items()
        if declared.local and inputs.get(name) is not None
    }
    return {**state, **local}


def _inputs_of(resource: Resource, old_inputs: Values, state: Values) -> Values:
    """The inputs that a program would give for this state: those it gave before, or at an import all."""
    wanted = [name for name in resource.inputs if name in (old_inputs or state)]
    now = {name: state[name] for name in wanted if state.get(name) not in (None, "", [], {})}
    return {**now, DEFAULTS: old_inputs.get(DEFAULTS, [])}


def _known(urn: str, inputs: Values) -> None:
    if contains_unknown(inputs):
        raise ProviderError(f"{urn}: the engine asked for an update with inputs that are not known yet")
