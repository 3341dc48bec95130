"""Whether the caller and the project may do on Google Cloud what `pulumi up` does: pure functions of what was read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import Unread
from doctor.clouds.google_api import SIGN_IN
from doctor.findings import Finding
from doctor.preflight.google_reads import (
    ACCOUNTS_CONSTRAINT,
    PROVIDERS_CONSTRAINT,
    needed_permissions,
    needed_services,
)
from federation.outcome import FAIL, PASS, UNKNOWN, Outcome
from federation.settings import Settings

ROLE_WITH: Final = {
    "container": "roles/container.clusterAdmin",
    "iam.serviceAccounts": "roles/iam.serviceAccountAdmin",
    "iam.workloadIdentityPools": "roles/iam.workloadIdentityPoolAdmin",
    "iam.workloadIdentityPoolProviders": "roles/iam.workloadIdentityPoolAdmin",
}
"""A predefined role that has the permissions of a collection. https://cloud.google.com/iam/docs/roles-permissions"""

AWS_STS_ISSUER: Final = "https://sts.amazonaws.com"
"""How an organization policy names AWS accounts' providers of kind aws.
https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers#restrict"""


def check_caller(caller: str | Unread | None) -> Finding:
    """Who `pulumi up` would be on Google Cloud."""
    subject = "Google credentials"
    if isinstance(caller, Unread):
        if caller.code == "UNAUTHENTICATED":
            return Finding(FAIL, subject, caller.reason, fix=SIGN_IN)
        return Finding(UNKNOWN, subject, f"they were found, but not whose they are: {caller.reason}")
    if caller is None:
        return Finding(UNKNOWN, subject, "Google takes them, and does not say whose they are")
    return Finding(PASS, subject, f"of {caller}")


def check_services(settings: Settings, enabled: Mapping[str, frozenset[str] | Unread]) -> Iterator[Finding]:
    """The APIs, project by project."""
    for project, needed in needed_services(settings).items():
        subject, found = f"APIs of project {project}", enabled[project]
        if isinstance(found, Unread):
            yield Finding(UNKNOWN, subject, f"which are enabled can't be read: {found.reason}")
        elif missing := sorted(needed - found):
            yield Finding(
                FAIL,
                subject,
                f"not enabled: {', '.join(missing)}",
                fix=f"gcloud services enable {' '.join(missing)} --project={project}",
                source="https://cloud.google.com/service-usage/docs/enable-disable",
            )
        else:
            yield Finding(PASS, subject, f"enabled: {', '.join(sorted(needed))}")


def check_permissions(settings: Settings, held: Mapping[str, frozenset[str] | Unread]) -> Iterator[Finding]:
    """What the caller may do, project by project. Project roles alone count: a role on one resource is not seen."""
    for project, needed in needed_permissions(settings).items():
        subject, found = f"permissions on project {project}", held[project]
        if isinstance(found, Unread):
            yield Finding(UNKNOWN, subject, f"they can't be read: {found.reason}")
        elif missing := sorted(needed - found):
            yield Finding(
                FAIL,
                subject,
                f"the caller has not {', '.join(missing)}",
                fix="\n".join(_grant_commands(project, missing)),
                source="https://cloud.google.com/iam/docs/roles-permissions",
            )
        else:
            yield Finding(PASS, subject, f"the caller has all {len(needed)} that `pulumi up` needs")


def check_organization_policies(settings: Settings, found: Mapping[str, Any]) -> Iterator[Finding]:
    """The organization lets the project have the configured provider."""
    pool = settings.workload_identity_pool
    if pool is None:
        return
    if pool.provider.kind == "aws":
        yield from _allowed(PROVIDERS_CONSTRAINT, found[PROVIDERS_CONSTRAINT], [AWS_STS_ISSUER])
        yield from _allowed(ACCOUNTS_CONSTRAINT, found[ACCOUNTS_CONSTRAINT], settings.allowed_account_ids)
    else:
        issuer = pool.provider.issuer
        wanted = [issuer] if issuer != "outbound" else ["the account's issuer https://….tokens.sts.global.api.aws"]
        yield from _allowed(PROVIDERS_CONSTRAINT, found[PROVIDERS_CONSTRAINT], wanted, known=issuer != "outbound")


def _grant_commands(project: str, missing: Iterable[str]) -> Iterator[str]:
    for role in sorted({ROLE_WITH[_collection(permission)] for permission in missing}):
        yield f"gcloud projects add-iam-policy-binding {project} --member=user:YOU --role={role}"


def _collection(permission: str) -> str:
    """`container` of container.clusters.get, else `iam.serviceAccounts` of iam.serviceAccounts.get."""
    service, collection, _ = permission.split(".")
    return service if service == "container" else f"{service}.{collection}"


def _allowed(
    constraint: str, found: Mapping[str, Any] | Unread, wanted: Iterable[str], *, known: bool = True
) -> Iterator[Finding]:
    subject = f"organization policy {constraint}"
    if isinstance(found, Unread):
        yield Finding(UNKNOWN, subject, f"it can't be read: {found.reason}", id="D26")
        return
    refused = [value for value in wanted if _allows(found.get("listPolicy", {}), value, known) is not PASS]
    if not refused:
        yield Finding(PASS, subject, f"it allows {', '.join(wanted)}")
        return
    outcome = FAIL if known else UNKNOWN
    yield Finding(
        outcome,
        subject,
        f"it does not allow {', '.join(refused)}" if known else f"whether it allows {', '.join(refused)} is not known",
        id="D26",
        fix=f"have an organization policy administrator add {', '.join(refused)} to the allowed values of {constraint}",
        source=CATALOGUE["D26"].source,
    )


def _allows(policy: Mapping[str, Any], value: str, known: bool) -> Outcome:
    """Whether a list constraint in effect allows a value: without any lists, all; a denied value even if allowed.
    https://cloud.google.com/resource-manager/reference/rest/v1/Policy#ListPolicy
    """
    if policy.get("allValues") == "ALLOW" or not policy:
        return PASS
    if policy.get("allValues") == "DENY" or value in policy.get("deniedValues", ()):
        return FAIL
    if not known:
        return UNKNOWN
    return PASS if "allowedValues" not in policy or value in policy["allowedValues"] else FAIL
