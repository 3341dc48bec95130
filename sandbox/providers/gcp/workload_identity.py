"""gcp.iam.WorkloadIdentityPool and gcp.iam.WorkloadIdentityPoolProvider.
https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/iam_workload_identity_pool

A deleted pool or provider that Google still keeps for its 30 days is gone to the real provider, and so it is here.
"""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from typing_extensions import override

from federation import google
from sandbox.providers.gcp.client import GoogleSession, guard_deletion, no_project
from sandbox.providers.gcp.service_account import DELETION_POLICY
from sandbox.providers.properties import Failure, Property
from sandbox.providers.resource import ProviderError, Resource
from sandbox.providers.values import Values

UPDATE_MASKS: Mapping[str, Sequence[str]] = {"oidc": ("oidc.allowed_audiences", "oidc.issuer_uri", "oidc.jwks_json")}
"""The update masks of fields whose mask is not their name."""

KINDS = ("aws", "oidc", "saml", "x509")


def not_an_id(value: str) -> str | None:
    """Why the real provider refuses a pool's or provider's id at plan time."""
    if value.startswith("gcp-"):
        return f'{value!r} can not start with "gcp-"'
    if google.WORKLOAD_IDENTITY_ID.fullmatch(value):
        return None
    return f"must be 4-32 characters, only lowercase letters (a-z), numbers (0-9), or dashes (-), got {value!r}"


class _SoftDeleted(Resource):
    """What pools and providers have in common: operations are awaited, DELETED means gone, the id is a path."""

    kind: ClassVar[str]
    id_input: ClassVar[str]
    """The input that ends the resource's path, and the parameter that names it at creation."""
    id_form: ClassVar[str]
    fields: ClassVar[Sequence[str]]
    """What the API takes and gives under the same names as Pulumi."""
    outputs = frozenset({"name", "state"})

    def __init__(self, session: GoogleSession) -> None:
        self._session = session
        self._client = session.client

    @override
    def fill(self, inputs: Values, old_inputs: Values, generated_name: str) -> Values:
        return self._session.with_project(inputs)

    @override
    def refuse(self, inputs: Values) -> list[Failure]:
        return no_project(inputs)

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        resource_id = self.id_form.format_map(inputs)
        collection, _, short_id = resource_id.rpartition("/")
        body = {field: inputs[field] for field in self.fields if field in inputs}
        try:
            operation = self._client.call("POST", f"/v1/{collection}", body, **{self.id_input: short_id})
            self._client.wait_for(operation)
        except ProviderError as error:
            raise ProviderError(f"Error creating {self.kind}: {error}") from error
        return resource_id, self._state(resource_id, self._client.wait_until_visible(f"/v1/{resource_id}"))

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        full_id = self._full_id(resource_id)
        found = self._client.find(f"/v1/{full_id}")
        if found is None or found.get("state") == "DELETED":
            return None
        return full_id, self._state(full_id, found)

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        wanted = {**{name: state[name] for name in ("mode",) if name in state}, **inputs}
        changed = [field for field in self.fields if (state.get(field) or None) != (wanted.get(field) or None)]
        if changed:
            mask = [name for field in changed for name in UPDATE_MASKS.get(field, (field,))]
            body = {field: wanted[field] for field in self.fields if field in wanted}
            self._client.wait_for(self._client.call("PATCH", f"/v1/{resource_id}", body, updateMask=",".join(mask)))
        return self._state(resource_id, self._client.call("GET", f"/v1/{resource_id}"))

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        if guard_deletion(self.kind, state) and (operation := self._client.delete(f"/v1/{resource_id}")):
            self._client.wait_for(operation)

    def _full_id(self, given: str) -> str:
        """The id from any form that an import may give: whole, or its variable parts with or without the project."""
        if self._parts(given) is not None:
            return given
        names = re.findall(r"{(\w+)}", self.id_form)
        parts = given.split("/")
        if len(parts) == len(names) - 1 and "project" in self._session.settings:
            parts = [self._session.settings["project"], *parts]
        if len(parts) != len(names):
            raise ProviderError(f"the id of a {self.kind} is {self.id_form}, got {given!r}")
        return self.id_form.format_map(dict(zip(names, parts, strict=True)))

    def _parts(self, resource_id: str) -> dict[str, str] | None:
        match = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.id_form), resource_id)
        return None if match is None else match.groupdict()

    def _state(self, resource_id: str, found: Values) -> Values:
        live = {field: found[field] for field in self.fields if field in found}
        return {**live, **(self._parts(resource_id) or {}), "name": found["name"], "state": found.get("state", "")}


class WorkloadIdentityPool(_SoftDeleted):
    """A pool of identities of another cloud."""

    kind = "WorkloadIdentityPool"
    id_input = "workloadIdentityPoolId"
    id_form = "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"
    fields = ("displayName", "description", "disabled", "mode")
    inputs: Mapping[str, Property] = {
        "deletionPolicy": DELETION_POLICY,
        "description": Property(str),
        "disabled": Property(bool),
        "displayName": Property(str),
        "mode": Property(str, computed=True),
        "project": Property(str, computed=True, replaces=True),
        "workloadIdentityPoolId": Property(str, required=True, replaces=True, rule=not_an_id),
    }


class WorkloadIdentityPoolProvider(_SoftDeleted):
    """Who vouches for a pool's identities: an AWS account or an OIDC issuer."""

    kind = "WorkloadIdentityPoolProvider"
    id_input = "workloadIdentityPoolProviderId"
    id_form = f"{WorkloadIdentityPool.id_form}/providers/{{workloadIdentityPoolProviderId}}"
    fields = ("displayName", "description", "disabled", "attributeMapping", "attributeCondition", "aws", "oidc")
    inputs: Mapping[str, Property] = {
        "attributeCondition": Property(str),
        "attributeMapping": Property(dict, items=Property(str)),
        "aws": Property(dict, fields={"accountId": Property(str, required=True)}),
        "deletionPolicy": DELETION_POLICY,
        "description": Property(str),
        "disabled": Property(bool),
        "displayName": Property(str),
        "oidc": Property(
            dict,
            fields={
                "allowedAudiences": Property(list, items=Property(str)),
                "issuerUri": Property(str, required=True),
                "jwksJson": Property(str),
            },
        ),
        "project": Property(str, computed=True, replaces=True),
        "workloadIdentityPoolId": Property(str, required=True, replaces=True),
        "workloadIdentityPoolProviderId": Property(str, required=True, replaces=True, rule=not_an_id),
    }

    @override
    def refuse(self, inputs: Values) -> list[Failure]:
        given = [kind for kind in KINDS if kind in inputs]
        if len(given) == 1:
            return super().refuse(inputs)
        wrong = "must be specified" if not given else f"can be specified, but {','.join(given)} were specified"
        return [Failure("aws", f"one of `{','.join(KINDS)}` {wrong}")]
