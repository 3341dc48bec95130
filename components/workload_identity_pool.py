"""Steps 6 and 7 of the guide: the pool and the provider by which Google Cloud knows the AWS account's roles.

Deliberately admits nobody but the roles it is told, by name, in this account. Google keeps the id of a deleted pool or
provider for 30 days: `gcloud iam workload-identity-pools undelete` brings it back, and nothing else can take its place.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_gcp as gcp

from components.lookups import looked_up
from federation.aws import STS_AUDIENCE
from federation.external_account import external_account
from federation.google import ProviderKind
from federation.workload_identity import (
    aws_attribute_condition,
    aws_attribute_mapping,
    oidc_attribute_condition,
    oidc_attribute_mapping,
)


class WorkloadIdentityProviderArgs(TypedDict):
    """How AWS proves a role's identity to Google Cloud."""

    provider_id: str
    kind: ProviderKind
    """`aws`: a signed GetCallerIdentity request. `oidc`: a token of the account's outbound identity federation."""
    issuer: NotRequired[str | None]
    """Kind oidc: `outbound` for this account's own issuer, or an https url."""
    outbound_federation: NotRequired[Literal["create", "lookup"] | None]
    """Issuer outbound: turn the federation on, or take it as it is. It is one for the whole account."""
    display_name: NotRequired[str | None]
    description: NotRequired[str | None]


class WorkloadIdentityPoolArgs(TypedDict):
    """The pool, its provider, and the roles that may come in."""

    project: str
    pool_id: str
    mode: Literal["create", "lookup"]
    """Own the pool, or put the provider into a pool that another stack owns."""
    display_name: NotRequired[str | None]
    description: NotRequired[str | None]
    provider: WorkloadIdentityProviderArgs
    role_names: Sequence[str]
    """The roles of the AWS account, without path, whose sessions the provider admits."""


class WorkloadIdentityPool(pulumi.ComponentResource):
    """A workload identity pool with a provider for one AWS account."""

    pool_name: pulumi.Output[str]
    """`projects/NUMBER/locations/global/workloadIdentityPools/POOL`."""
    provider_name: pulumi.Output[str]
    """The same, and `/providers/PROVIDER`."""
    provider_kind: ProviderKind

    def __init__(self, name: str, args: WorkloadIdentityPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gcpawswif:gcp:WorkloadIdentityPool", name, None, opts)
        self.provider_kind = args["provider"]["kind"]
        pool_id = self._looked_up_pool(args) if args["mode"] == "lookup" else self._created_pool(name, args)
        self.provider_name = self._created_provider(name, args, pool_id).name
        self.register_outputs({"pool_name": self.pool_name, "provider_name": self.provider_name})

    def external_account(self, email: pulumi.Input[str]) -> pulumi.Output[dict[str, Any]]:
        """The credential file for a service account that a role of this pool may be."""
        kind = self.provider_kind
        return pulumi.Output.all(self.provider_name, email).apply(
            lambda names: external_account(kind=kind, provider_name=names[0], service_account_email=names[1])
        )

    # Neither child is deleted before its replacement: Google would refuse the replacement (its id is taken for 30
    # days), and the old one would be gone. Created first, the replacement fails while everything still works.

    def _created_pool(self, name: str, args: WorkloadIdentityPoolArgs) -> pulumi.Output[str]:
        pool = gcp.iam.WorkloadIdentityPool(
            f"{name}-pool",
            project=args["project"],
            workload_identity_pool_id=args["pool_id"],
            display_name=args.get("display_name"),
            description=args.get("description"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.pool_name = pool.name
        return pool.workload_identity_pool_id

    def _looked_up_pool(self, args: WorkloadIdentityPoolArgs) -> pulumi.Output[str]:
        project, pool_id, invoke = args["project"], args["pool_id"], pulumi.InvokeOptions(parent=self)
        pool = looked_up(
            lambda: gcp.iam.get_workload_identity_pool(project=project, workload_identity_pool_id=pool_id, opts=invoke),
            "With mode lookup another stack owns the pool. Bring that one up first, or make the pool here with"
            " `mode: create` in gcp-aws-wif:workloadIdentityPool.",
        )
        _check_usable(pool, project)
        self.pool_name = pulumi.Output.from_input(pool.name)
        return pulumi.Output.from_input(pool_id)

    def _created_provider(
        self, name: str, args: WorkloadIdentityPoolArgs, pool_id: pulumi.Output[str]
    ) -> gcp.iam.WorkloadIdentityPoolProvider:
        provider, role_names = args["provider"], args["role_names"]
        invoke = pulumi.InvokeOptions(parent=self)
        partition = aws.get_partition_output(opts=invoke).partition
        account_id = aws.get_caller_identity_output(opts=invoke).account_id
        account = pulumi.Output.all(partition, account_id)
        mapping: pulumi.Output[Mapping[str, str]]
        if provider["kind"] == "aws":
            mapping = account.apply(lambda of: aws_attribute_mapping(of[0], of[1]))
            condition = account.apply(lambda of: aws_attribute_condition(of[0], of[1], role_names))
        else:
            mapping = account.apply(lambda _: oidc_attribute_mapping())
            condition = account.apply(lambda of: oidc_attribute_condition(of[0], of[1], role_names))
        return gcp.iam.WorkloadIdentityPoolProvider(
            f"{name}-provider",
            project=args["project"],
            workload_identity_pool_id=pool_id,
            workload_identity_pool_provider_id=provider["provider_id"],
            display_name=provider.get("display_name"),
            description=provider.get("description"),
            attribute_mapping=mapping,
            attribute_condition=condition,
            aws={"account_id": account_id} if provider["kind"] == "aws" else None,
            oidc={"issuer_uri": self._issuer(name, provider), "allowed_audiences": [STS_AUDIENCE]}
            if provider["kind"] == "oidc"
            else None,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _issuer(self, name: str, provider: WorkloadIdentityProviderArgs) -> pulumi.Input[str]:
        issuer = provider.get("issuer") or "outbound"
        if issuer != "outbound":
            return issuer
        if provider.get("outbound_federation") == "create":
            federation = aws.iam.OutboundWebIdentityFederation(
                f"{name}-outbound-federation", opts=pulumi.ResourceOptions(parent=self)
            )
            return federation.issuer_identifier
        return looked_up(
            lambda: aws.iam.get_outbound_web_identity_federation(opts=pulumi.InvokeOptions(parent=self)),
            "It is one switch for the whole account. Turn it on with\n"
            "  aws iam enable-outbound-web-identity-federation\n"
            "or let this stack do it with `outboundFederation: create` in gcp-aws-wif:workloadIdentityPool.provider.",
        ).issuer_identifier


def _check_usable(found: gcp.iam.GetWorkloadIdentityPoolResult, project: str) -> None:
    """Raises RunError for a pool that is deleted or disabled, which Google still shows."""
    if found.state == "DELETED":
        raise pulumi.RunError(
            f"The workload identity pool {found.workload_identity_pool_id} is deleted, and Google keeps its id for 30"
            f" days. Bring it back with `gcloud iam workload-identity-pools undelete {found.workload_identity_pool_id}"
            f" --project={project} --location=global`."
        )
    if found.disabled:
        raise pulumi.RunError(
            f"The workload identity pool {found.workload_identity_pool_id} is disabled. Enable it with `gcloud iam"
            f" workload-identity-pools update {found.workload_identity_pool_id} --project={project} --location=global"
            " --no-disabled`."
        )
