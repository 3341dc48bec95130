"""The `pulumi import` that adopts what is there already as the program's own resources, under its components.

The names are those that `components` gives; a test on the real engine holds the two together.
"""

import json
import shlex
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Resource:
    """A resource of the program. Without an id it is a component, which exists only in the state."""

    type: str
    name: str
    parent: str | None = None
    id: str | None = None

    def entry(self) -> dict[str, Any]:
        """As an import file has it. https://www.pulumi.com/docs/iac/guides/migration/import/"""
        what: dict[str, Any] = {"type": self.type, "name": self.name}
        what |= {"id": self.id} if self.id else {"component": True}
        return {**what, "parent": self.parent} if self.parent else what


def adopt_command(stack: str, resources: list[Resource]) -> str:
    """A shell command that puts resources into the stack's state, and changes nothing in a cloud."""
    content = json.dumps({"resources": [resource.entry() for resource in resources]})
    return (
        f"echo {shlex.quote(content)} > adopt.json && pulumi import --file adopt.json --protect=false"
        f" --generate-code=false --yes --stack {stack}"
    )


def pool_resources(*, pool: str | None, provider: str | None) -> list[Resource]:
    """The workload identity pool and its provider, by resource names with the project's id; None: not that one."""
    component = Resource("gcpawswif:gcp:WorkloadIdentityPool", "workload-identity")
    resources = [component]
    for kind, name in (("", pool), ("Provider", provider)):
        if name:
            type_ = f"gcp:iam/workloadIdentityPool{kind}:WorkloadIdentityPool{kind}"
            resources.append(Resource(type_, f"workload-identity-{(kind or 'pool').lower()}", component.name, name))
    return resources


def service_account_resources(workload: str, resource_name: str) -> list[Resource]:
    """A workload's service account, by its resource name `projects/P/serviceAccounts/EMAIL`."""
    return [
        Resource("gcpawswif:index:FederatedWorkload", workload),
        Resource("gcpawswif:gcp:ServiceAccount", f"{workload}-gcp", workload),
        Resource("gcp:serviceaccount/account:Account", f"{workload}-gcp-account", f"{workload}-gcp", resource_name),
    ]


def role_resources(workload: str, role_name: str) -> list[Resource]:
    """A workload's AWS role."""
    return [
        Resource("gcpawswif:index:FederatedWorkload", workload),
        Resource("gcpawswif:aws:WorkloadRole", f"{workload}-aws", workload),
        Resource("aws:iam/role:Role", f"{workload}-aws-role", f"{workload}-aws", role_name),
    ]
