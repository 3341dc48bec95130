"""IAMMember of a service account and of a project: one member of one role, whatever else the policy holds.

Policies are read, changed and written back with their etag, and again when someone else wrote meanwhile.
https://cloud.google.com/iam/docs/allow-policies#etag
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
from typing_extensions import override

from sandbox.providers import rules
from sandbox.providers.gcp.client import FIRST_WAIT_SECONDS, GoogleClient, GoogleError, GoogleSession
from sandbox.providers.properties import Property
from sandbox.providers.resource import ProviderError, Resource
from sandbox.providers.values import Values

CONFLICTS = 10
"""How often a policy that others keep changing is tried."""

POLICY_VERSION = 3
"""The one that can hold conditions. https://cloud.google.com/iam/docs/allow-policies#versions"""

SERVICE_ACCOUNT_NAME = re.compile(r"projects/[^/]+/serviceAccounts/[^/]+")
MEMBER = re.compile(r"all(Authenticated)?Users|[a-zA-Z]+:.+")
CASE_SENSITIVE_MEMBER = re.compile(r"(deleted:)?(principal|principalSet|principalHierarchy):.*")
"""https://cloud.google.com/iam/docs/principal-identifiers"""


def same_member(left: str, right: str) -> bool:
    """Whether two members are one to Google: e-mails have no case, identities of pools have."""
    return normal_member(left) == normal_member(right)


def normal_member(member: str) -> str:
    """A member as the real provider writes it into ids."""
    if CASE_SENSITIVE_MEMBER.fullmatch(member):
        return member
    kind, separator, identity = member.partition(":")
    return f"{kind}{separator}{identity.lower()}"


@dataclass(frozen=True)
class PolicyHolder:
    """Where the policies of one kind of thing are, by the input that names the thing."""

    title: str
    input: Property
    input_name: str
    get: Callable[[GoogleClient, str], Values]
    set: Callable[[GoogleClient, str, Values], Values]


def _get_service_account_policy(client: GoogleClient, name: str) -> Values:
    return client.call("POST", f"/v1/{name}:getIamPolicy", **{"options.requestedPolicyVersion": str(POLICY_VERSION)})


def _set_service_account_policy(client: GoogleClient, name: str, policy: Values) -> Values:
    return client.call("POST", f"/v1/{name}:setIamPolicy", {"policy": policy})


def _get_project_policy(client: GoogleClient, project: str) -> Values:
    body = {"options": {"requestedPolicyVersion": POLICY_VERSION}}
    return client.call("POST", f"/v1/projects/{project}:getIamPolicy", body)


def _set_project_policy(client: GoogleClient, project: str, policy: Values) -> Values:
    body = {"policy": policy, "updateMask": "bindings,etag,auditConfigs"}
    return client.call("POST", f"/v1/projects/{project}:setIamPolicy", body)


SERVICE_ACCOUNTS = PolicyHolder(
    title="service account",
    input=Property(
        str,
        required=True,
        replaces=True,
        rule=rules.matches(
            SERVICE_ACCOUNT_NAME, "must be a service account's name, projects/PROJECT/serviceAccounts/EMAIL"
        ),
    ),
    input_name="serviceAccountId",
    get=_get_service_account_policy,
    set=_set_service_account_policy,
)
PROJECTS = PolicyHolder(
    title="project",
    input=Property(str, required=True, replaces=True),
    input_name="project",
    get=_get_project_policy,
    set=_set_project_policy,
)


class IamMember(Resource):
    """One member of one role; its id is `THING/ROLE/MEMBER`, and `THING ROLE MEMBER` imports it."""

    outputs = frozenset({"etag"})

    def __init__(
        self, session: GoogleSession, holder: PolicyHolder, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = session.client
        self._holder = holder
        self._sleep = sleep
        text = Property(str, replaces=True)
        self.inputs = {
            holder.input_name: holder.input,
            "condition": Property(
                dict,
                replaces=True,
                fields={
                    "description": text,
                    "expression": Property(str, required=True, replaces=True),
                    "title": Property(str, required=True, replaces=True),
                },
            ),
            "member": Property(
                str,
                required=True,
                replaces=True,
                same=same_member,
                rule=rules.matches(
                    MEMBER,
                    "IAM members must have one of the types of"
                    " https://cloud.google.com/billing/docs/reference/rest/v1/Policy#Binding before them",
                ),
            ),
            "role": Property(str, required=True, replaces=True),
        }

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        thing = inputs[self._holder.input_name]
        try:
            etag = self._change(inputs, _add)
        except GoogleError as error:
            raise ProviderError(f"Error applying IAM policy for {self._holder.title} {thing!r}: {error}") from error
        parts = [thing, inputs["role"], normal_member(inputs["member"])]
        if "condition" in inputs:
            parts.append(inputs["condition"]["title"])
        return "/".join(parts), {**self._identity(inputs), "etag": etag}

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        known = state or self._imported(resource_id)
        try:
            policy = self._holder.get(self._client, known[self._holder.input_name])
        except GoogleError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise
        for binding in policy.get("bindings", []):
            if _binds(binding, known) and any(same_member(known["member"], one) for one in binding.get("members", [])):
                own_id = resource_id if state else resource_id.replace(" ", "/")
                return own_id, {**self._identity(known), "etag": policy.get("etag", "")}
        return None

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        return state

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        try:
            self._change(state, _remove)
        except GoogleError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    def _identity(self, values: Values) -> Values:
        names = (self._holder.input_name, "condition", "member", "role")
        return {name: values[name] for name in names if name in values}

    def _imported(self, resource_id: str) -> Values:
        parts = resource_id.split(" ")
        if len(parts) != 3:
            raise ProviderError(f"import an IAM member by '{self._holder.input_name} role member', got {resource_id!r}")
        return dict(zip((self._holder.input_name, "role", "member"), parts, strict=True))

    def _change(self, wanted: Values, change: Callable[[list[Values], Values], None]) -> str:
        """Read, change and write the policy until no one else wrote in between; its new etag."""
        thing, attempts = wanted[self._holder.input_name], 0
        while True:
            policy = self._holder.get(self._client, thing)
            bindings: list[Values] = policy.pop("bindings", [])
            change(bindings, wanted)
            kept = [binding for binding in bindings if binding["members"]]
            body = {**policy, "version": POLICY_VERSION, **({"bindings": kept} if kept else {})}
            attempts += 1
            try:
                return str(self._holder.set(self._client, thing, body).get("etag", ""))
            except GoogleError as error:
                if error.status != httpx.codes.CONFLICT or attempts == CONFLICTS:
                    raise
            self._sleep(FIRST_WAIT_SECONDS * 2 ** min(attempts, 4))


def _binds(binding: Values, wanted: Values) -> bool:
    return bool(binding["role"] == wanted["role"] and binding.get("condition") == wanted.get("condition"))


def _add(bindings: list[Values], wanted: Values) -> None:
    for binding in bindings:
        if _binds(binding, wanted):
            if not any(same_member(wanted["member"], member) for member in binding["members"]):
                binding["members"].append(wanted["member"])
            return
    condition = {"condition": wanted["condition"]} if "condition" in wanted else {}
    bindings.append({"role": wanted["role"], "members": [wanted["member"]], **condition})


def _remove(bindings: list[Values], wanted: Values) -> None:
    for binding in bindings:
        if _binds(binding, wanted):
            binding["members"] = [one for one in binding["members"] if not same_member(wanted["member"], one)]
