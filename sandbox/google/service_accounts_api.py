"""IAM API v1, service accounts and their policies.
https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts
"""

from starlette.routing import Route

from sandbox.google.api import Call, Endpoint, endpoint
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import GoogleError, Json, aborted, failed_precondition, invalid_argument, not_found
from sandbox.google.members import check_member
from sandbox.google.projects import IAM
from sandbox.google.service_accounts import ServiceAccount

COLLECTION = "/v1/projects/{project}/serviceAccounts"
UPDATABLE = {"display_name": "displayName", "displayName": "displayName", "description": "description"}


def routes(cloud: GoogleCloud) -> list[Route]:
    """The routes of this API."""
    answers: list[tuple[str, str, Endpoint]] = [
        ("POST", COLLECTION, create),
        ("GET", COLLECTION, list_accounts),
        ("POST", COLLECTION + "/{account}:getIamPolicy", get_policy),
        ("POST", COLLECTION + "/{account}:setIamPolicy", set_policy),
        ("POST", COLLECTION + "/{account}:testIamPermissions", held_permissions),
        ("POST", COLLECTION + "/{account}:enable", enable),
        ("POST", COLLECTION + "/{account}:disable", disable),
        ("POST", COLLECTION + "/{account}:undelete", undelete),
        ("GET", COLLECTION + "/{account}/keys", list_keys),
        ("POST", COLLECTION + "/{account}/keys", create_key),
        ("GET", COLLECTION + "/{account}", get),
        ("PATCH", COLLECTION + "/{account}", patch),
        ("DELETE", COLLECTION + "/{account}", delete),
    ]
    return [endpoint(cloud, IAM, method, path, answer) for method, path, answer in answers]


def create(call: Call) -> Json:
    """{accountId, serviceAccount: {displayName, description}} → the account."""
    project = call.cloud.projects.get(call.path["project"])
    call.require("iam.serviceAccounts.create", project.resource)
    wanted = call.body.get("serviceAccount") or {}
    account = call.cloud.service_accounts.create(
        project, call.body.get("accountId", ""), wanted.get("displayName", ""), wanted.get("description", "")
    )
    return account.to_json()


def list_accounts(call: Call) -> Json:
    """All accounts of the project, on one page."""
    project = call.cloud.projects.get(call.path["project"])
    call.require("iam.serviceAccounts.list", project.resource)
    accounts = call.cloud.service_accounts.accounts_of(project)
    return {"accounts": [account.to_json() for account in accounts]} if accounts else {}


def get(call: Call) -> Json:
    """The account."""
    return _account(call, "iam.serviceAccounts.get").to_json()


def patch(call: Call) -> Json:
    """{serviceAccount: {…, etag}, updateMask} → the account."""
    account = _account(call, "iam.serviceAccounts.update")
    wanted = call.body.get("serviceAccount") or {}
    if wanted.get("etag") not in {None, account.etag}:
        raise aborted("The etag of the service account did not match: it was changed in between. Read it again.")
    fields = [name for name in call.body.get("updateMask", "").split(",") if name]
    if not fields:
        raise invalid_argument("The update_mask is required.")
    if unknown := [name for name in fields if name not in UPDATABLE]:
        raise invalid_argument(f"The update_mask has fields that can't be updated: {', '.join(unknown)}.")
    call.cloud.service_accounts.update(account, {UPDATABLE[name]: wanted.get(UPDATABLE[name], "") for name in fields})
    return account.to_json()


def delete(call: Call) -> Json:
    """Deletes; undelete works for 30 days."""
    call.cloud.service_accounts.delete(_account(call, "iam.serviceAccounts.delete"))
    return {}


def undelete(call: Call) -> Json:
    """The path names the account by its unique id."""
    project = call.cloud.projects.get(call.path["project"])
    call.require("iam.serviceAccounts.undelete", project.resource)
    return {"restoredAccount": call.cloud.service_accounts.undelete(call.path["account"]).to_json()}


def enable(call: Call) -> Json:
    """Lets the account authenticate again."""
    _account(call, "iam.serviceAccounts.enable").disabled = False
    return {}


def disable(call: Call) -> Json:
    """Stops the account from authenticating."""
    _account(call, "iam.serviceAccounts.disable").disabled = True
    return {}


def list_keys(call: Call) -> Json:
    """The account's keys: none, and of those that Google manages the sandbox shows nothing."""
    _account(call, "iam.serviceAccountKeys.list")
    return {}


def create_key(call: Call) -> Json:
    """Refused, as by the organization policy iam.disableServiceAccountKeyCreation.
    https://cloud.google.com/resource-manager/docs/organization-policy/restricting-service-accounts
    """
    _account(call, "iam.serviceAccountKeys.create")
    raise failed_precondition("Key creation is not allowed on this service account.")


def get_policy(call: Call) -> Json:
    """Who may act as, or administer, the account."""
    return call.cloud.policies.read(_account(call, "iam.serviceAccounts.getIamPolicy").resource)


def set_policy(call: Call) -> Json:
    """{policy: {bindings, etag, version}} → the policy."""
    account = _account(call, "iam.serviceAccounts.setIamPolicy")
    return call.cloud.policies.write(
        account.resource, call.body.get("policy") or {}, lambda member: check_member(call.cloud, member)
    )


def held_permissions(call: Call) -> Json:
    """Which of the given permissions the caller has on the account (testIamPermissions)."""
    account = _find(call)
    if account is None:
        raise _unknown(call)
    asked = call.body.get("permissions") or []
    resources = (account.resource, account.project.resource)
    held = [permission for permission in asked if call.cloud.allows(call.caller, permission, *resources)]
    return {"permissions": held} if held else {}


def _account(call: Call, permission: str) -> ServiceAccount:
    account = _find(call)
    if account is None:
        project = call.cloud.projects.find(call.path["project"])
        call.require(permission, *([project.resource] if project else []))
        raise _unknown(call)
    call.require(permission, account.resource, account.project.resource)
    return account


def _find(call: Call) -> ServiceAccount | None:
    account = call.cloud.service_accounts.find(call.path["account"])
    wildcard = call.path["project"] == "-"
    if account and (wildcard or call.path["project"] in {account.project.id, account.project.number}):
        return account
    return None


def _unknown(call: Call) -> GoogleError:
    name = f"projects/{call.path['project']}/serviceAccounts/{call.path['account']}"
    return not_found(f"Service account {name} does not exist.")
