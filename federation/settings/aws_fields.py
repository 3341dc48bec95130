"""Single values that AWS gives a form: each with its rule, the rule's source, and an example that keeps it."""

import re
from typing import Annotated

from federation import aws
from federation.settings.rule import Fault, Rule, at_most, ecma, written_as
from federation.settings.urls import check_aws_provider, check_google_provider

_IAM = "https://docs.aws.amazon.com/IAM/latest/APIReference"


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
    written_as(
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
        f" AWS has built in. {_IAM}/API_CreateOpenIDConnectProvider.html",
        "https://container.googleapis.com/v1/projects/my-project/locations/europe-west1/clusters/my-cluster",
        check_aws_provider,
        {"pattern": ecma(aws.OIDC_URL), "maxLength": aws.OIDC_URL_CHARACTERS},
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
Audience = Annotated[
    str,
    written_as(
        "1-255 of letters, digits and . _ : / @ + = , ~ -, first a letter or a digit; no * ? or ${, which policies take"
        f" for patterns. {_IAM}/API_CreateOpenIDConnectProvider.html",
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
        f"40 hexadecimal digits. {_IAM}/API_CreateOpenIDConnectProvider.html",
        "08745487e891c19e3078c1f2a07e452950ef36f6",
        _check_thumbprint,
        {"pattern": ecma(aws.THUMBPRINT)},
    ),
]
RoleName = Annotated[
    str,
    written_as(
        f"a role's name (not its ARN): 1-64 of letters, digits and _ + = , . @ -. {_IAM}/API_CreateRole.html",
        "S3Reader",
        aws.ROLE_NAME,
        lambda text: re.sub(r"[^A-Za-z0-9_+=,.@-]+", "-", text.rsplit("/", 1)[-1])[:64],
        range(1, 65),
    ),
]
RoleDescription = Annotated[
    str,
    written_as(
        f"at most 1,000 characters of Latin-1. {_IAM}/API_CreateRole.html",
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
        f"{aws.SESSION_SECONDS_MIN} to {aws.SESSION_SECONDS_MAX} seconds. {_IAM}/API_CreateRole.html",
        aws.SESSION_SECONDS_MIN,
        _check_session_seconds,
        {"minimum": aws.SESSION_SECONDS_MIN, "maximum": aws.SESSION_SECONDS_MAX},
    ),
]
PermissionsBoundary = Annotated[
    str,
    written_as(
        "the ARN of a managed policy. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
        "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
        aws.PERMISSIONS_BOUNDARY,
    ),
]
BucketName = Annotated[
    str,
    written_as(
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
    written_as(
        "the ARN of a key: for an alias, a policy would give no access to the key."
        " https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id-key-ARN",
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        aws.KMS_KEY_ARN,
    ),
]
