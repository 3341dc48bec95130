"""Who can present a token that a role's trust policy takes: the policy's subjects, as identities.

It deliberately does not decide whether a statement is safe: `doctor.lint.lint` asks the evaluator that, and its word is
taken. A statement with Deny or NotPrincipal is shown as it is written, never left out.
"""

import re
from collections.abc import Iterator, Mapping

from doctor.lint.lint import lint_trust_policy
from doctor.reach.model import Edge, Node
from doctor.roles import Role
from federation.aws import BUILT_IN_OIDC_HOSTS
from federation.outcome import PASS
from federation.policy import Condition, PolicyStatement, Principal
from federation.trust import GOOGLE_PRINCIPAL

_PROVIDER_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/(?P<provider>.+)")
_KUBERNETES_SUBJECT = re.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)")
_GKE_PROVIDER = re.compile(r"container\.googleapis\.com/v1/projects/(?P<project>[^/]+)/.*clusters/(?P<cluster>[^/]+)")
_EXACT = ("StringEquals", "ForAnyValue:StringEquals")
_WORDS: Mapping[str, str] = {"StringEquals": "is", "StringLike": "is like"}


def role_node(role: Role) -> Node:
    """A role as the map has it."""
    return Node("role", role.arn or role.name, role.name, role.arn or "")


def trust_edges(role: Role, emails: Mapping[str, str]) -> Iterator[Edge]:
    """Into a role, from everyone that its trust policy names. `emails` are known ones by unique id."""
    dangers = {
        finding.subject.rpartition("Statement[")[2].partition("]")[0]: finding.said
        for finding in lint_trust_policy(role.policy, 0, role.name)
        if finding.outcome is not PASS and finding.severity in ("critical", "high")
    }
    for position, statement in enumerate(role.policy.statements):
        for principal in statement.principals:
            for source in _sources(statement, principal, emails):
                yield Edge(
                    source,
                    role_node(role),
                    _how(statement),
                    tuple(_in_words(condition) for condition in statement.conditions),
                    dangers.get(str(position), "") if statement.effect == "Allow" else "",
                )


def is_federated(role: Role) -> bool:
    """Whether anyone with a web identity token is named in the role's trust."""
    return any(
        _provider(principal) or principal.value == "*"
        for statement in role.policy.statements
        for principal in statement.principals
    )


def kubernetes_node(namespace: str, name: str, where: str) -> Node:
    """A Kubernetes service account; `where` is its project or cluster."""
    return Node("identity", f"kubernetes {where} {namespace}/{name}", f"{namespace}/{name}", f"Kubernetes, {where}")


def google_node(email: str | None, unique_id: str) -> Node:
    """A Google service account that presents its ID token."""
    return Node("identity", f"google {unique_id}", email or unique_id, f"Google service account {unique_id}")


def _how(statement: PolicyStatement) -> str:
    how = f"sts:AssumeRoleWithWebIdentity{f' ({statement.sid})' if statement.sid else ''}"
    if statement.other_principals:
        how = f"everyone but this (NotPrincipal), {how}"
    return how if statement.effect == "Allow" else f"Deny, {how}"


def _sources(statement: PolicyStatement, principal: Principal, emails: Mapping[str, str]) -> Iterator[Node]:
    provider = _provider(principal)
    if provider is None:
        kind = "anyone" if principal.value == "*" else "identity"
        yield Node(kind, f"{principal.kind} {principal.value}", principal.value, f"{principal.kind} principal")  # type: ignore[arg-type]
        return
    pinned = [each for each in statement.conditions if each.key.lower() == f"{provider.lower()}:sub"]
    subjects = [value for each in pinned for value in each.values if each.operator in _EXACT]
    if not subjects:
        patterns = [value for each in pinned for value in each.values]
        title = f"any subject like {', '.join(patterns)}" if patterns else "any subject"
        yield Node("anyone", f"anyone {provider} {title}", title, f"of {provider}")
    for subject in subjects:
        yield _identity(provider, subject, {**_emails_beside(statement, subject), **emails})


def _identity(provider: str, subject: str, emails: Mapping[str, str]) -> Node:
    if provider == GOOGLE_PRINCIPAL:
        return google_node(emails.get(subject), subject)
    if kubernetes := _KUBERNETES_SUBJECT.fullmatch(subject):
        gke = _GKE_PROVIDER.fullmatch(provider)
        where = f"cluster {gke['cluster']} of {gke['project']}" if gke else provider
        return kubernetes_node(kubernetes["namespace"], kubernetes["name"], where)
    return Node("identity", f"{provider} {subject}", subject, f"of {provider}")


def _emails_beside(statement: PolicyStatement, unique_id: str) -> Mapping[str, str]:
    """The e-mail that the same statement pins beside a unique id under :aud, as this program's policies do."""
    beside = [
        value
        for condition in statement.conditions
        for value in condition.values
        if condition.key.lower() == f"{GOOGLE_PRINCIPAL}:aud" and "@" in value
    ]
    return {unique_id: beside[0]} if len(beside) == 1 else {}


def _provider(principal: Principal) -> str | None:
    """The issuer without https:// that a principal stands for; None for one that presents no web identity token."""
    if principal.kind != "Federated":
        return None
    if principal.value in BUILT_IN_OIDC_HOSTS:
        return principal.value
    arn = _PROVIDER_ARN.fullmatch(principal.value)
    return arn["provider"] if arn else None


def _in_words(condition: Condition) -> str:
    return f"{condition.key} {_WORDS.get(condition.operator, condition.operator)} {' or '.join(condition.values)}"
