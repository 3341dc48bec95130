"""Who can be a Google service account, and what it may do in its project: from Google's IAM policies."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from doctor.reach.model import Edge, Node
from doctor.reach.trust import kubernetes_node
from federation.google import EVERYONE, OPEN_ID_TOKEN_CREATOR, TOKEN_CREATOR, WORKLOAD_IDENTITY_USER

Bindings = Sequence[Mapping[str, Any]]

TOKEN_ROLES: Final = frozenset({WORKLOAD_IDENTITY_USER, OPEN_ID_TOKEN_CREATOR, TOKEN_CREATOR})
"""They give the account's tokens. https://cloud.google.com/iam/docs/service-account-permissions"""
_POD = re.compile(r"serviceAccount:(?P<project>.+)\.svc\.id\.goog\[(?P<namespace>[^/]+)/(?P<name>[^\]]+)\]")
_ROLE_SUBJECT = re.compile(r"principal://iam\.googleapis\.com/(?P<pool>.+)/subject/(?P<role>arn:.+:role/.+)")


def member_edges(account: Node, bindings: Bindings) -> Iterator[Edge]:
    """Into a service account, from everyone who may get its tokens, but for AWS roles: see `return_edges`."""
    for binding in bindings:
        if binding["role"] not in TOKEN_ROLES:
            continue
        for member in binding["members"]:
            if not _ROLE_SUBJECT.fullmatch(member):
                danger = "anybody at all can be the service account" if member in EVERYONE else ""
                yield Edge(_member(member), account, binding["role"], _condition(binding), danger)


def return_edges(
    roles: Mapping[str, Node], account: Node, bindings: Bindings, provider: Mapping[str, Any] | None
) -> Iterator[Edge]:
    """From AWS roles, by ARN, to the service account that each can be. `provider` is the one of the stack's pool."""
    for binding in bindings:
        for member in binding["members"]:
            named = _ROLE_SUBJECT.fullmatch(member)
            if named is None or binding["role"] not in TOKEN_ROLES:
                continue
            role = roles.get(named["role"]) or Node(
                "role", named["role"], named["role"].rpartition("/")[2], named["role"]
            )
            yield Edge(role, account, binding["role"], (*_passing(named["pool"], provider), *_condition(binding)))


def project_edges(account: Node, project: str, bindings: Bindings) -> Iterator[Edge]:
    """Out of a service account, to what its roles on the project are."""
    for binding in bindings:
        if f"serviceAccount:{account.title}" in binding["members"]:
            resource = Node("resource", f"project {project}", f"project {project}", "Google Cloud")
            yield Edge(account, resource, binding["role"], _condition(binding))


def return_node(email: str) -> Node:
    """A service account as what a role can be."""
    return Node("account", f"return {email}", email, "Google service account")


def _member(member: str) -> Node:
    if pod := _POD.fullmatch(member):
        where = f"any cluster of {pod['project']}"
        found = kubernetes_node(pod["namespace"], pod["name"], where)
        return Node("member", f"member {found.key}", found.title, found.detail)
    kind, _, name = member.partition(":")
    return Node("member", member, name or member, kind if name else "Google")


def _passing(pool: str, provider: Mapping[str, Any] | None) -> Iterator[str]:
    where = f"pool {pool.rpartition('/')[2]}"
    if provider:
        admitted = provider.get("attributeCondition") or "true"
        yield f"{admitted} (provider {provider['name'].rpartition('/')[2]} of {where})"
    else:
        yield f"a provider of {where} admits it"


def _condition(binding: Mapping[str, Any]) -> tuple[str, ...]:
    condition = binding.get("condition")
    return (str(condition["expression"]),) if condition else ()
