"""Single values that Google Cloud gives a form: each with its rule, the rule's source, and an example that keeps it."""

from collections.abc import Callable
from typing import Annotated

from federation import google
from federation.settings.rule import Fault, Rule, ecma, matches, name_like, no_longer_than, written_as

_IAM = "https://cloud.google.com/iam/docs/reference/rest/v1"

ProjectId = Annotated[
    str,
    written_as(
        "a project id (not its number or title): 6-30 of a-z, 0-9 and -, first a letter, last no hyphen."
        " https://cloud.google.com/resource-manager/docs/creating-managing-projects",
        "my-project",
        google.PROJECT_ID,
        name_like(30, first="a-z"),
    ),
]
ClusterLocation = Annotated[
    str,
    written_as(
        "a region or a zone of Google Cloud. https://cloud.google.com/compute/docs/regions-zones",
        "europe-west1",
        google.LOCATION,
        name_like(40),
    ),
]
ClusterName = Annotated[
    str,
    written_as(
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
    written_as(
        "a service account's id (not its e-mail): 6-30 of a-z, 0-9 and -, first a letter, last no hyphen."
        f" {_IAM}/projects.serviceAccounts/create",
        "s3-reader",
        google.SERVICE_ACCOUNT_ID,
        name_like(30, first="a-z"),
        range(6, 31),
    ),
]
ServiceAccountDisplayName = Annotated[
    str,
    no_longer_than(
        f"at most 100 bytes in UTF-8. {_IAM}/projects.serviceAccounts#ServiceAccount",
        "Reads S3",
        google.SERVICE_ACCOUNT_DISPLAY_NAME_BYTES,
        "bytes",
    ),
]
ServiceAccountDescription = Annotated[
    str,
    no_longer_than(
        f"at most 256 bytes in UTF-8. {_IAM}/projects.serviceAccounts#ServiceAccount",
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
        f" {_IAM}/projects.locations.{method}/create",
        example,
        _check_workload_identity_id(example),
        {"pattern": ecma(google.WORKLOAD_IDENTITY_ID)},
    )


PoolId = Annotated[str, _workload_identity_id("aws-pool", "workloadIdentityPools")]
ProviderId = Annotated[str, _workload_identity_id("aws-provider", "workloadIdentityPools.providers")]
PoolDisplayName = Annotated[
    str,
    no_longer_than(
        f"at most 32 characters. {_IAM}/projects.locations.workloadIdentityPools#WorkloadIdentityPool",
        "AWS",
        google.WORKLOAD_IDENTITY_DISPLAY_NAME_CHARACTERS,
    ),
]
PoolDescription = Annotated[
    str,
    no_longer_than(
        f"at most 256 characters. {_IAM}/projects.locations.workloadIdentityPools#WorkloadIdentityPool",
        "AWS roles that use Google Cloud",
        google.WORKLOAD_IDENTITY_DESCRIPTION_CHARACTERS,
    ),
]
GoogleRole = Annotated[
    str,
    written_as(
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
