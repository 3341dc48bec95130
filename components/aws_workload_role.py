"""Step 5 of the guide: the AWS role that a workload assumes, whom it trusts and what it may do.

Deliberately gives no permission beyond S3 and a token for the way back to Google Cloud: other teams attach their own
policies to the role by its name. It uses separate policy resources, never `managed_policy_arns` or `inline_policies`,
which would detach theirs.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from federation.access import BucketGrant, s3_policy
from federation.aws import STS_AUDIENCE, s3_read_only_policy_arn
from federation.trust import Statement, cluster_statement, google_statement, trust_policy


class TrustedServiceAccountArgs(TypedDict):
    """A Google service account that may assume the role."""

    unique_id: pulumi.Input[str]
    email: pulumi.Input[str]


class TrustedKubernetesServiceAccountArgs(TypedDict):
    """A Kubernetes service account that may assume the role, by the tokens of its cluster."""

    oidc_provider_arn: pulumi.Input[str]
    issuer: pulumi.Input[str]
    subject: pulumi.Input[str]


class AwsWorkloadRoleArgs(TypedDict):
    """The role, whom it trusts and what it may do."""

    role_name: str
    audience: str
    """The `aud` of the tokens that it takes."""
    google: NotRequired[TrustedServiceAccountArgs | None]
    cluster: NotRequired[TrustedKubernetesServiceAccountArgs | None]
    s3: Literal["read-only"] | Sequence[BucketGrant]
    """Read every bucket of the account by AWS's managed policy, or just what is granted."""
    outbound_tokens: NotRequired[bool]
    """Whether it may get tokens of the account's outbound identity federation, for Google Cloud."""
    max_session_duration: NotRequired[int | None]
    """Seconds."""
    permissions_boundary: NotRequired[str | None]
    """A policy's ARN."""
    description: NotRequired[str | None]
    tags: NotRequired[Mapping[str, str]]


class AwsWorkloadRole(pulumi.ComponentResource):
    """A role that one workload assumes, by one route or two."""

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: AwsWorkloadRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gcpawswif:aws:WorkloadRole", name, None, opts)
        # A second role or policy of the same name cannot stand beside the first while that is replaced.
        self._child = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        role = aws.iam.Role(
            f"{name}-role",
            name=args["role_name"],
            description=args.get("description"),
            assume_role_policy=_trust(args),
            max_session_duration=args.get("max_session_duration"),
            permissions_boundary=args.get("permissions_boundary"),
            tags=args.get("tags"),
            opts=self._child,
        )
        self._allow_s3(name, role, args["s3"])
        if args.get("outbound_tokens"):
            self._allow_outbound_tokens(name, role)
        self.arn = role.arn
        self.register_outputs({"arn": self.arn})

    def _allow_s3(self, name: str, role: aws.iam.Role, s3: Literal["read-only"] | Sequence[BucketGrant]) -> None:
        partition = aws.get_partition_output(opts=pulumi.InvokeOptions(parent=self)).partition
        if s3 == "read-only":
            aws.iam.RolePolicyAttachment(
                f"{name}-s3-read-only",
                role=role.name,
                policy_arn=partition.apply(s3_read_only_policy_arn),
                opts=self._child,
            )
        else:
            aws.iam.RolePolicy(
                f"{name}-s3-buckets",
                name="s3-buckets",
                role=role.name,
                policy=partition.apply(lambda partition: s3_policy(partition, s3)),
                opts=self._child,
            )

    def _allow_outbound_tokens(self, name: str, role: aws.iam.Role) -> None:
        aws.iam.RolePolicy(
            f"{name}-outbound-tokens",
            name="outbound-tokens",
            role=role.name,
            policy=outbound_token_policy(STS_AUDIENCE),
            opts=self._child,
        )


def outbound_token_policy(audience: str) -> str:
    """JSON of a policy that allows RS256 web identity tokens for one audience.

    ForAllValues alone is also true of a request that names no audience, hence Null. RS256, as Google takes no ES384.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_policies.html
    """
    statement: dict[str, Any] = {
        "Sid": "TokenForGoogleCloud",
        "Effect": "Allow",
        "Action": "sts:GetWebIdentityToken",
        "Resource": "*",
        "Condition": {
            "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": [audience]},
            "Null": {"sts:IdentityTokenAudience": "false"},
            "StringEquals": {"sts:SigningAlgorithm": "RS256"},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _trust(args: AwsWorkloadRoleArgs) -> pulumi.Output[str]:
    """The trust policy, rebuilt whenever an identity it names is."""
    audience = args["audience"]
    statements: list[pulumi.Output[Statement]] = []
    google, cluster = args.get("google"), args.get("cluster")
    if google:
        statements.append(
            pulumi.Output.all(unique_id=google["unique_id"], email=google["email"]).apply(
                lambda account: google_statement(account["unique_id"], account["email"], audience)
            )
        )
    if cluster:
        statements.append(
            pulumi.Output.all(**cluster).apply(
                lambda trusted: cluster_statement(
                    trusted["oidc_provider_arn"], trusted["issuer"], audience, trusted["subject"]
                )
            )
        )
    return pulumi.Output.all(*statements).apply(lambda built: trust_policy(*built))
