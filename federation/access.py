"""What a workload may do in S3: the least inline policy for a list of buckets.

It deliberately grants no access to earlier versions, ACLs, tags or bucket settings, and no delete unless a grant asks
for it. Listing stops at the grant's prefix, with one exception that S3 leaves no choice in: unfinished uploads can only
be listed for a whole bucket.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from federation.aws import (
    BUCKET_NAME,
    DNS_SUFFIXES,
    INLINE_POLICIES_CHARACTERS,
    KMS_KEY_ARN,
    OBJECT_KEY_BYTES,
    PARTITIONS,
    policy_characters,
)

Access = Literal["read-only", "read-write", "read-write-delete"]

_PATTERN = re.compile(r"[*?\x00-\x1f\x7f]|\$\{")


@dataclass(frozen=True)
class BucketGrant:
    """Access to the objects of one bucket whose keys start with `prefix` (all of them when it is empty).

    `kms_key_arns` are the keys that encrypt the bucket, if it uses SSE-KMS. Raises ValueError naming the field for a
    value that S3 can't have, or that IAM would take for a pattern.
    """

    bucket: str
    access: Access
    prefix: str = ""
    kms_key_arns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not BUCKET_NAME.fullmatch(self.bucket):
            raise ValueError(
                f"bucket {self.bucket!r} is not a bucket name: 3-63 of a-z, 0-9, . and -, such as my-bucket"
            )
        if self.access not in get_args(Access):
            raise ValueError(f"access {self.access!r} is not one of {', '.join(get_args(Access))}")
        self._check_prefix()
        for arn in self.kms_key_arns:
            if not KMS_KEY_ARN.fullmatch(arn):
                raise ValueError(
                    f"kms_key_arns: {arn!r} is not the ARN of a key (IAM matches no alias), such as"
                    " arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                )

    def _check_prefix(self) -> None:
        if _PATTERN.search(self.prefix):
            raise ValueError(
                f"prefix {self.prefix!r} has a control character, *, ? or ${{, which IAM takes for a pattern:"
                " give the prefix alone, such as reports/; everything under it is included"
            )
        if self.prefix and not self.prefix.endswith("/"):
            raise ValueError(
                f"prefix {self.prefix!r} does not end with /: it would also open its neighbours, such as"
                f" {self.prefix + '-other/'!r}; write {self.prefix + '/'!r}"
            )
        if len(self.prefix.encode()) > OBJECT_KEY_BYTES:
            raise ValueError(f"prefix {self.prefix[:40]!r}… is longer than a key can be, {OBJECT_KEY_BYTES} bytes")

    @property
    def writes(self) -> bool:
        """Whether the grant lets objects be put."""
        return self.access != "read-only"

    @property
    def deletes(self) -> bool:
        """Whether the grant lets objects be deleted."""
        return self.access == "read-write-delete"


def s3_policy(partition: str, grants: Sequence[BucketGrant]) -> str:
    """The inline policy document that gives `grants` and nothing else; the same grants in any order give the same text.

    Raises ValueError for no grants, an unknown partition, a key of another partition, or a policy past IAM's limit.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    if not grants:
        raise ValueError("grants is empty: name at least one bucket")
    if partition not in PARTITIONS:
        raise ValueError(f"partition {partition!r} is not one of {', '.join(PARTITIONS)}")
    statements = [
        *_bucket_statements(partition, grants),
        *_listing_statements(partition, grants),
        *_object_statements(partition, grants),
        *_key_statements(partition, grants),
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)
    if (size := policy_characters(policy)) > INLINE_POLICIES_CHARACTERS:
        raise ValueError(
            f"grants make an inline policy of {size} characters; IAM allows {INLINE_POLICIES_CHARACTERS} for a role:"
            " grant shorter or fewer prefixes, or split the workload in two"
        )
    return policy


def _bucket_statements(partition: str, grants: Sequence[BucketGrant]) -> Iterable[dict[str, Any]]:
    buckets = [_bucket_arn(partition, grant) for grant in grants]
    yield _allow("LocateBuckets", ["s3:GetBucketLocation"], buckets)
    if written := [_bucket_arn(partition, grant) for grant in grants if grant.writes]:
        # S3 offers no condition on the prefix here: the keys (not the contents) of others' unfinished uploads show.
        yield _allow("ListUnfinishedUploads", ["s3:ListBucketMultipartUploads"], written)


def _listing_statements(partition: str, grants: Sequence[BucketGrant]) -> Iterable[dict[str, Any]]:
    prefixes_of_bucket: dict[str, set[str]] = defaultdict(set)
    for grant in grants:
        prefixes_of_bucket[_bucket_arn(partition, grant)].add(grant.prefix)

    buckets_of_prefixes: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for bucket, prefixes in prefixes_of_bucket.items():
        buckets_of_prefixes[() if "" in prefixes else tuple(sorted(prefixes))].append(bucket)

    if whole_buckets := buckets_of_prefixes.pop((), None):
        yield _allow("ListBuckets", ["s3:ListBucket"], whole_buckets)
    for number, (shared_prefixes, buckets) in enumerate(sorted(buckets_of_prefixes.items()), start=1):
        under_prefixes = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in shared_prefixes]}}
        yield _allow(f"ListPrefixes{number}", ["s3:ListBucket"], buckets, under_prefixes)


def _object_statements(partition: str, grants: Sequence[BucketGrant]) -> Iterable[dict[str, Any]]:
    yield _allow("ReadObjects", ["s3:GetObject"], [_objects_arn(partition, grant) for grant in grants])
    if written := [_objects_arn(partition, grant) for grant in grants if grant.writes]:
        upload = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"]
        yield _allow("WriteObjects", upload, written)
    if deleted := [_objects_arn(partition, grant) for grant in grants if grant.deletes]:
        yield _allow("DeleteObjects", ["s3:DeleteObject"], deleted)


def _key_statements(partition: str, grants: Sequence[BucketGrant]) -> Iterable[dict[str, Any]]:
    """Use of the keys through S3 only, so the role can't decrypt with them anything that it holds from elsewhere.

    Writing needs kms:Decrypt too: S3 decrypts the data key again for each part of a multipart upload.
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
    """
    for sid, action, chosen in (
        ("DecryptThroughS3", "kms:Decrypt", grants),
        ("EncryptThroughS3", "kms:GenerateDataKey", [grant for grant in grants if grant.writes]),
    ):
        keys = sorted({arn for grant in chosen for arn in grant.kms_key_arns})
        if not keys:
            continue
        if foreign := [arn for arn in keys if not arn.startswith(f"arn:{partition}:")]:
            raise ValueError(f"kms_key_arns: {foreign[0]!r} is not in the partition {partition}")
        services = sorted({f"s3.{arn.split(':')[3]}.{suffix}" for arn in keys for suffix in DNS_SUFFIXES[partition]})
        yield _allow(sid, [action], keys, {"StringEquals": {"kms:ViaService": services}})


def _allow(
    sid: str, actions: list[str], resources: Iterable[str], condition: dict[str, Any] | None = None
) -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": sorted(set(resources))}
    return {**statement, "Condition": condition} if condition else statement


def _bucket_arn(partition: str, grant: BucketGrant) -> str:
    return f"arn:{partition}:s3:::{grant.bucket}"


def _objects_arn(partition: str, grant: BucketGrant) -> str:
    return f"{_bucket_arn(partition, grant)}/{grant.prefix}*"
