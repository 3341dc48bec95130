"""Cloud Resource Manager v1 and v3, Cloud Billing and Service Usage, as far as a provider asks about a project.

Projects can't be created here; `GoogleCloud.add_project` makes one.
"""

from starlette.routing import Route

from sandbox.google.api import Call, Endpoint, endpoint, timestamp
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import Json, invalid_argument, not_found
from sandbox.google.members import check_member
from sandbox.google.projects import BILLING, RESOURCE_MANAGER, SERVICE_TITLES, SERVICE_USAGE, Project

CREATED = 1_700_000_000.0
ORGANIZATION = "123456789012"
BILLING_ACCOUNT = "billingAccounts/01AB23-CD45EF-67AB89"


def routes(cloud: GoogleCloud) -> list[Route]:
    """The routes of these services."""
    manager: list[tuple[str, str, Endpoint]] = [
        ("POST", "/v1/projects/{project}:getIamPolicy", get_policy),
        ("POST", "/v3/projects/{project}:getIamPolicy", get_policy),
        ("POST", "/v1/projects/{project}:setIamPolicy", set_policy),
        ("POST", "/v3/projects/{project}:setIamPolicy", set_policy),
        ("POST", "/v1/projects/{project}:testIamPermissions", held_permissions),
        ("POST", "/v3/projects/{project}:testIamPermissions", held_permissions),
        ("GET", "/v1/projects/{project}", get_project_v1),
        ("GET", "/v3/projects/{project}", get_project_v3),
    ]
    usage: list[tuple[str, str, Endpoint]] = [
        ("GET", "/v1/projects/{project}/services", list_services),
        ("POST", "/v1/projects/{project}/services/{service}:enable", enable_service),
        ("POST", "/v1/projects/{project}/services/{service}:disable", disable_service),
        ("GET", "/v1/projects/{project}/services/{service}", get_service),
    ]
    return [
        *(endpoint(cloud, RESOURCE_MANAGER, method, path, answer) for method, path, answer in manager),
        *(endpoint(cloud, SERVICE_USAGE, method, path, answer) for method, path, answer in usage),
        endpoint(cloud, BILLING, "GET", "/v1/projects/{project}/billingInfo", get_billing),
    ]


def get_project_v1(call: Call) -> Json:
    """https://cloud.google.com/resource-manager/reference/rest/v1/projects/get"""
    project = _project(call, "resourcemanager.projects.get")
    return {
        "projectNumber": project.number,
        "projectId": project.id,
        "lifecycleState": "ACTIVE",
        "name": project.id,
        "createTime": timestamp(CREATED),
        "parent": {"type": "organization", "id": ORGANIZATION},
    }


def get_project_v3(call: Call) -> Json:
    """https://cloud.google.com/resource-manager/reference/rest/v3/projects/get"""
    project = _project(call, "resourcemanager.projects.get")
    return {
        "name": f"projects/{project.number}",
        "parent": f"organizations/{ORGANIZATION}",
        "projectId": project.id,
        "state": "ACTIVE",
        "displayName": project.id,
        "createTime": timestamp(CREATED),
        "updateTime": timestamp(CREATED),
        "etag": 'W/"sandbox"',
    }


def get_policy(call: Call) -> Json:
    """https://cloud.google.com/resource-manager/reference/rest/v1/projects/getIamPolicy"""
    project = _project(call, "resourcemanager.projects.getIamPolicy")
    return call.cloud.policies.read(project.resource)


def set_policy(call: Call) -> Json:
    """https://cloud.google.com/resource-manager/reference/rest/v1/projects/setIamPolicy"""
    project = _project(call, "resourcemanager.projects.setIamPolicy")
    return call.cloud.policies.write(
        project.resource, call.body.get("policy") or {}, lambda member: check_member(call.cloud, member)
    )


def held_permissions(call: Call) -> Json:
    """Which of the given permissions the caller has.
    https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions
    """
    project = call.cloud.projects.get(call.path["project"])
    asked = call.body.get("permissions") or []
    held = [permission for permission in asked if call.cloud.allows(call.caller, permission, project.resource)]
    return {"permissions": held} if held else {}


def get_billing(call: Call) -> Json:
    """https://cloud.google.com/billing/docs/reference/rest/v1/projects/getBillingInfo"""
    project = _project(call, "resourcemanager.projects.get")
    return {
        "name": f"projects/{project.id}/billingInfo",
        "projectId": project.id,
        "billingAccountName": BILLING_ACCOUNT,
        "billingEnabled": True,
    }


def list_services(call: Call) -> Json:
    """https://cloud.google.com/service-usage/docs/reference/rest/v1/services/list"""
    project = _project(call, "serviceusage.services.list")
    wanted = call.query.get("filter", "").removeprefix("state:")
    if wanted not in {"", "ENABLED", "DISABLED"}:
        raise invalid_argument(f"Invalid filter: {call.query['filter']}")
    services = [_service(project, name) for name in SERVICE_TITLES]
    return {"services": [service for service in services if wanted in {"", service["state"]}]}


def get_service(call: Call) -> Json:
    """https://cloud.google.com/service-usage/docs/reference/rest/v1/services/get"""
    return _service(_project(call, "serviceusage.services.get"), _service_name(call))


def enable_service(call: Call) -> Json:
    """https://cloud.google.com/service-usage/docs/reference/rest/v1/services/enable"""
    project = _project(call, "serviceusage.services.enable")
    project.enabled_services.add(_service_name(call))
    return _done(_service(project, _service_name(call)))


def disable_service(call: Call) -> Json:
    """https://cloud.google.com/service-usage/docs/reference/rest/v1/services/disable"""
    project = _project(call, "serviceusage.services.disable")
    project.enabled_services.discard(_service_name(call))
    return _done(_service(project, _service_name(call)))


def _project(call: Call, permission: str) -> Project:
    project = call.cloud.projects.get(call.path["project"])
    call.require(permission, project.resource)
    return project


def _service_name(call: Call) -> str:
    name = call.path["service"]
    if name not in SERVICE_TITLES:
        raise not_found(f"The sandbox has no API named {name}.")
    return name


def _service(project: Project, name: str) -> Json:
    return {
        "name": f"projects/{project.number}/services/{name}",
        "config": {"name": name, "title": SERVICE_TITLES[name]},
        "state": "ENABLED" if name in project.enabled_services else "DISABLED",
        "parent": f"projects/{project.number}",
    }


def _done(service: Json) -> Json:
    return {"name": "operations/noop.DONE_OPERATION", "done": True, "response": {"service": service}}
