"""What `preflight` reads of AWS. It decides nothing, and changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from doctor.clouds import aws_api
from doctor.clouds.aws_api import aws_errors
from doctor.clouds.cloud import CloudError, Unread, read
from doctor.preflight.google_reads import Found, Say
from federation.aws import oidc_provider_arn, partition_of_region
from federation.google import gke_issuer
from federation.settings import Settings

ROOT_ARN: Final = ":root"
ASSUMED_ROLE: Final = ":assumed-role/"


@dataclass(frozen=True)
class AwsReads:
    """Everything that the checks look at."""

    caller: Mapping[str, Any] | Unread
    """What GetCallerIdentity answers: Account and Arn."""
    oidc_providers: Mapping[str, Sequence[str]] | Unread
    """The account's IAM OIDC providers, by ARN; the client ids of the stack's own alone."""
    quotas: Mapping[str, int] | Unread
    """What GetAccountSummary answers, such as AssumeRolePolicySizeQuota."""
    roles: Mapping[str, Found]
    """The stack's roles, by name."""
    decisions: Mapping[str, str] | Unread
    """IAM's simulated decision, `allowed` or a kind of denial, by action."""
    outbound_issuer: str | Unread | None
    """Of the account's outbound identity federation; None when it is off."""


def read_aws(settings: Settings, say: Say) -> AwsReads:
    """Ask for all of it, in the stack's region."""
    say("asking AWS who calls, and what the caller may do")
    sts, iam = aws_api.client("sts", settings.region), aws_api.client("iam", settings.region)
    caller = read(partial(_caller, sts))
    account_id = "" if isinstance(caller, Unread) else caller["Account"]
    arns = read(partial(_oidc_provider_arns, iam))
    decisions = read(partial(_decisions, iam, caller, needed_actions(settings)))
    say("asking AWS for OIDC providers, roles and quotas")
    return AwsReads(
        caller=caller,
        oidc_providers=read(partial(_client_ids, iam, arns, cluster_provider_arn(settings, account_id))),
        quotas=read(partial(_quotas, iam)),
        roles={
            workload.aws_role.name: read(partial(_role, iam, workload.aws_role.name)) for workload in settings.workloads
        },
        decisions=decisions,
        outbound_issuer=read(partial(_outbound_issuer, iam)),
    )


def cluster_provider_arn(settings: Settings, account_id: str) -> str:
    """The IAM OIDC provider that the stack's route `cluster` needs."""
    cluster, provider = settings.cluster, settings.aws_oidc_provider
    url = (provider.url if provider else None) or gke_issuer(
        cluster.project or settings.project, cluster.location, cluster.name
    )
    return oidc_provider_arn(partition_of_region(settings.region) or "aws", account_id, url)


def needed_actions(settings: Settings) -> list[str]:
    """What `pulumi up` does in IAM."""
    actions = ["CreateRole", "GetRole", "TagRole", "UpdateAssumeRolePolicy", "ListRolePolicies"]
    actions += ["ListAttachedRolePolicies"]
    roles = [workload.aws_role for workload in settings.workloads]
    if any(role.s3 == "read-only" for role in roles):
        actions += ["AttachRolePolicy"]
    if any(role.s3 != "read-only" for role in roles):
        actions += ["PutRolePolicy", "GetRolePolicy"]
    if provider := settings.aws_oidc_provider:
        actions += ["GetOpenIDConnectProvider", "ListOpenIDConnectProviders"]
        actions += ["CreateOpenIDConnectProvider", "TagOpenIDConnectProvider"] if provider.mode == "create" else []
    if (pool := settings.workload_identity_pool) and pool.provider.kind == "oidc":
        actions += ["GetOutboundWebIdentityFederationInfo"]
        creates = pool.provider.outbound_federation == "create"
        actions += ["EnableOutboundWebIdentityFederation"] if creates else []
    return [f"iam:{action}" for action in actions]


def simulated_principal(arn: str, iam: Any) -> str | None:
    """Whose policies IAM simulates for a caller: of a session, its role. None for root, who has no policies.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    if arn.endswith(ROOT_ARN):
        return None
    if ASSUMED_ROLE not in arn:
        return arn
    with aws_errors():  # the session's ARN lacks the role's path
        role: str = iam.get_role(RoleName=arn.split("/")[1])["Role"]["Arn"]
    return role


def _caller(sts: Any) -> Mapping[str, Any]:
    with aws_errors():
        answer: Mapping[str, Any] = sts.get_caller_identity()
    return answer


def _oidc_provider_arns(iam: Any) -> list[str]:
    with aws_errors():
        return [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]


def _client_ids(iam: Any, arns: Sequence[str] | Unread, cluster_provider: str) -> Mapping[str, Sequence[str]]:
    if isinstance(arns, Unread):
        raise CloudError(arns.reason, arns.code)
    known: dict[str, Sequence[str]] = dict.fromkeys(arns, ())
    if cluster_provider in known:
        with aws_errors():
            provider = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=cluster_provider)
        known[cluster_provider] = provider["ClientIDList"]
    return known


def _quotas(iam: Any) -> Mapping[str, int]:
    with aws_errors():
        summary: Mapping[str, int] = iam.get_account_summary()["SummaryMap"]
    return summary


def _role(iam: Any, name: str) -> Mapping[str, Any] | None:
    found = aws_api.find(iam.get_role, RoleName=name)
    return found["Role"] if found else None


def _decisions(iam: Any, caller: Mapping[str, Any] | Unread, actions: Sequence[str]) -> Mapping[str, str]:
    if isinstance(caller, Unread):
        raise CloudError(caller.reason, caller.code)
    principal = simulated_principal(caller["Arn"], iam)
    if principal is None:
        return dict.fromkeys(actions, "allowed")
    with aws_errors():
        answer = iam.simulate_principal_policy(PolicySourceArn=principal, ActionNames=list(actions))
    return {result["EvalActionName"]: result["EvalDecision"] for result in answer["EvaluationResults"]}


def _outbound_issuer(iam: Any) -> str | None:
    try:
        with aws_errors():
            issuer: str = iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"]
    except CloudError as error:
        if error.code == "FeatureDisabled":
            return None
        raise
    return issuer
