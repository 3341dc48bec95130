"""Reads what a map is made of: roles and their policies, service accounts and their bindings."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from doctor.clouds import aws_api
from doctor.clouds.aws_api import aws_errors
from doctor.clouds.cloud import Unread, read
from doctor.clouds.google_api import IAM, RESOURCE_MANAGER, GoogleApi
from doctor.clouds.live_roles import all_roles, iam_client, role_of_arn
from doctor.reach.bindings import member_edges, project_edges, return_edges, return_node
from doctor.reach.model import Edge, Node, ReachMap, in_order
from doctor.reach.permissions import RolePolicy, permission_edges
from doctor.reach.trust import google_node, is_federated, role_node, trust_edges
from doctor.roles import Role
from doctor.stack import Stack, made_outputs
from doctor.verify.workload import MadeWorkload, made_workloads

Say = Callable[[str], None]


def stack_map(stack: Stack, say: Say) -> ReachMap:
    """What a stack's workloads reach. Raises UsageError for a stack that is not up, CloudError without credentials."""
    outputs = made_outputs(stack)
    workloads = made_workloads(stack.settings, outputs)
    emails = {
        made["gcp_service_account_unique_id"]: made["gcp_service_account_email"]
        for made in outputs["workloads"].values()
        if made["gcp_service_account_email"]
    }
    collected = _Collected(emails)
    iam = aws_api.client("iam", stack.settings.region)
    for workload in workloads:
        say(f"reading the role of {workload.name}")
        role = read(partial(role_of_arn, iam, workload.role_arn))
        if role is None:
            collected.unread.append(f"there is no role {workload.role_arn}")
        elif isinstance(role, Unread):
            collected.unread.append(role.reason)
        else:
            collected.add_role(iam, role)
    google = GoogleApi.from_environment()
    say("reading who may be the service accounts")
    for workload in workloads:
        if workload.email:
            collected.add_account(google, workload, outputs.get("workload_identity_provider"))
    return ReachMap(f"Stack {stack.name}", in_order(collected.edges), tuple(dict.fromkeys(collected.unread)))


def account_map(say: Say) -> ReachMap:
    """What web identities reach in a live account, by all of its roles. Raises CloudError."""
    iam = iam_client()
    say("listing the account's roles")
    roles = [role for role in all_roles(iam) if is_federated(role)]
    collected = _Collected({})
    for role in roles:
        say(f"reading the policies of {role.name}")
        collected.add_role(iam, role)
    account_id = next((role.account_id for role in roles if role.account_id), "without federated roles")
    return ReachMap(f"AWS account {account_id}", in_order(collected.edges), tuple(collected.unread))


class _Collected:
    """The edges of a map in the making."""

    def __init__(self, emails: Mapping[str, str]) -> None:
        self.edges: list[Edge] = []
        self.unread: list[str] = []
        self._emails = emails
        self._roles: dict[str, Node] = {}

    def add_role(self, iam: Any, role: Role) -> None:
        """A role with whom it trusts and what it may use."""
        node = role_node(role)
        self._roles[node.key] = node
        self.edges.extend(trust_edges(role, self._emails))
        policies = self._known(read(partial(_policies, iam, role.name)))
        self.edges.extend(permission_edges(node, policies or ()))

    def add_account(self, google: GoogleApi, workload: MadeWorkload, provider_name: str | None) -> None:
        """A workload's service account with who can be it, AWS roles among them, and what it may do."""
        email = workload.email or ""
        unique_id = next((unique_id for unique_id, known in self._emails.items() if known == email), email)
        bindings = self._known(read(partial(_bindings, google, IAM, f"projects/-/serviceAccounts/{email}"))) or []
        provider = self._known(read(partial(google.find, IAM, provider_name))) if provider_name else None
        if "google" in workload.routes:
            self.edges.extend(member_edges(google_node(email, unique_id), bindings))
        returning = list(return_edges(self._roles, return_node(email), bindings, provider))
        self.edges.extend(returning)
        if returning:
            project = email.partition("@")[2].partition(".")[0]
            of_project = self._known(read(partial(_bindings, google, RESOURCE_MANAGER, f"projects/{project}"))) or []
            self.edges.extend(project_edges(return_node(email), project, of_project))

    def _known(self, answer: Any) -> Any:
        """The answer, or None, noted, when there is none."""
        if isinstance(answer, Unread):
            self.unread.append(answer.reason)
            return None
        return answer


def _bindings(google: GoogleApi, service: Any, resource: str) -> list[Mapping[str, Any]]:
    bindings: list[Mapping[str, Any]] = google.post(service, f"{resource}:getIamPolicy").get("bindings", [])
    return bindings


def _policies(iam: Any, role_name: str) -> list[RolePolicy]:
    """Inline first, then attached ones in their version in effect."""
    with aws_errors():
        return [*_inline_policies(iam, role_name), *_attached_policies(iam, role_name)]


def _inline_policies(iam: Any, role_name: str) -> Iterator[RolePolicy]:
    for name in _items(iam, "list_role_policies", "PolicyNames", role_name):
        yield RolePolicy(name, iam.get_role_policy(RoleName=role_name, PolicyName=name)["PolicyDocument"])


def _attached_policies(iam: Any, role_name: str) -> Iterator[RolePolicy]:
    for attached in _items(iam, "list_attached_role_policies", "AttachedPolicies", role_name):
        arn = attached["PolicyArn"]
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
        yield RolePolicy(attached["PolicyName"], document)


def _items(iam: Any, operation: str, key: str, role_name: str) -> Iterable[Any]:
    for page in iam.get_paginator(operation).paginate(RoleName=role_name):
        yield from page[key]
