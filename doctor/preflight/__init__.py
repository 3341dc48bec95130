"""Whether `pulumi up` can succeed: what it needs is there, what it makes is not, and the caller may do it.

It reads and never changes. `*_reads` ask the clouds, `*_access`, `*_resources` and `*_checks` judge what was read.
"""

from collections.abc import Callable

from doctor.clouds.cloud import CloudError
from doctor.clouds.google_api import SIGN_IN, GoogleApi
from doctor.findings import Finding
from doctor.preflight.aws_checks import check_aws
from doctor.preflight.aws_reads import read_aws
from doctor.preflight.google_access import check_caller, check_organization_policies, check_permissions, check_services
from doctor.preflight.google_pool import check_pool_and_provider
from doctor.preflight.google_reads import read_google
from doctor.preflight.google_resources import check_cluster, check_service_accounts
from doctor.stack import Stack
from federation.outcome import FAIL, PASS, UNKNOWN


def preflight(stack: Stack, say: Callable[[str], None]) -> list[Finding]:
    """Both clouds' findings: what fails first, in the order in which one would mend it. `say` shows progress."""
    findings = [*_google(stack, say), *_aws(stack, say)]
    return sorted(findings, key=lambda finding: (FAIL, UNKNOWN, PASS).index(finding.outcome))


def _google(stack: Stack, say: Callable[[str], None]) -> list[Finding]:
    settings = stack.settings
    try:
        google = GoogleApi.from_environment()
    except CloudError as error:
        return [Finding(FAIL, "Google credentials", str(error), fix=SIGN_IN)]
    reads = read_google(google, settings, say)
    caller = check_caller(reads.caller)
    if caller.outcome is FAIL:
        return [caller]  # nothing else can be read
    return [
        caller,
        *check_services(settings, reads.services),
        *check_permissions(settings, reads.permissions),
        *check_cluster(settings, reads.cluster),
        *check_pool_and_provider(stack, reads.pool, reads.provider),
        *check_service_accounts(stack, reads.service_accounts),
        *check_organization_policies(settings, reads.constraints),
    ]


def _aws(stack: Stack, say: Callable[[str], None]) -> list[Finding]:
    try:
        reads = read_aws(stack.settings, say)
    except CloudError as error:
        return [Finding(FAIL, "AWS credentials", str(error), fix="set AWS_PROFILE to a profile that exists")]
    return check_aws(stack, reads)
