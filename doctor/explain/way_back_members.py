"""Whether a service account's IAM policy lets a federated principal use the account.

https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds#service-account-impersonation
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from doctor.catalogue import CATALOGUE
from doctor.findings import Finding
from doctor.google_files import Binding
from federation.google import EVERYONE, TOKEN_CREATOR, WORKLOAD_IDENTITY_USER
from federation.outcome import FAIL, PASS, UNKNOWN

SUBJECT: Final = "service account's IAM policy"
_ROLES: Final = (WORKLOAD_IDENTITY_USER, TOKEN_CREATOR)
"""Those that have iam.serviceAccounts.getAccessToken. https://cloud.google.com/iam/docs/service-account-permissions"""
_ARN_IN_MEMBER: Final = re.compile(r"(?P<before>.*/subject/)(?P<arn>arn:.+)")


def member_findings(member: str, sets: frozenset[str], bindings: Sequence[Binding]) -> Iterator[Finding]:
    """D24 when no binding means the principal; unknown when a binding has a condition.

    `member` is the principal, `sets` are the principal sets that it is in.
    """
    problem = CATALOGUE["D24"]
    fix = (
        f"gcloud iam service-accounts add-iam-policy-binding EMAIL --role={WORKLOAD_IDENTITY_USER} --member='{member}'"
    )
    meant = {member} | sets | EVERYONE
    matching = [each for each in bindings if not meant.isdisjoint(each.members)]
    enough = [each for each in matching if each.role in _ROLES]
    if any(not each.condition for each in enough):
        yield from _admitted(member, sets, enough)
    elif enough:
        yield Finding(UNKNOWN, SUBJECT, "binds the principal on a condition, which is not evaluated here", problem.id)
    elif matching:
        roles = ", ".join(sorted({each.role for each in matching}))
        said = f"gives the principal {roles}; whether that has iam.serviceAccounts.getAccessToken is not known here"
        yield Finding(UNKNOWN, SUBJECT, said, problem.id, fix, problem.source)
    else:
        yield Finding(
            FAIL, SUBJECT, f"gives the principal no role: {_near(member, bindings)}", problem.id, fix, problem.source
        )


def _admitted(member: str, sets: frozenset[str], bindings: Sequence[Binding]) -> Iterator[Finding]:
    members = {each for binding in bindings for each in binding.members}
    if member in members:
        yield Finding(PASS, SUBJECT, f"names the principal: {member}")
        return
    wide = sorted((sets | EVERYONE) & members)
    yield Finding(PASS, SUBJECT, f"includes the principal: {wide[0]}")


def _near(member: str, bindings: Sequence[Binding]) -> str:
    """What stands in its place, if something nearly right does."""
    own = [each for binding in bindings if binding.role in _ROLES for each in binding.members]
    subject = member.rpartition("/subject/")[2]
    for each in own:
        if each.startswith("deleted:"):
            return f"{each} is one that was deleted"
        if not each.startswith("principal"):
            continue
        of_each = each.rpartition("/subject/")[2]
        if of_each == subject:
            return f"{each} has the same subject in another pool, or the project's id in place of its number"
        parts = _ARN_IN_MEMBER.fullmatch(each)
        if parts and ":assumed-role/" in parts["arn"]:
            return f"{each} names a session, and the mapping makes {subject} of it"
        if of_each.lower() == subject.lower():
            return f"{each} differs in upper and lower case"
    accounts = [each for each in own if each.startswith("serviceAccount:") and "[" not in each]
    if accounts:
        return f"it names {accounts[0]}, not the AWS identity"
    return f"{WORKLOAD_IDENTITY_USER} is held by {', '.join(own) or 'nobody'}"
