"""Roles: what IAM refuses, and what a session of one may do."""

import json
from typing import Any

import pytest

from federation.aws import s3_read_only_policy_arn
from sandbox import seed
from tests.sandbox.aws_support import (
    BOTH_ROUTES,
    ROLE_NAME,
    SESSION_ARN,
    AssumeRole,
    ClientFactory,
    Signer,
    policy,
    refusal,
    trusting,
)

FEDERATED = "Federated principals must be valid domain names or SAML metadata ARNs"
STATEMENT = trusting("accounts.google.com", {"StringEquals": {"accounts.google.com:sub": "1"}})


@pytest.fixture
def plain_iam(aws_client: ClientFactory) -> Any:
    return aws_client("iam")


def creating(iam: Any, **parameters: Any) -> tuple[int, str, str]:
    return refusal(iam.create_role, **{"RoleName": "new", "AssumeRolePolicyDocument": BOTH_ROUTES, **parameters})


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"RoleName": "r" * 65}, "Member must have length less than or equal to 64"),
        ({"RoleName": "a/b"}, "The specified value for roleName is invalid."),
        ({"MaxSessionDuration": 3599}, "Member must have value greater than or equal to 3600"),
        ({"MaxSessionDuration": 43_201}, "Member must have value less than or equal to 43200"),
    ],
)
def test_a_parameter_out_of_bounds_is_named(plain_iam: Any, parameters: dict[str, Any], says: str) -> None:
    status, code, text = creating(plain_iam, **parameters)
    assert (status, code) == (400, "ValidationError")
    assert says in text


def test_a_name_is_taken_whatever_its_case(plain_iam: Any) -> None:
    plain_iam.create_role(RoleName="Reader", AssumeRolePolicyDocument=BOTH_ROUTES)
    text = "Role with name READER already exists."
    assert creating(plain_iam, RoleName="READER") == (409, "EntityAlreadyExists", text)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ("{not json", "This policy contains invalid Json"),
        ("[]", "Could not parse the policy: Statement is empty!"),
        (policy(), "Could not parse the policy: Statement is empty!"),
        (policy({**STATEMENT, "Effect": "Maybe"}), "Syntax errors in policy."),
        (policy({**STATEMENT, "Resource": "*"}), "Has prohibited field Resource"),
        (policy({**STATEMENT, "Action": "s3:*"}), "AssumeRole policy may only specify STS AssumeRole actions."),
        (policy({**STATEMENT, "Principal": None}), "Missing required field Principal"),
        (policy({**STATEMENT, "Principal": {}}), "Missing required field Principal cannot be empty!"),
        (policy({**STATEMENT, "Principal": {"Federated": "https://accounts.google.com"}}), FEDERATED),
        (policy({**STATEMENT, "Principal": {"Federated": "issuer.example.com"}}), FEDERATED),
        (policy({**STATEMENT, "Principal": {"AWS": "someone"}}), 'Invalid principal in policy: "AWS":"someone"'),
        (policy({**STATEMENT, "Principal": {"Google": "a"}}), 'Invalid principal in policy: "GOOGLE":"a"'),
        (
            policy({**STATEMENT, "Condition": {"StringIs": {"accounts.google.com:sub": "1"}}}),
            "Syntax errors in policy.",
        ),
        (policy({**STATEMENT, "Condition": {"StringEquals": "1"}}), "Syntax errors in policy."),
    ],
)
def test_a_trust_policy_that_iam_refuses_is_refused_by_create_and_update(
    plain_iam: Any, document: str, says: str
) -> None:
    assert creating(plain_iam, AssumeRolePolicyDocument=document) == (400, "MalformedPolicyDocument", says)
    plain_iam.create_role(RoleName="existing", AssumeRolePolicyDocument=BOTH_ROUTES)
    update = refusal(plain_iam.update_assume_role_policy, RoleName="existing", PolicyDocument=document)
    assert update == (400, "MalformedPolicyDocument", says)


def test_a_trust_policy_past_its_quota_is_refused(plain_iam: Any) -> None:
    fits = {**STATEMENT, "Sid": "s" * (2048 - len("".join(policy({**STATEMENT, "Sid": ""}).split())))}
    plain_iam.create_role(RoleName="full", AssumeRolePolicyDocument=json.dumps(json.loads(policy(fits)), indent=4))
    too_long = policy({**fits, "Sid": fits["Sid"] + "s"})
    text = "Cannot exceed quota for ACLSizePerRole: 2048"
    assert creating(plain_iam, AssumeRolePolicyDocument=too_long) == (409, "LimitExceeded", text)


def test_updating_a_role_that_is_not_there_says_so(plain_iam: Any) -> None:
    refused = refusal(plain_iam.update_assume_role_policy, RoleName="nobody", PolicyDocument=BOTH_ROUTES)
    assert refused[:2] == (404, "NoSuchEntity")


def test_a_longer_session_is_allowed_by_updating_the_role(iam: Any) -> None:
    iam.update_role(RoleName=ROLE_NAME, MaxSessionDuration=7200)
    assert iam.get_role(RoleName=ROLE_NAME)["Role"]["MaxSessionDuration"] == 7200
    assert refusal(iam.update_role, RoleName=ROLE_NAME, MaxSessionDuration=60)[1] == "ValidationError"


def test_a_policy_that_does_not_exist_cannot_be_attached(iam: Any) -> None:
    arn = s3_read_only_policy_arn("aws-cn")
    refused = refusal(iam.attach_role_policy, RoleName=ROLE_NAME, PolicyArn=arn)
    assert refused == (404, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")


# --- what the guide's role may do -----------------------------------------------------------------------------------


@pytest.fixture
def reader(iam: Any, session: dict[str, Any]) -> dict[str, Any]:
    """A session of the role with S3 read access."""
    iam.attach_role_policy(RoleName=ROLE_NAME, PolicyArn=s3_read_only_policy_arn("aws"))
    return session


def test_the_guides_role_sees_the_guides_buckets(reader: dict[str, Any], aws_client: ClientFactory) -> None:
    buckets = aws_client("s3", reader).list_buckets()["Buckets"]
    assert [bucket["Name"] for bucket in buckets] == list(seed.BUCKETS)


def test_the_guides_role_gets_the_guides_refusal_of_list_roles(
    reader: dict[str, Any], aws_client: ClientFactory
) -> None:
    text = (
        f"User: {SESSION_ARN} is not authorized to perform: iam:ListRoles on resource:"
        f" arn:aws:iam::{seed.ACCOUNT_ID}:role/ because no identity-based policy allows the iam:ListRoles action"
    )
    assert refusal(aws_client("iam", reader).list_roles) == (403, "AccessDenied", text)


def test_a_refusal_of_s3_names_the_object_in_quotes(reader: dict[str, Any], aws_client: ClientFactory) -> None:
    text = (
        f"User: {SESSION_ARN} is not authorized to perform: s3:PutObject on resource:"
        f' "arn:aws:s3:::{seed.BUCKETS[0]}/k"'
        " because no identity-based policy allows the s3:PutObject action"
    )
    assert refusal(aws_client("s3", reader).put_object, Bucket=seed.BUCKETS[0], Key="k") == (403, "AccessDenied", text)


def test_a_refusal_of_s3_that_is_about_no_bucket_names_none(session: dict[str, Any], aws_client: ClientFactory) -> None:
    text = (
        f"User: {SESSION_ARN} is not authorized to perform: s3:ListAllMyBuckets"
        " because no identity-based policy allows the s3:ListAllMyBuckets action"
    )
    assert refusal(aws_client("s3", session).list_buckets) == (403, "AccessDenied", text)


def test_the_guides_role_reads_and_does_not_write(reader: dict[str, Any], aws_client: ClientFactory) -> None:
    aws_client("s3").put_object(Bucket=seed.BUCKETS[0], Key="state.json", Body=b"{}")
    s3 = aws_client("s3", reader)
    assert s3.get_object(Bucket=seed.BUCKETS[0], Key="state.json")["Body"].read() == b"{}"
    assert refusal(s3.put_object, Bucket=seed.BUCKETS[0], Key="new", Body=b"x")[:2] == (403, "AccessDenied")
    assert refusal(s3.delete_object, Bucket=seed.BUCKETS[0], Key="state.json")[:2] == (403, "AccessDenied")


@pytest.mark.usefixtures("reader")
def test_a_session_policy_narrows_the_session(
    assume: AssumeRole, google_token: Signer, aws_client: ClientFactory
) -> None:
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    s3 = aws_client("s3", assume(google_token(), Policy=policy(statement))["Credentials"])
    assert s3.list_buckets()["Buckets"]
    assert refusal(s3.list_objects_v2, Bucket=seed.BUCKETS[0])[1] == "AccessDenied"


def test_a_session_policy_that_is_malformed_is_refused(iam: Any, assume: AssumeRole, google_token: Signer) -> None:
    assert iam.get_role(RoleName=ROLE_NAME)
    assert refusal(assume, google_token(), Policy="{}")[:2] == (400, "MalformedPolicyDocument")
