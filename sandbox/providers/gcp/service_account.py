"""gcp.serviceaccount.Account.
https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/google_service_account
"""

import re
from collections.abc import Mapping

import httpx
from typing_extensions import override

from federation import google
from sandbox.providers import rules
from sandbox.providers.gcp.client import GoogleError, GoogleSession, guard_deletion, no_project
from sandbox.providers.properties import Failure, Property
from sandbox.providers.resource import ProviderError, Resource
from sandbox.providers.values import UNKNOWN, Values

NAME_CHARACTERS = 30
IDS = tuple(
    re.compile(form)
    for form in (
        r"projects/(?P<project>[^/]+)/serviceAccounts/(?P<email>[^/]+)",
        r"(?P<project>[^/]+)/(?P<email>[^/]+)",
        r"(?P<email>[^/]+)",
    )
)
"""What an import may give as id; the first is the id itself."""

DELETION_POLICY = Property(str, default="DELETE", local=True, rule=rules.one_of("DELETE", "PREVENT", "ABANDON"))
"""The input `deletionPolicy` of Google's resources."""


class Account(Resource):
    """A service account; its id is `projects/P/serviceAccounts/EMAIL`."""

    inputs: Mapping[str, Property] = {
        "accountId": Property(
            str,
            autoname=NAME_CHARACTERS,
            replaces=True,
            rule=rules.matches(
                google.SERVICE_ACCOUNT_ID, "must be 6-30 characters and match [a-z]([-a-z0-9]*[a-z0-9])"
            ),
        ),
        "createIgnoreAlreadyExists": Property(bool, local=True),
        "deletionPolicy": DELETION_POLICY,
        "description": Property(str, rule=rules.length(0, google.SERVICE_ACCOUNT_DESCRIPTION_BYTES)),
        "disabled": Property(bool, default=False),
        "displayName": Property(str),
        "project": Property(str, computed=True, replaces=True),
    }
    outputs = frozenset({"email", "member", "name", "uniqueId"})

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
    def planned(self, inputs: Values, state: Values) -> Values:
        """The real provider knows the e-mail before it creates."""
        if UNKNOWN in (inputs["accountId"], inputs["project"]):
            return {}
        email = google.service_account_email(inputs["accountId"], inputs["project"])
        return {"email": email, "member": f"serviceAccount:{email}"}

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        project, account_id = inputs["project"], inputs["accountId"]
        account = {key: inputs[key] for key in ("displayName", "description") if key in inputs}
        name = f"projects/{project}/serviceAccounts/{google.service_account_email(account_id, project)}"
        try:
            body = {"accountId": account_id, "serviceAccount": account}
            name = self._client.call("POST", f"/v1/projects/{project}/serviceAccounts", body)["name"]
        except GoogleError as error:
            if error.status != httpx.codes.CONFLICT or not inputs.get("createIgnoreAlreadyExists"):
                raise ProviderError(f"Error creating service account: {error}") from error
        return name, _state(self._client.wait_until_visible(f"/v1/{name}"))

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        found = self._client.find(f"/v1/{self._full_id(resource_id)}")
        return None if found is None else (found["name"], _state(found))

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        if inputs["disabled"] != state.get("disabled", False):
            self._client.call("POST", f"/v1/{resource_id}:{'disable' if inputs['disabled'] else 'enable'}", {})
        texts = {"displayName": "display_name", "description": "description"}
        mask = [mask for key, mask in texts.items() if state.get(key, "") != inputs.get(key, "")]
        if mask:
            etag = self._client.call("GET", f"/v1/{resource_id}").get("etag", "")
            account = {**{key: inputs.get(key, "") for key in texts}, "etag": etag}
            self._client.call("PATCH", f"/v1/{resource_id}", {"serviceAccount": account, "updateMask": ",".join(mask)})
        return _state(self._client.call("GET", f"/v1/{resource_id}"))

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        if guard_deletion("service account", state):
            self._client.delete(f"/v1/{resource_id}")

    def _full_id(self, given: str) -> str:
        for form in IDS:
            if match := form.fullmatch(given):
                parts = {"project": self._session.settings.get("project", "-"), **match.groupdict()}
                return f"projects/{parts['project']}/serviceAccounts/{parts['email']}"
        raise ProviderError(f"the id of a service account is projects/PROJECT/serviceAccounts/EMAIL, got {given!r}")


def _state(account: Values) -> Values:
    email = account["email"]
    return {
        "accountId": email.partition("@")[0],
        "description": account.get("description", ""),
        "disabled": account.get("disabled", False),
        "displayName": account.get("displayName", ""),
        "email": email,
        "member": f"serviceAccount:{email}",
        "name": account["name"],
        "project": account["projectId"],
        "uniqueId": account["uniqueId"],
    }
