"""What a resource type and a function of an emulated provider have to offer; `provider.py` does the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.providers.properties import DEFAULTS, Failure, Table
from sandbox.providers.values import Values


class ProviderError(Exception):
    """A refusal for the user to read, as it is: the cloud's error, or what the sandbox lacks."""


class Resource(Protocol):
    """One resource type of one configured provider. `create` to `delete` may block: they call the cloud."""

    inputs: Table
    outputs: frozenset[str]
    """What the cloud adds to the inputs; unknown until it is created, unless `planned` knows it."""

    def fill(self, inputs: Values, old_inputs: Values, generated_name: str) -> Values:  # noqa: ARG002 - few need all
        """The inputs with what the provider's own configuration adds, such as the project or default tags.

        `old_inputs` are those of the last update; `generated_name` is the logical name made unique.
        """
        return inputs

    def refuse(self, inputs: Values) -> list[Failure]:  # noqa: ARG002 - for those that look
        """What the real provider refuses at plan time and the table of inputs can't say."""
        return []

    def compared(self, state: Values) -> Values:
        """What of the state new inputs are compared with."""
        return state

    def frees_name_first(self, old: Values, inputs: Values) -> bool:
        """Whether a replacement must delete before it creates: the program chose the name, and keeps it.
        https://www.pulumi.com/docs/iac/concepts/resources/options/deletebeforereplace/
        """
        return any(
            inputs.get(name) == old.get(name) and name not in inputs.get(DEFAULTS, [])
            for name, declared in self.inputs.items()
            if declared.autoname is not None
        )

    def planned(self, inputs: Values, state: Values) -> Values:  # noqa: ARG002 - for those that know
        """Outputs that the real provider knows before it creates (`state` is empty then) or updates."""
        return {}

    def create(self, inputs: Values) -> tuple[str, Values]:
        """Make it; its id and its state."""
        ...

    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        """Its id and state now, or None when it is gone. `state` is empty at an import."""
        ...

    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        """Change it from `state` to `inputs`; its state after that."""
        ...

    def delete(self, resource_id: str, state: Values) -> None:
        """Remove it; no error when it is gone."""
        ...


Function = Callable[[Values], Values]
"""A data source: from arguments to result."""


@dataclass(frozen=True)
class Package:
    """A provider's resource types and functions by their tokens, after its configuration."""

    resources: Mapping[str, Resource]
    functions: Mapping[str, Function] = field(default_factory=dict)


Connect = Callable[[Values], Package]
"""Makes the package of a provider's configuration; raises ProviderError when the cloud or the provider refuses it."""
