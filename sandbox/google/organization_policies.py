"""The organization policies in effect on a project, as far as federation can run into them: list constraints.

An administrator's API to set them is deliberately missing; whoever makes a world sets `Project.constraints`.
https://cloud.google.com/resource-manager/reference/rest/v1/projects/getEffectiveOrgPolicy
"""

from starlette.routing import Route

from sandbox.google.api import Call, endpoint
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import Json, invalid_argument
from sandbox.google.projects import RESOURCE_MANAGER

ALLOW_ALL: Json = {"allValues": "ALLOW"}
"""Of a list constraint that nobody has set."""


def routes(cloud: GoogleCloud) -> list[Route]:
    """The one route, of Cloud Resource Manager v1."""
    path = "/v1/projects/{project}:getEffectiveOrgPolicy"
    return [endpoint(cloud, RESOURCE_MANAGER, "POST", path, effective_policy)]


def effective_policy(call: Call) -> Json:
    """{constraint} → the policy."""
    project = call.cloud.projects.get(call.path["project"])
    call.require("orgpolicy.policy.get", project.resource)
    constraint = call.body.get("constraint", "")
    if not constraint.startswith("constraints/"):
        raise invalid_argument(f"Invalid constraint name: {constraint!r}.")
    return {"constraint": constraint, "listPolicy": project.constraints.get(constraint, ALLOW_ALL)}
