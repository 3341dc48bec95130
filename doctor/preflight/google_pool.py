"""Whether the stack's workload identity pool and provider can be made, or looked up: pure functions of what was read.

Google keeps a deleted one, and its id, for 30 days. The way out is to bring it back and to adopt it; nothing frees an
id sooner.
https://cloud.google.com/iam/docs/manage-workload-identity-pools-providers
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import Unread
from doctor.findings import Finding
from doctor.preflight.adoption import adopt_command, pool_resources
from doctor.preflight.existing import may_be_made
from doctor.preflight.google_reads import Found, pool_path, provider_path
from doctor.stack import Stack
from federation.google import SOFT_DELETE_DAYS
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.settings import WorkloadIdentityPool

CONFLICT: Final = "409 Requested entity already exists"


def check_pool_and_provider(stack: Stack, pool: Found, provider: Found) -> Iterator[Finding]:
    """Both, if the stack has them."""
    configured = stack.settings.workload_identity_pool
    if configured is None:
        return
    way_out = _way_out(stack, configured, pool, provider)
    yield _pool(stack, configured, pool, way_out)
    yield _provider(stack, configured, provider, way_out)


def _pool(stack: Stack, configured: WorkloadIdentityPool, found: Found, way_out: str) -> Finding:
    subject = f"workload identity pool {configured.id}"
    if isinstance(found, Unread):
        return Finding(UNKNOWN, subject, f"it can't be read: {found.reason}")
    if found is not None and found.get("state") == "DELETED":
        return _deleted(subject, way_out)
    if found is not None and found.get("disabled"):
        fix = f"gcloud iam workload-identity-pools update {configured.id} {_place(stack, configured)} --no-disabled"
        return Finding(FAIL, subject, "it is disabled, and Google takes no token through it", fix=fix)
    if configured.mode == "create":
        return may_be_made(
            subject,
            there=found is not None,
            own=_own(stack, "workload_identity_pool", found),
            refusal=CONFLICT,
            catalogue_id="D12",
            fix="set `mode: lookup` in gcp-aws-wif:workloadIdentityPool if it is another stack's, or set another id;"
            f" or adopt it:\n{way_out}",
        )
    if found is None:
        fix = "set `mode: create` in gcp-aws-wif:workloadIdentityPool, or bring up the stack that owns it first"
        return Finding(FAIL, subject, "the stack looks it up, and there is none", fix=fix)
    return Finding(PASS, subject, "it is there to be looked up")


def _provider(stack: Stack, configured: WorkloadIdentityPool, found: Found, way_out: str) -> Finding:
    subject = f"workload identity provider {configured.provider.id}"
    if isinstance(found, Unread):
        return Finding(UNKNOWN, subject, f"it can't be read: {found.reason}")
    if found is not None and found.get("state") == "DELETED":
        return _deleted(subject, way_out)
    return may_be_made(
        subject,
        there=found is not None,
        own=_own(stack, "workload_identity_provider", found),
        refusal=CONFLICT,
        catalogue_id="D12",
        fix=f"set another provider.id if it is another stack's; or adopt it:\n{way_out}",
    )


def _deleted(subject: str, way_out: str) -> Finding:
    return Finding(
        FAIL,
        subject,
        f"it was deleted less than {SOFT_DELETE_DAYS} days ago, and Google keeps its id: `pulumi up` would fail with"
        f" {CONFLICT}",
        id="D12",
        fix=way_out,
        source=CATALOGUE["D12"].source,
    )


def _way_out(stack: Stack, configured: WorkloadIdentityPool, pool: Found, provider: Found) -> str:
    """The commands that bring both back and adopt them: the same under each finding, to be run once."""
    place = _place(stack, configured)
    commands = []
    if _is_deleted(pool):
        commands.append(f"gcloud iam workload-identity-pools undelete {configured.id} {place}")
    if _is_deleted(provider):
        commands.append(
            f"gcloud iam workload-identity-pools providers undelete {configured.provider.id}"
            f" --workload-identity-pool={configured.id} {place}"
        )
    adopted = pool_resources(
        pool=pool_path(stack.settings) if configured.mode == "create" and _is_foreign(stack, pool, "pool") else None,
        provider=provider_path(stack.settings) if _is_foreign(stack, provider, "provider") else None,
    )
    if any(resource.id for resource in adopted):
        commands.append(adopt_command(stack.name, adopted))
    return "\n".join(commands)


def _is_deleted(found: Found) -> bool:
    return isinstance(found, Mapping) and found.get("state") == "DELETED"


def _is_foreign(stack: Stack, found: Found, output: str) -> bool:
    """Whether something is there that the stack's state does not have. After a deletion elsewhere it still has it."""
    return isinstance(found, Mapping) and _own(stack, f"workload_identity_{output}", found) is not True


def _own(stack: Stack, output: str, found: Mapping[str, Any] | None) -> bool | Unread:
    if isinstance(stack.outputs, Unread):
        return stack.outputs
    return found is not None and stack.outputs.get(output) == found["name"]


def _place(stack: Stack, configured: WorkloadIdentityPool) -> str:
    return f"--location=global --project={configured.project or stack.settings.project}"
