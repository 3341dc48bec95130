"""Why a route was refused until the end: what is written is held against what was refused.

If what is written would admit the token, a cloud is still spreading it, and the doctor says which one; if not, waiting
is no help, and the finding says what to change. Pure: what is written is given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from doctor.catalogue import CATALOGUE, recognise
from doctor.clouds.cloud import CloudError, Unread
from doctor.explain.explain import Request, explain
from doctor.explain.way_back import Case, explain_way_back
from doctor.findings import Finding
from doctor.oidc_providers import OidcProvider
from doctor.roles import Role
from doctor.token.tokens import parse_token
from doctor.verify.routes import RefusedError
from federation.google import OPEN_ID_TOKEN_CREATOR, TOKEN_CREATOR, WORKLOAD_IDENTITY_USER
from federation.outcome import FAIL, PASS

SPREADING: Final = frozenset({"D9", "D10", "D13"})
"""Problems that waiting mends."""
TOKEN_ROLES: Final = frozenset({WORKLOAD_IDENTITY_USER, OPEN_ID_TOKEN_CREATOR, TOKEN_CREATOR})


@dataclass(frozen=True)
class WrittenRole:
    """A role as IAM shows it now, and its account's OIDC providers; None: there is no such role."""

    role: Role | Unread | None
    providers: Sequence[OidcProvider] | Unread


@dataclass(frozen=True)
class WrittenAccount:
    """A service account as Google's IAM shows it now, and the bindings of its policy; None: there is none."""

    account: Mapping[str, Any] | Unread | None
    bindings: Sequence[Mapping[str, Any]] | Unread


def aws_refusal(subject: str, refused: RefusedError, written: WrittenRole, now: float) -> Finding:
    """Why AWS refused a token."""
    if isinstance(written.role, Unread):
        return by_words(subject, refused, f"; the role can't be read: {written.role.reason}")
    if written.role is None:
        return _problem("D1", subject, f"there is no role {subject}", "run `pulumi up --refresh`, which makes it anew")
    providers = None if isinstance(written.providers, Unread) else written.providers
    findings = explain(parse_token(refused.token or ""), written.role, Request(now, providers)).findings
    if wrong := [finding for finding in findings if finding.outcome is not PASS and finding.id != "D9"]:
        return _as_failure(subject, wrong[0])
    if refused.code != "AccessDenied":
        return by_words(subject, refused, "")
    return _problem(
        "D9",
        subject,
        f"AWS is still spreading the role: it says {refused.code}, and the trust policy admits this token",
    )


def google_refusal(subject: str, refused: CloudError, written: WrittenAccount, members: Sequence[str]) -> Finding:
    """Why Google gave no token of a service account to one of `members`, whoever of them asked."""
    if isinstance(written.account, Unread) or isinstance(written.bindings, Unread):
        return by_words(subject, refused, "")
    if written.account is None:
        return Finding(FAIL, subject, "there is no such service account", fix="run `pulumi up --refresh`")
    email = written.account["email"]
    if written.account.get("disabled"):
        return Finding(FAIL, subject, f"{email} is disabled", fix=f"gcloud iam service-accounts enable {email}")
    granted = {
        member for binding in written.bindings if binding["role"] in TOKEN_ROLES for member in binding["members"]
    }
    if admitted := sorted(granted & set(members)):
        said = f"Google is still spreading the binding: the policy of {email} lets {admitted[0]} be it, and it says"
        return _problem("D10", subject, f"{said} {refused}")
    role = WORKLOAD_IDENTITY_USER if members[0].endswith("]") else OPEN_ID_TOKEN_CREATOR
    return Finding(
        FAIL,
        subject,
        f"the policy of {email} lets none of {', '.join(members)} be it",
        fix=f"gcloud iam service-accounts add-iam-policy-binding {email} --role={role} --member='{members[0]}'",
        source="https://cloud.google.com/iam/docs/service-account-permissions",
    )


def way_back_refusal(subject: str, refused: CloudError, case: Case | Unread) -> Finding:
    """Why Google did not let a session of the role be the service account. The case is as both are written now."""
    if isinstance(case, Unread):
        return by_words(subject, refused, "")
    if wrong := [finding for finding in explain_way_back(case).findings if finding.outcome is not PASS]:
        return _as_failure(subject, wrong[0])
    return _problem("D10", subject, f"Google is still spreading it: as written, the role may be the account. {refused}")


def by_words(subject: str, refused: CloudError, remark: str) -> Finding:
    """What a refusal means by its words alone."""
    problem = recognise(str(refused))
    said = f"{refused}{remark}"
    return _problem(problem.id, subject, said) if problem else Finding(FAIL, subject, said)


def _as_failure(subject: str, finding: Finding) -> Finding:
    """What an explanation found, of a step that did fail."""
    return replace(finding, outcome=FAIL, subject=subject, said=f"{finding.subject}: {finding.said}")


def _problem(catalogue_id: str, subject: str, said: str, fix: str = "") -> Finding:
    problem = CATALOGUE[catalogue_id]
    return Finding(FAIL, subject, said, problem.id, fix or problem.fix, problem.source)
