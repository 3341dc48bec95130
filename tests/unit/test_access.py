"""S3 policies: what they say, and that nothing a grant can hold makes them say more."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.access import BucketGrant, s3_policy

KEY = "arn:aws:kms:eu-west-1:211125558983:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def statements(*grants: BucketGrant, partition: str = "aws") -> dict[str, Any]:
    return {statement["Sid"]: statement for statement in json.loads(s3_policy(partition, grants))["Statement"]}


def actions(*grants: BucketGrant) -> set[str]:
    return {action for statement in statements(*grants).values() for action in statement["Action"]}


def test_reading_a_bucket_takes_its_location_its_list_and_its_objects() -> None:
    assert statements(BucketGrant("reports", "read-only")) == {
        "LocateBuckets": {
            "Sid": "LocateBuckets",
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation"],
            "Resource": ["arn:aws:s3:::reports"],
        },
        "ListBuckets": {
            "Sid": "ListBuckets",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": ["arn:aws:s3:::reports"],
        },
        "ReadObjects": {
            "Sid": "ReadObjects",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": ["arn:aws:s3:::reports/*"],
        },
    }


def test_a_prefix_limits_the_list_and_the_objects() -> None:
    policy = statements(BucketGrant("reports", "read-only", prefix="2026/"))

    assert policy["ListPrefixes1"]["Condition"] == {"StringLike": {"s3:prefix": ["2026/*"]}}
    assert policy["ReadObjects"]["Resource"] == ["arn:aws:s3:::reports/2026/*"]
    assert "ListBuckets" not in policy


def test_writing_adds_uploads_in_parts_and_their_abort_but_no_delete() -> None:
    written = actions(BucketGrant("reports", "read-write", prefix="in/"))

    assert written - actions(BucketGrant("reports", "read-only", prefix="in/")) == {
        "s3:AbortMultipartUpload",
        "s3:ListBucketMultipartUploads",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
    }


def test_deleting_is_given_only_when_it_is_asked_for_and_only_under_the_prefix() -> None:
    policy = statements(
        BucketGrant("reports", "read-write-delete", prefix="tmp/"), BucketGrant("reports", "read-write", prefix="in/")
    )

    assert policy["DeleteObjects"]["Action"] == ["s3:DeleteObject"]
    assert policy["DeleteObjects"]["Resource"] == ["arn:aws:s3:::reports/tmp/*"]


def test_a_writable_prefix_does_not_make_the_readable_one_writable() -> None:
    policy = statements(
        BucketGrant("reports", "read-write", prefix="in/"), BucketGrant("reports", "read-only", prefix="out/")
    )

    assert policy["WriteObjects"]["Resource"] == ["arn:aws:s3:::reports/in/*"]
    assert policy["ReadObjects"]["Resource"] == ["arn:aws:s3:::reports/in/*", "arn:aws:s3:::reports/out/*"]


def test_a_bucket_s_prefixes_are_listed_in_that_bucket_only() -> None:
    policy = statements(
        BucketGrant("alpha", "read-only", prefix="a/"),
        BucketGrant("bravo", "read-only", prefix="b/"),
        BucketGrant("beta", "read-only", prefix="b/"),
    )

    listing = {
        sid: (policy[sid]["Resource"], policy[sid]["Condition"]["StringLike"]["s3:prefix"])
        for sid in ("ListPrefixes1", "ListPrefixes2")
    }
    assert listing == {
        "ListPrefixes1": (["arn:aws:s3:::alpha"], ["a/*"]),
        "ListPrefixes2": (["arn:aws:s3:::beta", "arn:aws:s3:::bravo"], ["b/*"]),
    }


def test_a_whole_bucket_is_listed_without_a_condition_whatever_prefixes_are_granted_beside_it() -> None:
    policy = statements(BucketGrant("reports", "read-only"), BucketGrant("reports", "read-write", prefix="in/"))

    assert "Condition" not in policy["ListBuckets"]
    assert "ListPrefixes1" not in policy


def test_keys_of_an_encrypted_bucket_are_used_through_s3_only() -> None:
    policy = statements(BucketGrant("reports", "read-only", kms_key_arns=(KEY,)))

    assert policy["DecryptThroughS3"] == {
        "Sid": "DecryptThroughS3",
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": [KEY],
        "Condition": {"StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]}},
    }
    assert "EncryptThroughS3" not in policy


def test_writing_to_an_encrypted_bucket_takes_data_keys_and_their_decryption() -> None:
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= actions(BucketGrant("reports", "read-write", kms_key_arns=(KEY,)))


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_every_bucket_is_named_in_the_account_s_partition(partition: str) -> None:
    policy = statements(BucketGrant("reports", "read-write"), partition=partition)

    resources = {resource for statement in policy.values() for resource in statement["Resource"]}
    assert resources == {f"arn:{partition}:s3:::reports", f"arn:{partition}:s3:::reports/*"}


def test_china_s_s3_is_recognised_by_either_of_its_names() -> None:
    key = KEY.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "cn-north-1")
    policy = statements(BucketGrant("reports", "read-only", kms_key_arns=(key,)), partition="aws-cn")

    assert policy["DecryptThroughS3"]["Condition"]["StringEquals"]["kms:ViaService"] == [
        "s3.cn-north-1.amazonaws.com",
        "s3.cn-north-1.amazonaws.com.cn",
    ]


GRANTS = st.builds(
    BucketGrant,
    bucket=st.sampled_from(["alpha", "bravo"]),
    access=st.sampled_from(["read-only", "read-write", "read-write-delete"]),
    prefix=st.sampled_from(["", "a/", "a/b/", "c/"]),
    kms_key_arns=st.sampled_from([(), (KEY,)]),
)


@given(grants=st.lists(GRANTS, min_size=1, max_size=5), data=st.data())
def test_the_order_of_the_grants_does_not_change_the_policy(grants: list[BucketGrant], data: st.DataObject) -> None:
    assert s3_policy("aws", grants) == s3_policy("aws", data.draw(st.permutations(grants)))


@given(grants=st.lists(GRANTS, min_size=1, max_size=5))
def test_each_action_reaches_exactly_what_the_grants_that_ask_for_it_name(grants: list[BucketGrant]) -> None:
    def granted(chosen: Iterable[BucketGrant]) -> set[str]:
        return {f"arn:aws:s3:::{grant.bucket}/{grant.prefix}*" for grant in chosen}

    policy = statements(*grants)
    reached = {sid: set(policy[sid]["Resource"]) if sid in policy else set() for sid in ("ReadObjects", "WriteObjects")}
    assert reached["ReadObjects"] == granted(grants)
    assert reached["WriteObjects"] == granted(grant for grant in grants if grant.access != "read-only")
    assert set(policy["DeleteObjects"]["Resource"] if "DeleteObjects" in policy else []) == granted(
        grant for grant in grants if grant.access == "read-write-delete"
    )


@pytest.mark.parametrize("prefix", ["*", "logs/*", "lo?s/", "${aws:username}/", "logs/\n", "\0/"])
def test_a_prefix_that_iam_would_take_for_a_pattern_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"prefix .* give the prefix alone, such as reports/"):
        BucketGrant("reports", "read-only", prefix=prefix)


def test_a_prefix_that_would_open_its_neighbours_is_refused_with_the_one_that_does_not() -> None:
    with pytest.raises(ValueError, match=r"'logs-other/'; write 'logs/'"):
        BucketGrant("reports", "read-only", prefix="logs")


def test_a_prefix_longer_than_any_key_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a key can be, 1024 bytes"):
        BucketGrant("reports", "read-only", prefix="é" * 512 + "/")


@pytest.mark.parametrize("bucket", ["", "*", "re*orts", "Reports", "arn:aws:s3:::reports", "reports/in", "a" * 64])
def test_what_is_no_bucket_s_name_is_refused_with_the_rule(bucket: str) -> None:
    with pytest.raises(ValueError, match=r"bucket .* is not a bucket name: 3-63 of"):
        BucketGrant(bucket, "read-only")


def test_an_unknown_access_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="access 'admin' is not one of read-only, read-write, read-write-delete"):
        BucketGrant("reports", "admin")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arn", ["*", "arn:aws:kms:eu-west-1:211125558983:key/*", KEY.replace("key/", "alias/"), "1234"]
)
def test_what_is_no_key_s_arn_is_refused_with_one_that_is(arn: str) -> None:
    with pytest.raises(ValueError, match=r"kms_key_arns: .* such as arn:aws:kms:"):
        BucketGrant("reports", "read-only", kms_key_arns=(arn,))


def test_a_key_of_another_partition_is_refused() -> None:
    with pytest.raises(ValueError, match="is not in the partition aws-cn"):
        s3_policy("aws-cn", [BucketGrant("reports", "read-only", kms_key_arns=(KEY,))])


def test_no_grants_make_no_policy() -> None:
    with pytest.raises(ValueError, match="name at least one bucket"):
        s3_policy("aws", [])


def test_a_partition_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="partition 'aws-eu' is not one of aws, aws-us-gov, aws-cn"):
        s3_policy("aws-eu", [BucketGrant("reports", "read-only")])


def test_a_policy_past_iam_s_limit_is_refused_with_what_to_do() -> None:
    grants = [BucketGrant(f"bucket-number-{number}", "read-write", prefix="p" * 60 + "/") for number in range(40)]

    with pytest.raises(ValueError, match=r"IAM allows 10240 for a role: .* split the workload in two"):
        s3_policy("aws", grants)
