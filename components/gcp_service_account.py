"""Step 3 of the guide: the service account that stands for a workload, without a key.

Deliberately makes no service account key: whoever needs the account's tokens impersonates it. It grants roles *on* the
account only (who may be it); what the account itself may do in Google Cloud is for those who own the resources.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_gcp as gcp

from federation.google import WORKLOAD_IDENTITY_USER


class GcpServiceAccountArgs(TypedDict):
    """The account, and who may be it."""

    project: str
    account_id: str
    """The part of the e-mail before the @."""
    display_name: NotRequired[str | None]
    description: NotRequired[str | None]
    token_creators: Sequence[str]
    """IAM members (`user:…`, `group:…`) that may make tokens of the account, for people at a terminal."""
    token_creator_role: str
    kubernetes_member: NotRequired[pulumi.Input[str] | None]
    """The IAM member of the Kubernetes service account whose pods are the account."""


class GcpServiceAccount(pulumi.ComponentResource):
    """A service account with its token creators and its Kubernetes service account."""

    email: pulumi.Output[str]
    unique_id: pulumi.Output[str]
    """21 digits that no other account gets, not even one of the same name later; the `sub` of its tokens."""
    resource_name: pulumi.Output[str]
    """`projects/P/serviceAccounts/EMAIL`, to which IAM members are bound."""

    def __init__(self, name: str, args: GcpServiceAccountArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gcpawswif:gcp:ServiceAccount", name, None, opts)
        # A second account or binding of the same name cannot stand beside the first while that is replaced.
        child = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        account = gcp.serviceaccount.Account(
            f"{name}-account",
            project=args["project"],
            account_id=args["account_id"],
            display_name=args.get("display_name"),
            description=args.get("description"),
            opts=child,
        )
        for member in args["token_creators"]:
            gcp.serviceaccount.IAMMember(
                f"{name}-token-creator-{member}",
                service_account_id=account.name,
                role=args["token_creator_role"],
                member=member,
                opts=child,
            )
        kubernetes_member = args.get("kubernetes_member")
        if kubernetes_member is not None:
            gcp.serviceaccount.IAMMember(
                f"{name}-kubernetes-user",
                service_account_id=account.name,
                role=WORKLOAD_IDENTITY_USER,
                member=kubernetes_member,
                opts=child,
            )
        self.email, self.unique_id, self.resource_name = account.email, account.unique_id, account.name
        self.register_outputs({"email": self.email, "unique_id": self.unique_id})
