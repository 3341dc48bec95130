import json
from typing import Any, cast

import pytest

from components.aws_workload_role import AwsWorkloadRole, AwsWorkloadRoleArgs, outbound_token_policy
from federation.access import BucketGrant, s3_policy
from federation.trust import cluster_statement, google_statement, trust_policy
from tests.unit.support import ROLE, ROLE_POLICY, ROLE_POLICY_ATTACHMENT, Built, World, build

TOKEN = "gcpawswif:aws:WorkloadRole"
UNIQUE_ID = "115000000000000000001"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"
ISSUER = "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
PROVIDER_ARN = f"arn:aws:iam::211125558983:oidc-provider/{ISSUER.removeprefix('https://')}"
SUBJECT = "system:serviceaccount:default:s3-reader"
AUDIENCE = "sts.amazonaws.com"
GOOGLE = {"unique_id": UNIQUE_ID, "email": EMAIL}
CLUSTER = {"oidc_provider_arn": PROVIDER_ARN, "issuer": ISSUER, "subject": SUBJECT}


def build_role(partition: str = "aws", **overrides: Any) -> Built:
    args: dict[str, Any] = {
        "role_name": "GCPWorkloadIAMRole",
        "audience": AUDIENCE,
        "google": {"unique_id": UNIQUE_ID, "email": EMAIL},
        "s3": "read-only",
    }
    return build(
        lambda: AwsWorkloadRole("s3-reader-aws", cast(AwsWorkloadRoleArgs, args | overrides)),
        World(partition=partition),
    )


def test_the_role_is_the_configured_one() -> None:
    role = build_role(
        description="Reads S3.",
        max_session_duration=7200,
        permissions_boundary="arn:aws:iam::211125558983:policy/boundary",
        tags={"team": "data"},
    ).one(ROLE)
    assert {name: value for name, value in role.inputs.items() if name != "assumeRolePolicy"} == {
        "name": "GCPWorkloadIAMRole",
        "description": "Reads S3.",
        "maxSessionDuration": 7200,
        "permissionsBoundary": "arn:aws:iam::211125558983:policy/boundary",
        "tags": {"team": "data"},
    }


@pytest.mark.parametrize(
    ("trusted", "statements"),
    [
        ({"google": GOOGLE, "cluster": None}, [google_statement(UNIQUE_ID, EMAIL, AUDIENCE)]),
        ({"google": None, "cluster": CLUSTER}, [cluster_statement(PROVIDER_ARN, ISSUER, AUDIENCE, SUBJECT)]),
        (
            {"google": GOOGLE, "cluster": CLUSTER},
            [
                google_statement(UNIQUE_ID, EMAIL, AUDIENCE),
                cluster_statement(PROVIDER_ARN, ISSUER, AUDIENCE, SUBJECT),
            ],
        ),
    ],
    ids=["google", "cluster", "both"],
)
def test_it_trusts_just_whom_it_is_told(trusted: dict[str, Any], statements: list[dict[str, Any]]) -> None:
    assert build_role(**trusted).document(ROLE, "assumeRolePolicy") == json.loads(trust_policy(*statements))


def test_a_role_that_would_trust_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody can assume the role"):
        build_role(google=None)


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_read_only_is_the_managed_policy_of_the_partition(partition: str) -> None:
    built = build_role(partition)
    assert built.one(ROLE_POLICY_ATTACHMENT, "s3-reader-aws-s3-read-only").inputs == {
        "role": "GCPWorkloadIAMRole",
        "policyArn": f"arn:{partition}:iam::aws:policy/AmazonS3ReadOnlyAccess",
    }
    assert built.all(ROLE_POLICY) == []


def test_buckets_are_an_inline_policy_and_no_managed_one() -> None:
    grants = [BucketGrant("my-bucket", "read-write", "reports/")]
    built = build_role("aws-us-gov", s3=grants)
    assert built.document(ROLE_POLICY, "policy", "s3-reader-aws-s3-buckets") == json.loads(
        s3_policy("aws-us-gov", grants)
    )
    assert built.all(ROLE_POLICY_ATTACHMENT) == []


def test_without_a_way_back_it_may_get_no_tokens() -> None:
    assert build_role().all(ROLE_POLICY) == []


def test_the_way_back_allows_tokens_that_google_takes_for_one_audience() -> None:
    built = build_role(outbound_tokens=True)
    assert built.document(ROLE_POLICY, "policy", "s3-reader-aws-outbound-tokens")["Statement"] == [
        {
            "Sid": "TokenForGoogleCloud",
            "Effect": "Allow",
            "Action": "sts:GetWebIdentityToken",
            "Resource": "*",
            "Condition": {
                "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": ["sts.amazonaws.com"]},
                "Null": {"sts:IdentityTokenAudience": "false"},
                "StringEquals": {"sts:SigningAlgorithm": "RS256"},
            },
        }
    ]


def test_a_request_without_an_audience_gets_no_token() -> None:
    condition = json.loads(outbound_token_policy("a"))["Statement"][0]["Condition"]
    assert condition["Null"] == {"sts:IdentityTokenAudience": "false"}, "ForAllValues is true of nothing at all"


def test_policies_of_other_teams_are_not_detached() -> None:
    inputs = build_role(s3=[BucketGrant("my-bucket", "read-only")], outbound_tokens=True).one(ROLE).inputs
    assert not {"managedPolicyArns", "inlinePolicies"} & set(inputs), "those lists are exclusive"


def test_children_belong_to_it_and_make_room_for_their_replacements() -> None:
    built = build_role(s3=[BucketGrant("my-bucket", "read-only")], outbound_tokens=True)
    for child in (*built.all(ROLE), *built.all(ROLE_POLICY)):
        assert child.parent == built.one(TOKEN).urn
        assert child.delete_before_replace, child.name


def test_its_output_is_the_roles_arn() -> None:
    assert build_role().outputs_of(TOKEN) == {"arn": "arn:aws:iam::211125558983:role/GCPWorkloadIAMRole"}
