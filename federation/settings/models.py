"""What a stack file says, as types. A model checks shapes and single values.

How values must agree with each other is in `relations`; only `load_settings` applies both, so nothing else should make
these models from a user's words.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, GetPydanticSchema, Strict, Tag
from pydantic.alias_generators import to_camel
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import core_schema

from federation import aws, google
from federation.access import Access, BucketGrant
from federation.settings.aws_fields import (
    AccountId,
    Audience,
    BucketName,
    KmsKeyArn,
    PermissionsBoundary,
    Prefix,
    ProviderIssuer,
    ProviderUrl,
    Region,
    RoleDescription,
    RoleName,
    SessionSeconds,
    Thumbprint,
)
from federation.settings.google_fields import (
    ClusterLocation,
    ClusterName,
    GoogleRole,
    Member,
    PoolDescription,
    PoolDisplayName,
    PoolId,
    ProjectId,
    ProviderId,
    ServiceAccountDescription,
    ServiceAccountDisplayName,
    ServiceAccountId,
)
from federation.settings.kubernetes_fields import (
    ContainerName,
    KubernetesServiceAccountName,
    Namespace,
    WorkloadName,
)

Item = TypeVar("Item")
Listed = Annotated[tuple[Item, ...], Strict(False)]
"""A YAML list; pydantic's strict mode would take nothing but a tuple."""

Route = Literal["google", "cluster"]
Mode = Literal["create", "lookup"]


class Section(BaseModel):
    """A mapping of the stack file: keys in camelCase, exact types, no unknown key."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, alias_generator=to_camel, use_attribute_docstrings=True
    )


class Cluster(Section):
    """The GKE cluster that the workloads run in. It must exist; the program changes only its workload pool."""

    name: ClusterName
    """The cluster's name."""
    location: ClusterLocation
    """The cluster's region, or its zone for a zonal cluster."""
    workload_pool: Literal["verify", "enable"] = "verify"
    """`verify` fails with the gcloud command when Workload Identity is off; `enable` turns it on, and never off."""
    project: ProjectId | None = None
    """The cluster's project, if not gcp:project."""


class AwsOidcProvider(Section):
    """AWS's trust in the cluster's tokens. An account can have one for each url."""

    mode: Mode = "create"
    """`lookup` uses the provider that another stack made."""
    url: ProviderUrl | None = None
    """The issuer, if not the cluster's; only to adopt a provider made by hand."""
    client_ids: Listed[Audience] = Field(
        default=(aws.STS_AUDIENCE,), json_schema_extra={"minItems": 1, "maxItems": aws.CLIENT_IDS, "uniqueItems": True}
    )
    """The audiences that tokens may have. 1-100."""
    thumbprints: Listed[Thumbprint] = Field(
        default=(), json_schema_extra={"maxItems": aws.THUMBPRINTS, "uniqueItems": True}
    )
    """SHA-1 of the issuer's certificate authority. At most 5; best left out, as AWS has its own trusted CAs."""


class Provider(Section):
    """Google's trust in the AWS account, for `returnToGcp`. It admits only the roles of the stack's workloads."""

    id: ProviderId
    """The provider's id; taken for 30 days after deletion, so best a new one where `kind` changes."""
    kind: google.ProviderKind
    """`aws` takes a role's AWS credentials; `oidc` takes tokens of the account's outbound identity federation."""
    display_name: PoolDisplayName | None = None
    """What the console shows."""
    description: PoolDescription | None = None
    """What the provider is for."""
    issuer: ProviderIssuer = "outbound"
    """Only for kind `oidc`: the tokens' issuer; `outbound` is the one of the AWS account."""
    outbound_federation: Mode = "lookup"
    """Only for issuer `outbound`: `create` enables it for the whole account, and disables it on destroy."""


class WorkloadIdentityPool(Section):
    """The pool of AWS identities in Google Cloud."""

    id: PoolId
    """The pool's id; taken for 30 days after deletion."""
    provider: Provider
    """The stack's provider in the pool."""
    mode: Mode = "create"
    """`lookup` uses the pool that another stack made, and puts this stack's provider into it."""
    display_name: PoolDisplayName | None = None
    """What the console shows. Only with mode `create`."""
    description: PoolDescription | None = None
    """What the pool is for. Only with mode `create`."""
    project: ProjectId | None = None
    """The pool's project, if not gcp:project."""


class KubernetesServiceAccount(Section):
    """The Kubernetes service account that the workload's pods run as."""

    namespace: Namespace
    """Its namespace, which must exist."""
    service_account: KubernetesServiceAccountName
    """Its name."""
    manage: bool = True
    """Whether the program makes it; `false` if something else does, such as a Helm chart."""
    container: ContainerName = "app"
    """The container that uses AWS, for `pod_patch`."""
    skip_pod_identity_webhook: bool = False
    """Whether `pod_patch` tells an amazon-eks-pod-identity-webhook in the cluster to leave the pods alone."""


class GcpServiceAccount(Section):
    """The workload's Google service account, which never has a key. For the route `google` and for `returnToGcp`."""

    id: ServiceAccountId
    """The part of its e-mail before the @."""
    display_name: ServiceAccountDisplayName | None = None
    """What the console shows."""
    description: ServiceAccountDescription | None = None
    """What the account is for."""
    token_creators: Listed[Member] = Field(default=(), json_schema_extra={"uniqueItems": True})
    """Who else may get its tokens, such as the engineers who test the federation."""
    token_creator_role: GoogleRole = google.OPEN_ID_TOKEN_CREATOR
    """The role on the account that the token creators get; the default is enough for ID tokens."""
    project: ProjectId | None = None
    """The account's project, if not gcp:project."""


class S3Grant(Section):
    """Access to one bucket, or to the objects under a prefix."""

    bucket: BucketName
    """The bucket, which must exist."""
    access: Access
    """`read-write` can't delete; `read-write-delete` can."""
    prefix: Prefix = ""
    """How the objects' keys start; all objects by default."""
    kms_key_arns: Listed[KmsKeyArn] = Field(default=(), json_schema_extra={"uniqueItems": True})
    """The keys that encrypt the bucket, if it uses SSE-KMS."""


def _bucket_grant(grant: S3Grant) -> BucketGrant:
    return BucketGrant(grant.bucket, grant.access, grant.prefix, grant.kms_key_arns)


Grant = Annotated[
    BucketGrant,
    GetPydanticSchema(lambda _, handler: core_schema.no_info_after_validator_function(_bucket_grant, handler(S3Grant))),
]
"""Written as an `S3Grant`, kept as what `federation.access` builds a policy of."""

S3_FORMS = {"managed policy": str, "grants": list}
"""The two ways to write `s3`, by the YAML type."""


def _form_of_s3(value: Any) -> str | None:
    return next((form for form, type_ in S3_FORMS.items() if isinstance(value, type_)), None)


S3Access = Annotated[
    Annotated[Literal["read-only"], Tag("managed policy")] | Annotated[Listed[Grant], Tag("grants")],
    Discriminator(_form_of_s3),
]


class AwsRole(Section):
    """The workload's role in AWS. Its trust pins the workload's subject and audience."""

    name: RoleName
    """The role's name; unique in the account, whatever the case."""
    s3: S3Access
    """`read-only` for the managed policy AmazonS3ReadOnlyAccess (all buckets), or a list of buckets."""
    audience: Audience = aws.STS_AUDIENCE
    """The audience of the tokens that open the role."""
    max_session_duration: SessionSeconds = aws.SESSION_SECONDS_MIN
    """The longest session."""
    permissions_boundary: PermissionsBoundary | None = None
    """The most that the role may ever do."""
    tags: dict[str, str] = Field(default={}, json_schema_extra={"maxProperties": aws.TAGS})
    """Tags on top of the stack's. At most 50 together; keys of 1-128 characters, values of up to 256."""
    description: RoleDescription | None = None
    """What the role is for."""


class Workload(Section):
    """Pods (or a service on Cloud Run or Compute Engine) with an identity of their own in AWS."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "s3-reader",
                    "routes": ["google"],
                    "gcpServiceAccount": {"id": "s3-reader"},
                    "awsRole": {"name": "S3Reader", "s3": "read-only"},
                }
            ]
        }
    )

    name: WorkloadName
    """What the workload is called in this stack; a new name is a new identity."""
    routes: Listed[Route] = Field(json_schema_extra={"minItems": 1, "uniqueItems": True}, examples=[["cluster"]])
    """How its tokens reach AWS: `cluster`, `google` or both."""
    aws_role: AwsRole
    """Its role in AWS."""
    kubernetes: KubernetesServiceAccount | None = None
    """Its Kubernetes service account. Needed for the route `cluster`, and for `google` on GKE."""
    gcp_service_account: GcpServiceAccount | None = None
    """Its Google service account. Needed for the route `google` and for `returnToGcp`; refused otherwise."""
    return_to_gcp: bool = False
    """Whether its AWS role may act as its Google service account."""


class Settings(Section):
    """A stack's configuration, checked."""

    project: ProjectId = Field(alias="gcp:project")
    """The Google Cloud project of everything that names no other."""
    region: Region = Field(alias="aws:region")
    """The AWS region: of the STS endpoint that pods call, and so of the partition."""
    allowed_account_ids: Listed[AccountId] = Field(
        alias="aws:allowedAccountIds", json_schema_extra={"minItems": 1, "uniqueItems": True}
    )
    """The AWS accounts that `pulumi up` may change; credentials of another one are refused."""
    cluster: Cluster = Field(alias="gcp-aws-wif:cluster")
    workloads: Listed[Workload] = Field(alias="gcp-aws-wif:workloads", json_schema_extra={"minItems": 1})
    """The workloads, in any order."""
    aws_oidc_provider: AwsOidcProvider | None = Field(default=None, alias="gcp-aws-wif:awsOidcProvider")
    """Needed when a workload has the route `cluster`."""
    workload_identity_pool: WorkloadIdentityPool | None = Field(default=None, alias="gcp-aws-wif:workloadIdentityPool")
    """Needed when a workload has `returnToGcp`."""
    protect: bool = Field(default=False, alias="gcp-aws-wif:protect")
    """Whether Pulumi refuses to delete what it made."""
    tags: dict[str, str] = Field(default={}, alias="gcp-aws-wif:tags", json_schema_extra={"maxProperties": aws.TAGS})
    """Tags of everything in AWS. At most 50; keys of 1-128 characters, values of up to 256."""
    labels: dict[str, str] = Field(default={}, alias="gcp-aws-wif:labels")
    """Labels of everything in Kubernetes, in its own format for keys and values."""
    warnings: SkipJsonSchema[tuple[str, ...]] = ()
    """What is allowed and hardly meant, each with its remedy. Not configuration: filled in by `load_settings`."""
