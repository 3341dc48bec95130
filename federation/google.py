"""Google Cloud's names, limits and formats, as far as federation with AWS needs them.

Each limit is written once, here, beside the document that states it. This module deliberately does not know AWS.
"""

import re
from typing import Final, Literal

GOOGLE_ISSUER: Final = "https://accounts.google.com"
"""Issuer of the ID tokens of service accounts. https://developers.google.com/identity/openid-connect/openid-connect"""

GOOGLE_ISSUERS: Final = frozenset({GOOGLE_ISSUER, GOOGLE_ISSUER.removeprefix("https://")})
"""The claim iss of Google's ID tokens, in both of its spellings.
https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken"""

SUBJECT_TOKEN_ALGORITHMS: Final = ("RS256", "ES256")
"""How a token that is exchanged at the Security Token Service may be signed.
https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token"""

CONTAINER_API: Final = "https://container.googleapis.com"
"""Host of the GKE API, which also serves each cluster's discovery document and keys."""

PROJECT_ID: Final = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
"""6-30 characters, optionally behind a domain. https://cloud.google.com/resource-manager/docs/creating-managing-projects"""

LOCATION: Final = re.compile(r"[a-z]+-[a-z]+[0-9]+(?:-[a-z])?")
"""A region (europe-west1) or a zone (europe-west1-b). https://cloud.google.com/compute/docs/regions-zones"""

CLUSTER_NAME: Final = re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?")
"""1-40 characters. https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters"""

SERVICE_ACCOUNT_ID: Final = re.compile(r"(?=.{6,30}\Z)[a-z](?:[-a-z0-9]*[a-z0-9])")
"""6-30 characters. https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create"""

SERVICE_ACCOUNT_DISPLAY_NAME_BYTES: Final = 100
SERVICE_ACCOUNT_DESCRIPTION_BYTES: Final = 256
"""UTF-8 bytes. https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts#ServiceAccount"""

SERVICE_ACCOUNT_UNIQUE_ID: Final = re.compile(r"[0-9]{21}")
"""What Google gives as `uniqueId` and as the `sub` claim; 21 digits in every published example."""

WORKLOAD_IDENTITY_ID: Final = re.compile(r"(?!gcp-)[a-z0-9-]{4,32}")
"""Pool and provider ids: 4-32 of [a-z0-9-], the prefix gcp- is reserved.
https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create"""

WORKLOAD_IDENTITY_DISPLAY_NAME_CHARACTERS: Final = 32
WORKLOAD_IDENTITY_DESCRIPTION_CHARACTERS: Final = 256
"""https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools#WorkloadIdentityPool"""

SOFT_DELETE_DAYS: Final = 30
"""How long a deleted pool's or provider's id stays taken (and can be undeleted). Same source."""

SUBJECT_BYTES: Final = 127
ATTRIBUTE_MAPPING_CHARACTERS: Final = 2048
ATTRIBUTE_CONDITION_CHARACTERS: Final = 4096
CUSTOM_ATTRIBUTES: Final = 50
CUSTOM_ATTRIBUTE_NAME: Final = re.compile(r"[a-z0-9_]{1,100}")
MAPPED_ATTRIBUTES_BYTES: Final = 8192
ALLOWED_AUDIENCES: Final = 10
ALLOWED_AUDIENCE_CHARACTERS: Final = 256
"""https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers"""

WORKLOAD_IDENTITY_USER: Final = "roles/iam.workloadIdentityUser"
OPEN_ID_TOKEN_CREATOR: Final = "roles/iam.serviceAccountOpenIdTokenCreator"
TOKEN_CREATOR: Final = "roles/iam.serviceAccountTokenCreator"
"""Roles on a service account. https://cloud.google.com/iam/docs/service-account-permissions"""

ROLE: Final = re.compile(r"(?:(?:projects|organizations)/[a-z0-9.:-]+/)?roles/[A-Za-z0-9_.]{3,64}")
"""A predefined role or a project's or an organization's own. https://cloud.google.com/iam/docs/roles-overview"""

_EMAIL = r"[A-Za-z0-9._%+'~-]+@[A-Za-z0-9.-]+"
MEMBER: Final = re.compile(
    rf"(?:user|group):{_EMAIL}"
    rf"|serviceAccount:(?:{_EMAIL}|[a-z0-9.:-]+\.svc\.id\.goog\[[a-z0-9-]+/[a-z0-9.-]+\])"
    r"|domain:[a-z0-9.-]+"
    r"|principal(?:Set)?://[!-)+->@-~]+"
)
"""Who a role can be granted to, with the type in front; no `*`, which stands for a whole pool.
https://cloud.google.com/iam/docs/principal-identifiers"""

EVERYONE: Final = frozenset({"allUsers", "allAuthenticatedUsers", "principalSet://goog/public:all"})
"""Members that stand for anybody at all. Same source."""

SERVICE_ACCOUNT_ANNOTATION: Final = "iam.gke.io/gcp-service-account"
"""https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"""

ProviderKind = Literal["aws", "oidc"]


def cluster_path(project: str, location: str, cluster: str) -> str:
    """The cluster's resource name in the GKE API, `projects/P/locations/L/clusters/C`."""
    return f"projects/{project}/locations/{location}/clusters/{cluster}"


def gke_issuer(project: str, location: str, cluster: str) -> str:
    """The `iss` of a cluster's service account tokens.

    Built from the parts, never from a self link: a zonal cluster's self link says /zones/, its issuer /locations/.
    https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters/getJwks
    """
    return f"{CONTAINER_API}/v1/{cluster_path(project, location, cluster)}"


def workload_pool(project: str) -> str:
    """The one workload pool a project's clusters can have.
    https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity
    """
    return f"{project}.svc.id.goog"


def enable_workload_pool_command(project: str, location: str, cluster: str) -> str:
    """The gcloud command that turns a cluster's workload pool on."""
    return (
        f"gcloud container clusters update {cluster} --project={project} --location={location}"
        f" --workload-pool={workload_pool(project)}"
    )


def enable_metadata_server_command(project: str, location: str, cluster: str, node_pool: str) -> str:
    """The gcloud command that makes a Standard cluster's node pool serve identity tokens to its pods."""
    return (
        f"gcloud container node-pools update {node_pool} --cluster={cluster} --project={project}"
        f" --location={location} --workload-metadata=GKE_METADATA"
    )


def service_account_email(account_id: str, project: str) -> str:
    """The e-mail of a service account; a project behind a domain (`example.com:p`) is written `p.example.com`."""
    domain, separator, name = project.rpartition(":")
    return f"{account_id}@{name}{'.' + domain if separator else ''}.iam.gserviceaccount.com"


def kubernetes_member(pool: str, namespace: str, service_account: str) -> str:
    """The IAM member of a Kubernetes service account in a workload pool.
    https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity
    """
    return f"serviceAccount:{pool}[{namespace}/{service_account}]"


def principal_member(pool_name: str, subject: str) -> str:
    """The IAM member of one subject of a workload identity pool.

    `pool_name` is the pool's full resource name with the project *number*,
    `projects/NUMBER/locations/global/workloadIdentityPools/POOL`.
    https://cloud.google.com/iam/docs/principal-identifiers
    """
    return f"principal://iam.googleapis.com/{pool_name}/subject/{subject}"
