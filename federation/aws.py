"""AWS's names, limits and formats, as far as federation with Google Cloud needs them.

Each limit is written once, here, beside the document that states it. This module deliberately does not know Google;
how a Google token becomes AWS condition keys is in `federation.trust`.
"""

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

Partition = Literal["aws", "aws-us-gov", "aws-cn"]
PARTITIONS: Final[tuple[Partition, ...]] = get_args(Partition)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html"""

DNS_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "aws": ("amazonaws.com",),
    "aws-us-gov": ("amazonaws.com",),
    "aws-cn": ("amazonaws.com", "amazonaws.com.cn"),
}
"""What the names of a partition's services end with; in China it depends on the service, and both name AWS alone.
https://docs.amazonaws.cn/en_us/aws/latest/userguide/endpoints-arns.html"""

STS_AUDIENCE: Final = "sts.amazonaws.com"
"""The audience that AWS's own tools ask for. https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html"""

ASSUME_ROLE_WITH_WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
"""The action that a web identity token is presented to. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"""

ACCOUNT_ID: Final = re.compile(r"[0-9]{12}")
REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]")
"""https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html"""

_REGION_OF_PARTITION: Final[tuple[tuple[Partition, re.Pattern[str]], ...]] = (
    ("aws", re.compile(r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-[0-9]")),
    ("aws-us-gov", re.compile(r"us-gov-[a-z]+-[0-9]")),
    ("aws-cn", re.compile(r"cn-[a-z]+-[0-9]")),
)
"""As in botocore's partitions.json. https://docs.aws.amazon.com/general/latest/gr/rande.html"""

ROLE_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")
"""Unique in an account whatever the case. https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""

SESSION_SECONDS_MIN: Final = 3600
SESSION_SECONDS_MAX: Final = 43200
"""A role's MaxSessionDuration, seconds. https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""

ROLE_DESCRIPTION: Final = re.compile(r"[\t\n\r\x20-\x7e\xa1-\xff]{0,1000}")
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""

SESSION_NAME: Final = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"""

WEB_IDENTITY_TOKEN_CHARACTERS: Final = range(4, 20_001)
WEB_IDENTITY_TOKEN_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"""

WEB_IDENTITY_TOKEN_CLAIMS: Final = ("iss", "sub", "aud", "exp", "iat")
"""Those that a token must have. STS says: Missing a required claim: …
https://github.com/aws/aws-sdk-ruby/issues/2698"""

OIDC_URL_CHARACTERS: Final = 255
CLIENT_IDS: Final = 100
CLIENT_ID_CHARACTERS: Final = 255
THUMBPRINTS: Final = 5
THUMBPRINT: Final = re.compile(r"[0-9A-Fa-f]{40}")
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html"""

OIDC_URL: Final = re.compile(r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[A-Za-z0-9._~-]+)*")
"""No port, query, fragment or trailing slash. Same source; a trailing slash would be lost in the provider's ARN."""

AUDIENCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+=,~-]{0,254}")
"""A client id of an OIDC provider. IAM limits only its length; the characters are narrower here on purpose, as an
audience ends in trust policies, where `*`, `?` and `${` have a meaning, and in URLs and shell commands."""

TRUST_POLICY_CHARACTERS: Final = 2048
"""Default quota, counted without white space; 8,192 after a quota increase (L-C07B4B0D).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""

INLINE_POLICIES_CHARACTERS: Final = 10_240
"""All inline policies of a role together, counted without white space. Same source."""

OIDC_PROVIDERS: Final = 100
"""IAM OIDC providers of an account by default, up to 700 after a quota increase. Same source."""

PERMISSIONS_BOUNDARY: Final = re.compile(
    r"arn:(?:aws|aws-us-gov|aws-cn):iam::(?:[0-9]{12}|aws):policy/(?:[A-Za-z0-9_+=,.@-]+/)*"
    r"[A-Za-z0-9_+=,.@-]{1,128}"
)
"""The ARN of a managed policy. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html"""

TAGS: Final = 50
TAG_KEY_CHARACTERS: Final = 128
TAG_VALUE_CHARACTERS: Final = 256
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html"""
TAG_TEXT: Final = re.compile(r"[\w .:/=+@-]*")
"""Letters, digits, spaces and _ . : / = + - @, in keys and values. Same source."""

BUCKET_NAME: Final = re.compile(
    r"(?!xn--|sthree-|amzn-s3-demo-|[0-9]+(?:\.[0-9]+){3}\Z)(?!.*\.\.)"
    r"(?!.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)\Z)"
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
)
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

OBJECT_KEY_BYTES: Final = 1024
"""UTF-8 bytes of an object's key. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

KMS_KEY_ARN: Final = re.compile(r"arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+")
"""https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-ARN"""

SILENT_ISSUERS: Final = frozenset(
    {"sts.amazonaws.com", "sts.googleapis.com", "iam.googleapis.com", "www.googleapis.com"}
)
"""Hosts that guides take for issuers, but that sign no token with themselves as `iss`: neither serves a discovery
document. Google's ID tokens come from accounts.google.com, a cluster's from the cluster's own issuer."""

BUILT_IN_OIDC_HOSTS: Final = frozenset(
    {"accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"}
)
"""Issuers that AWS knows without an IAM OIDC provider; creating one makes STS refuse their tokens.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"""

OUTBOUND_ISSUER: Final = re.compile(
    r"https://[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\.tokens\.sts\.global\.api\.aws"
)
"""Issuer of an account's outbound identity federation.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html"""


def partition_of_region(region: str) -> Partition | None:
    """The partition a region belongs to; None for those this program does not serve (aws-iso*, aws-eusc)."""
    return next((partition for partition, regions in _REGION_OF_PARTITION if regions.fullmatch(region)), None)


def issuer_host_and_path(url: str) -> str:
    """An OIDC provider's url as IAM writes it in ARNs and condition keys: without the scheme.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    parts = urlsplit(url)
    return f"{parts.netloc}{parts.path}".rstrip("/")


def oidc_provider_arn(partition: str, account_id: str, url: str) -> str:
    """The ARN that IAM gives to the OIDC provider of `url` in an account."""
    return f"arn:{partition}:iam::{account_id}:oidc-provider/{issuer_host_and_path(url)}"


def role_arn(partition: str, account_id: str, role_name: str) -> str:
    """The ARN of a role without a path."""
    return f"arn:{partition}:iam::{account_id}:role/{role_name}"


def assumed_role_prefix(partition: str, account_id: str, role_name: str) -> str:
    """What the ARN of every session of a role starts with; the session's name follows."""
    return f"arn:{partition}:sts::{account_id}:assumed-role/{role_name}/"


def s3_read_only_policy_arn(partition: str) -> str:
    """The managed policy AmazonS3ReadOnlyAccess of a partition.
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonS3ReadOnlyAccess.html
    """
    return f"arn:{partition}:iam::aws:policy/AmazonS3ReadOnlyAccess"


def policy_characters(policy: str) -> int:
    """The size of a policy document as IAM's quotas count it: characters that are not white space.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    return sum(not character.isspace() for character in policy)
