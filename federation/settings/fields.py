"""The types of single values: each with its rule, the source of the rule, and an example that keeps it."""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import Strict

from federation import aws, google, kubernetes
from federation.settings.rule import Fault, Rule, at_most, ecma, matches, name_like
from federation.settings.urls import check_aws_provider, check_google_provider

Item = TypeVar("Item")
Listed = Annotated[tuple[Item, ...], Strict(False)]
"""A YAML list; pydantic's strict mode would take nothing but a tuple."""

_GOOGLE_IAM = "https://cloud.google.com/iam/docs/reference/rest/v1"
_AWS_IAM = "https://docs.aws.amazon.com/IAM/latest/APIReference"


def _text(
    text: str, example: str, pattern: re.Pattern[str], repair: Callable[[str], str] = str, sizes: range = range(1 << 30)
) -> Rule:
    return Rule(text, example, matches(pattern, example, repair, sizes), {"pattern": ecma(pattern)})


def _short(text: str, example: str, limit: int, unit: str = "characters") -> Rule:
    return Rule(text, example, at_most(limit, unit), {"maxLength": limit})


# Google Cloud

ProjectId = Annotated[
    str,
    _text(
        "a project id (not its number or title): 6-30 of a-z, 0-9 and -, first a letter, last no hyphen."
        " https://cloud.google.com/resource-manager/docs/creating-managing-projects",
        "my-project",
        google.PROJECT_ID,
        name_like(30, first="a-z"),
    ),
]
Location = Annotated[
    str,
    _text(
        "a region or a zone of Google Cloud. https://cloud.google.com/compute/docs/regions-zones",
        "europe-west1",
        google.LOCATION,
        name_like(40),
    ),
]
ClusterName = Annotated[
    str,
    _text(
        "a cluster's name: 1-40 of a-z, 0-9 and -, first a letter, last no hyphen."
        " https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters",
        "my-cluster",
        google.CLUSTER_NAME,
        name_like(40, first="a-z"),
        range(1, 41),
    ),
]
ServiceAccountId = Annotated[
    str,
    _text(
        "a service account's id (not its e-mail): 6-30 of a-z, 0-9 and -, first a letter, last no hyphen."
        f" {_GOOGLE_IAM}/projects.serviceAccounts/create",
        "s3-reader",
        google.SERVICE_ACCOUNT_ID,
        name_like(30, first="a-z"),
        range(6, 31),
    ),
]
ServiceAccountDisplayName = Annotated[
    str,
    _short(
        f"at most 100 bytes in UTF-8. {_GOOGLE_IAM}/projects.serviceAccounts#ServiceAccount",
        "Reads S3",
        google.SERVICE_ACCOUNT_DISPLAY_NAME_BYTES,
        "bytes",
    ),
]
ServiceAccountDescription = Annotated[
    str,
    _short(
        f"at most 256 bytes in UTF-8. {_GOOGLE_IAM}/projects.serviceAccounts#ServiceAccount",
        "Identity of the workload s3-reader in AWS",
        google.SERVICE_ACCOUNT_DESCRIPTION_BYTES,
        "bytes",
    ),
]


def _check_workload_identity_id(example: str) -> Callable[[str], Fault | None]:
    form = matches(google.WORKLOAD_IDENTITY_ID, example, name_like(32), range(4, 33))

    def check(text: str) -> Fault | None:
        fault = form(text)
        if fault and text.startswith("gcp-"):
            return Fault("starts with gcp-", fault.suggestion)
        return Fault("is a resource name", fault.suggestion) if fault and "/" in text else fault

    return check


def _workload_identity_id(example: str, method: str) -> Rule:
    return Rule(
        "4-32 of a-z, 0-9 and -, not starting with gcp-, which Google reserves; the id, not the full resource name."
        f" {_GOOGLE_IAM}/projects.locations.{method}/create",
        example,
        _check_workload_identity_id(example),
        {"pattern": ecma(google.WORKLOAD_IDENTITY_ID)},
    )


PoolId = Annotated[str, _workload_identity_id("aws-pool", "workloadIdentityPools")]
ProviderId = Annotated[str, _workload_identity_id("aws-provider", "workloadIdentityPools.providers")]
PoolDisplayName = Annotated[
    str,
    _short(
        f"at most 32 characters. {_GOOGLE_IAM}/projects.locations.workloadIdentityPools#WorkloadIdentityPool",
        "AWS",
        google.WORKLOAD_IDENTITY_DISPLAY_NAME_CHARACTERS,
    ),
]
PoolDescription = Annotated[
    str,
    _short(
        f"at most 256 characters. {_GOOGLE_IAM}/projects.locations.workloadIdentityPools#WorkloadIdentityPool",
        "AWS roles that use Google Cloud",
        google.WORKLOAD_IDENTITY_DESCRIPTION_CHARACTERS,
    ),
]
ProviderIssuer = Annotated[
    str,
    Rule(
        "outbound, or an issuer's https url without port, query, fragment or trailing slash."
        " https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html",
        "outbound",
        check_google_provider,
        {"pattern": f"^outbound$|{ecma(aws.OIDC_URL)}", "maxLength": aws.OIDC_URL_CHARACTERS},
    ),
]
GoogleRole = Annotated[
    str,
    _text(
        "roles/NAME, or projects/PROJECT/roles/NAME or organizations/NUMBER/roles/NAME for one's own."
        " https://cloud.google.com/iam/docs/roles-overview",
        google.OPEN_ID_TOKEN_CREATOR,
        google.ROLE,
        lambda text: f"roles/{text}",
    ),
]


def _check_member(member: str) -> Fault | None:
    example = "group:platform-engineers@example.com"
    if member.removeprefix("principalSet://goog/public:") in ("all", "allUsers") or member in google.EVERYONE:
        return Fault("lets anybody on the internet act as this service account, in AWS too", example)
    if "*" in member:
        return Fault("stands for a whole pool", example, "name whom you trust")
    if google.MEMBER.fullmatch(member):
        return None
    typed = f"{'serviceAccount' if member.endswith('.gserviceaccount.com') else 'user'}:{member}"
    return Fault("does not have this form", typed if google.MEMBER.fullmatch(typed) else example)


Member = Annotated[
    str,
    Rule(
        "a principal with its type in front: user:, group:, serviceAccount:, domain:, principal:// or principalSet://;"
        " never everybody. https://cloud.google.com/iam/docs/principal-identifiers",
        "group:platform-engineers@example.com",
        _check_member,
        {"pattern": ecma(google.MEMBER)},
    ),
]

# AWS


def _check_region(region: str) -> Fault | None:
    if not aws.REGION.fullmatch(region):
        meant = region.strip().lower()
        return Fault("does not have this form", meant if aws.partition_of_region(meant) else "eu-west-1")
    if aws.partition_of_region(region) is None:
        return Fault(f"is in none of the partitions {', '.join(aws.PARTITIONS)}", "eu-west-1")
    return None


Region = Annotated[
    str,
    Rule(
        "an AWS region. https://docs.aws.amazon.com/general/latest/gr/rande.html",
        "eu-west-1",
        _check_region,
        {"pattern": ecma(aws.REGION)},
    ),
]
AccountId = Annotated[
    str,
    _text(
        "12 digits, in quotes: without them YAML makes it a number and drops leading zeros."
        " https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html",
        "111122223333",
        aws.ACCOUNT_ID,
        lambda text: re.sub(r"[\s-]", "", text).zfill(12),
    ),
]
ProviderUrl = Annotated[
    str,
    Rule(
        "an issuer's https url without port, query, fragment or trailing slash, at most 255 characters, not one that"
        f" AWS has built in. {_AWS_IAM}/API_CreateOpenIDConnectProvider.html",
        "https://container.googleapis.com/v1/projects/my-project/locations/europe-west1/clusters/my-cluster",
        check_aws_provider,
        {"pattern": ecma(aws.OIDC_URL), "maxLength": aws.OIDC_URL_CHARACTERS},
    ),
]
Audience = Annotated[
    str,
    _text(
        "1-255 of letters, digits and . _ : / @ + = , ~ -, first a letter or a digit; no * ? or ${, which policies take"
        f" for patterns. {_AWS_IAM}/API_CreateOpenIDConnectProvider.html",
        aws.STS_AUDIENCE,
        aws.AUDIENCE,
        sizes=range(1, aws.CLIENT_ID_CHARACTERS + 1),
    ),
]


def _check_thumbprint(text: str) -> Fault | None:
    if aws.THUMBPRINT.fullmatch(text):
        return None
    meant = re.sub(r"[\s:]", "", text)
    if aws.THUMBPRINT.fullmatch(meant):
        return Fault("is written with separators", meant)
    return Fault(
        "is not a SHA-1 fingerprint",
        fix="leave thumbprints out: AWS checks the issuer's certificate by its trusted CAs",
    )


Thumbprint = Annotated[
    str,
    Rule(
        f"40 hexadecimal digits. {_AWS_IAM}/API_CreateOpenIDConnectProvider.html",
        "08745487e891c19e3078c1f2a07e452950ef36f6",
        _check_thumbprint,
        {"pattern": ecma(aws.THUMBPRINT)},
    ),
]
RoleName = Annotated[
    str,
    _text(
        f"a role's name (not its ARN): 1-64 of letters, digits and _ + = , . @ -. {_AWS_IAM}/API_CreateRole.html",
        "S3Reader",
        aws.ROLE_NAME,
        lambda text: re.sub(r"[^A-Za-z0-9_+=,.@-]+", "-", text.rsplit("/", 1)[-1])[:64],
        range(1, 65),
    ),
]
RoleDescription = Annotated[
    str,
    _text(
        f"at most 1,000 characters of Latin-1. {_AWS_IAM}/API_CreateRole.html",
        "Reads S3 for the workload s3-reader",
        aws.ROLE_DESCRIPTION,
        lambda text: re.sub(r"[^\t\n\r\x20-\x7e\xa1-\xff]", "", text)[:1000],
        range(1001),
    ),
]


def _check_session_seconds(seconds: int) -> Fault | None:
    nearest = min(max(seconds, aws.SESSION_SECONDS_MIN), aws.SESSION_SECONDS_MAX)
    return None if seconds == nearest else Fault("is too short" if seconds < nearest else "is too long", nearest)


SessionSeconds = Annotated[
    int,
    Rule(
        f"{aws.SESSION_SECONDS_MIN} to {aws.SESSION_SECONDS_MAX} seconds. {_AWS_IAM}/API_CreateRole.html",
        aws.SESSION_SECONDS_MIN,
        _check_session_seconds,
        {"minimum": aws.SESSION_SECONDS_MIN, "maximum": aws.SESSION_SECONDS_MAX},
    ),
]
PermissionsBoundary = Annotated[
    str,
    _text(
        "the ARN of a managed policy. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
        "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
        aws.PERMISSIONS_BOUNDARY,
    ),
]
BucketName = Annotated[
    str,
    _text(
        "a bucket's name (not its ARN): 3-63 of a-z, 0-9, . and -, not like an IP address."
        " https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
        "my-bucket",
        aws.BUCKET_NAME,
        lambda text: text.removeprefix("s3://").rsplit(":", 1)[-1].split("/", 1)[0].lower().replace("_", "-"),
        range(3, 64),
    ),
]


def _check_prefix(prefix: str) -> Fault | None:
    literal = re.sub(r"[*?\x00-\x1f\x7f]|\$\{?", "", prefix).lstrip("/")
    if literal != prefix:
        meant = f"{literal.rstrip('/')}/" if literal.strip("/") else "reports/"
        return Fault("starts with / or has a pattern; all that is under the prefix is included", meant)
    if prefix and not prefix.endswith("/"):
        return Fault(f"would also open its neighbours, such as {prefix}-other/", f"{prefix}/")
    return at_most(aws.OBJECT_KEY_BYTES, "bytes")(prefix) and Fault("is longer than a key can be", "reports/")


Prefix = Annotated[
    str,
    Rule(
        "how the keys start: no slash first, a slash last, no * ? or $, at most 1,024 bytes."
        " https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html",
        "reports/",
        _check_prefix,
        {"pattern": r"^(?:[^*?$/][^*?$]*/)?$", "maxLength": aws.OBJECT_KEY_BYTES},
    ),
]
KmsKeyArn = Annotated[
    str,
    _text(
        "the ARN of a key: for an alias, a policy would give no access to the key."
        " https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-ARN",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        aws.KMS_KEY_ARN,
    ),
]

# Kubernetes and Pulumi

Namespace = Annotated[
    str,
    _text(
        "a namespace: 1-63 of a-z, 0-9 and -, no hyphen first or last."
        " https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
        "default",
        kubernetes.NAMESPACE,
        name_like(63),
        range(1, 64),
    ),
]
KubernetesServiceAccountName = Annotated[
    str,
    _text(
        "a Kubernetes service account's name: at most 253 of a-z, 0-9, - and ., each part starting and ending with a"
        " letter or digit. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
        "s3-reader",
        kubernetes.SERVICE_ACCOUNT_NAME,
        name_like(253),
        range(1, 254),
    ),
]
WorkloadName = Annotated[
    str,
    _text(
        "1-40 of a-z, 0-9 and -, first a letter, last no hyphen: it becomes part of the resources' names in Pulumi."
        " https://www.pulumi.com/docs/iac/concepts/resources/names/",
        "s3-reader",
        re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"),
        name_like(40, first="a-z"),
        range(1, 41),
    ),
]
