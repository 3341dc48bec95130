"""Whether AWS is ready for `pulumi up`: pure functions of the settings and of what was read."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import Unread
from doctor.findings import Finding
from doctor.preflight.adoption import adopt_command, role_resources
from doctor.preflight.aws_reads import AwsReads, cluster_provider_arn
from doctor.preflight.existing import may_be_made
from doctor.preflight.google_reads import Found
from doctor.stack import Stack
from federation.aws import OIDC_PROVIDERS, TRUST_POLICY_CHARACTERS, partition_of_region, role_arn
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.settings import Settings
from federation.trust import GOOGLE_PRINCIPAL, trust_policy_characters

SIGN_IN: Final = "aws sso login, or set AWS_PROFILE"
NEARLY: Final = 0.9
"""Share of a quota that leaves no room for another statement."""
TRUST_POLICY_QUOTA: Final = "AssumeRolePolicySizeQuota"
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html"""
QUOTAS: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"


def check_aws(stack: Stack, reads: AwsReads) -> list[Finding]:
    """All of it, in the order in which one would mend it."""
    settings, outputs = stack.settings, stack.outputs
    caller = check_caller(settings, reads.caller)
    if isinstance(reads.caller, Unread) or caller.outcome is FAIL:
        return [caller]  # what there is in another account says nothing
    account_id = reads.caller["Account"]
    return [
        caller,
        *check_permissions(reads.caller["Arn"], reads.decisions),
        *check_oidc_provider(settings, account_id, reads.oidc_providers, outputs),
        *check_google_provider(settings, reads.oidc_providers),
        *check_oidc_provider_quota(settings, account_id, reads.oidc_providers),
        *check_roles(stack, account_id, reads.roles),
        *check_trust_policy_sizes(reads.roles, reads.quotas),
        *check_outbound_federation(settings, reads.outbound_issuer, outputs),
    ]


def check_caller(settings: Settings, caller: Mapping[str, Any] | Unread) -> Finding:
    """Who `pulumi up` would be on AWS, and whether in an account that the stack may change."""
    subject, allowed = "AWS credentials", settings.allowed_account_ids
    if isinstance(caller, Unread):
        return _unusable(caller)
    account_id, arn = caller["Account"], caller["Arn"]
    if account_id not in allowed:
        return Finding(
            FAIL,
            subject,
            f"of {arn}, in an account that is not in aws:allowedAccountIds ({', '.join(allowed)}): `pulumi up` refuses",
            fix=f"sign in to {' or '.join(allowed)}, or put {account_id} into aws:allowedAccountIds if it is meant",
        )
    partition = partition_of_region(settings.region)
    if arn.split(":")[1] != partition:
        return Finding(
            FAIL,
            subject,
            f"of {arn}, which is not in the partition of {settings.region}, {partition}",
            fix="sign in to an account of that partition, or set aws:region to one of the account's",
        )
    return Finding(PASS, subject, f"of {arn}")


def check_permissions(arn: str, decisions: Mapping[str, str] | Unread) -> Iterator[Finding]:
    """What the caller's policies allow, as IAM simulates them; organizations' policies are not part of that."""
    subject = "permissions in IAM"
    if isinstance(decisions, Unread):
        yield Finding(UNKNOWN, subject, f"they can't be simulated: {decisions.reason}")
    elif denied := sorted(action for action, decision in decisions.items() if decision != "allowed"):
        yield Finding(
            FAIL,
            subject,
            f"the caller has not {', '.join(denied)}",
            fix=f"have an administrator allow {', '.join(denied)} to {arn}",
            source="https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html",
        )
    else:
        yield Finding(PASS, subject, f"the caller has all {len(decisions)} that `pulumi up` needs")


def check_oidc_provider(
    settings: Settings,
    account_id: str,
    found: Mapping[str, Any] | Unread,
    outputs: Mapping[str, Any] | Unread,
) -> Iterator[Finding]:
    """The cluster's IAM OIDC provider can be made, or is the stack's own, or can be looked up."""
    provider = settings.aws_oidc_provider
    if provider is None:
        return
    arn = cluster_provider_arn(settings, account_id)
    subject = f"IAM OIDC provider {arn.partition('/')[2]}"
    if isinstance(found, Unread):
        yield Finding(UNKNOWN, subject, f"the account's providers can't be listed: {found.reason}")
    elif provider.mode == "lookup":
        yield _looked_up(subject, arn, found, provider.client_ids)
    else:
        yield may_be_made(
            subject,
            there=arn in found,
            own=outputs if isinstance(outputs, Unread) else outputs.get("aws_oidc_provider_arn") == arn,
            refusal="EntityAlreadyExists",
            catalogue_id="D8",
            fix=CATALOGUE["D8"].fix,
        )


def check_google_provider(settings: Settings, found: Mapping[str, Any] | Unread) -> Iterator[Finding]:
    """No provider for accounts.google.com, which AWS has built in.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if not any("google" in workload.routes for workload in settings.workloads):
        return
    subject = f"IAM OIDC provider {GOOGLE_PRINCIPAL}"
    if isinstance(found, Unread):
        yield Finding(UNKNOWN, subject, f"the account's providers can't be listed: {found.reason}")
    elif arn := next((arn for arn in found if arn.partition("/")[2] == GOOGLE_PRINCIPAL), None):
        yield Finding(
            FAIL,
            subject,
            "the account has one: AWS knows Google without it, and reports say that STS then refuses Google's tokens"
            " with InvalidIdentityToken",
            fix=f"aws iam delete-open-id-connect-provider --open-id-connect-provider-arn {arn}\n"
            f'(first let every trust policy that names this ARN name "Federated": "{GOOGLE_PRINCIPAL}")',
            source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        )
    else:
        yield Finding(PASS, subject, "there is none, as AWS has it built in")


def check_oidc_provider_quota(
    settings: Settings, account_id: str, found: Mapping[str, Any] | Unread
) -> Iterator[Finding]:
    """One more provider fits into the account. Known is the default quota; a raised one is not asked for."""
    provider = settings.aws_oidc_provider
    if provider is None or provider.mode != "create":
        return
    subject = "number of IAM OIDC providers"
    if isinstance(found, Unread):
        yield Finding(UNKNOWN, subject, f"the account's providers can't be listed: {found.reason}")
    elif len(found) < OIDC_PROVIDERS or cluster_provider_arn(settings, account_id) in found:
        yield Finding(PASS, subject, f"{len(found)} of the {OIDC_PROVIDERS} that an account has by default")
    else:
        yield Finding(
            UNKNOWN,
            subject,
            f"{len(found)}, and an account has {OIDC_PROVIDERS} by default; whether its quota was raised is not known",
            fix="delete providers that no role trusts, or ask for more: Service Quotas, IAM, OpenId connect providers"
            " per account (in us-east-1)",
            source=QUOTAS,
        )


def check_roles(stack: Stack, account_id: str, found: Mapping[str, Found]) -> Iterator[Finding]:
    """Each role can be made, or is the stack's own."""
    settings, outputs = stack.settings, stack.outputs
    partition = partition_of_region(settings.region) or "aws"
    for workload in settings.workloads:
        name = workload.aws_role.name
        subject, there, arn = f"role {name}", found[name], role_arn(partition, account_id, name)
        if isinstance(there, Unread):
            yield Finding(UNKNOWN, subject, f"it can't be read: {there.reason}")
            continue
        yield may_be_made(
            subject,
            there=there is not None,
            own=outputs if isinstance(outputs, Unread) else arn in _made_roles(outputs),
            refusal="EntityAlreadyExists",
            catalogue_id="D8",
            fix="set another awsRole.name if others use it; or adopt it (`pulumi up` then replaces its trust policy):\n"
            + adopt_command(stack.name, role_resources(workload.name, name)),
        )


def check_trust_policy_sizes(found: Mapping[str, Found], quotas: Mapping[str, int] | Unread) -> Iterator[Finding]:
    """Each role's trust policy fits into the account's quota: as it is now, and as the stack makes it.

    A role that others have added trust to is near the limit sooner than the stack file shows.
    """
    if isinstance(quotas, Unread):
        quota, whose = TRUST_POLICY_CHARACTERS, "by default"
    else:
        quota, whose = quotas.get(TRUST_POLICY_QUOTA, TRUST_POLICY_CHARACTERS), "in this account"
    for name, role in found.items():
        if role is None or isinstance(role, Unread):
            continue
        size = trust_policy_characters(json.dumps(role["AssumeRolePolicyDocument"]))
        said = f"{size} of the {quota} characters that a trust policy may have {whose}"
        if size < NEARLY * quota:
            yield Finding(PASS, f"trust policy of {name}", said)
        else:
            yield Finding(
                FAIL,
                f"trust policy of {name}",
                f"{said}: another statement does not fit",
                id="D19",
                fix=CATALOGUE["D19"].fix,
                source=QUOTAS,
            )


def check_outbound_federation(
    settings: Settings, issuer: str | Unread | None, outputs: Mapping[str, Any] | Unread
) -> Iterator[Finding]:
    """AWS's outbound identity federation, a switch of the whole account, stands as the stack wants it."""
    pool = settings.workload_identity_pool
    if pool is None or pool.provider.kind != "oidc" or pool.provider.issuer != "outbound":
        return
    subject = "outbound identity federation"
    if isinstance(issuer, Unread):
        yield Finding(UNKNOWN, subject, f"it can't be read: {issuer.reason}")
    elif pool.provider.outbound_federation == "create":
        yield may_be_made(
            subject,
            there=issuer is not None,
            own=outputs if isinstance(outputs, Unread) else bool(outputs.get("workload_identity_provider")),
            refusal="FeatureEnabled",
            fix="set outboundFederation: lookup in the provider: the switch is the account's, and it is on",
        )
    elif issuer is None:
        yield Finding(
            FAIL,
            subject,
            "the account has it off, and the stack looks up its issuer",
            fix="aws iam enable-outbound-web-identity-federation\nor set outboundFederation: create in the provider",
            source="https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html",
        )
    else:
        yield Finding(PASS, subject, f"it is on, with the issuer {issuer}")


def _unusable(caller: Unread) -> Finding:
    subject = "AWS credentials"
    if caller.code == "InvalidClientTokenId":
        return Finding(
            FAIL,
            subject,
            f"STS in the stack's region does not know them: {caller.reason}",
            id="D16",
            fix="enable the region for the account (Account settings, AWS Regions), or sign in anew, with a session"
            " token of a regional endpoint: AWS_STS_REGIONAL_ENDPOINTS=regional",
            source=CATALOGUE["D16"].source,
        )
    if not caller.code or caller.code in ("ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch"):
        return Finding(FAIL, subject, caller.reason, fix=SIGN_IN)
    return Finding(UNKNOWN, subject, caller.reason)


def _looked_up(subject: str, arn: str, found: Mapping[str, Sequence[str]], client_ids: Sequence[str]) -> Finding:
    if arn not in found:
        return Finding(
            FAIL,
            subject,
            "the stack looks it up, and the account has none",
            id="D5",
            fix="set awsOidcProvider: {mode: create} in the stack file, or bring up the stack that owns it first",
            source=CATALOGUE["D5"].source,
        )
    missing = [client_id for client_id in client_ids if client_id not in found[arn]]
    if missing:
        return Finding(PASS, subject, f"it is there; `pulumi up` adds {', '.join(missing)} to its client ids")
    return Finding(PASS, subject, f"it is there, and lists {', '.join(client_ids)}")


def _made_roles(outputs: Mapping[str, Any]) -> set[str]:
    return {workload["aws_role_arn"] for workload in outputs.get("workloads", {}).values()}
