"""Checks of answers that the sandbox can't give, as the clouds give them."""

from typing import Any

import requests

from doctor.clouds.cloud import CloudError, Unread
from doctor.clouds.google_api import google_refusal
from doctor.preflight.aws_checks import check_caller, check_permissions
from doctor.preflight.google_access import check_organization_policies
from doctor.preflight.google_resources import check_cluster
from doctor.verify.diagnosis import by_words
from doctor.verify.permissions import s3_refusal
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.settings import Settings, load_settings

WORKLOAD: dict[str, Any] = {
    "name": "reader",
    "routes": ["google"],
    "gcpServiceAccount": {"id": "reader-sa"},
    "kubernetes": {"namespace": "default", "serviceAccount": "reader"},
    "awsRole": {"name": "Reader", "s3": "read-only"},
}
STACK: dict[str, Any] = {
    "gcp:project": "mgr-product-sbx",
    "aws:region": "eu-south-2",
    "aws:allowedAccountIds": ["211125558983"],
    "gcp-aws-wif:cluster": {"name": "c", "location": "europe-west1"},
    "gcp-aws-wif:workloads": [WORKLOAD],
}


def settings(**changes: object) -> Settings:
    return load_settings({**STACK, **changes})


def test_d16_credentials_that_an_opt_in_region_does_not_know() -> None:
    said = "GetCallerIdentity: AWS said InvalidClientTokenId: The security token included in the request is invalid"
    finding = check_caller(settings(), Unread(said, "InvalidClientTokenId"))
    assert (finding.id, finding.outcome) == ("D16", FAIL)
    assert "AWS_STS_REGIONAL_ENDPOINTS=regional" in finding.fix


def test_d16_is_silent_on_credentials_of_the_region() -> None:
    caller = {"Account": "211125558983", "Arn": "arn:aws:iam::211125558983:user/engineer"}
    assert check_caller(settings(), caller).outcome is PASS


def test_expired_credentials_are_to_be_renewed() -> None:
    finding = check_caller(settings(), Unread("AWS said ExpiredToken: …", "ExpiredToken"))
    assert (finding.id, finding.outcome) == ("", FAIL)
    assert finding.fix.startswith("aws sso login")


def test_credentials_of_another_partition_are_refused() -> None:
    caller = {"Account": "211125558983", "Arn": "arn:aws-us-gov:iam::211125558983:user/engineer"}
    finding = check_caller(settings(), caller)
    assert finding.outcome is FAIL
    assert "not in the partition of eu-south-2" in finding.said


def test_a_denial_by_an_organization_counts_as_missing() -> None:
    (finding,) = check_permissions(
        "arn:aws:iam::1:user/u", {"iam:CreateRole": "explicitDeny", "iam:GetRole": "allowed"}
    )
    assert finding.said == "the caller has not iam:CreateRole"


def test_an_autopilot_cluster_always_has_the_metadata_server() -> None:
    cluster = {
        "workloadIdentityConfig": {"workloadPool": "mgr-product-sbx.svc.id.goog"},
        "autopilot": {"enabled": True},
        "nodePools": [{"name": "pool-1", "config": {}}],
    }
    assert [finding.outcome for finding in check_cluster(settings(), cluster)] == [PASS]


def test_a_cluster_with_another_projects_pool_is_refused() -> None:
    cluster = {"workloadIdentityConfig": {"workloadPool": "other.svc.id.goog"}}
    (finding, *_) = check_cluster(settings(), cluster)
    assert finding.outcome is FAIL
    assert "not the project's own" in finding.said


def test_d26_an_outbound_issuer_that_no_one_knows_yet_can_not_be_judged() -> None:
    provider = {"id": "aws-oidc", "kind": "oidc"}
    pool = {"gcp-aws-wif:workloadIdentityPool": {"id": "poc-aws-pool", "provider": provider}}
    workload = {**WORKLOAD, "returnToGcp": True}
    configured = settings(**pool, **{"gcp-aws-wif:workloads": [workload]})
    allowed = {"listPolicy": {"allowedValues": ["https://example.com"]}}
    (finding,) = check_organization_policies(configured, {"constraints/iam.workloadIdentityPoolProviders": allowed})
    assert (finding.id, finding.outcome) == ("D26", UNKNOWN)


def test_d20_a_kms_key_that_the_role_may_not_use() -> None:
    said = (
        "ListObjectsV2: AWS said AccessDenied: User: arn:aws:sts::1:assumed-role/r/s is not authorized to perform:"
        " kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/k"
    )
    catalogue_id, _, fix = s3_refusal(CloudError(said, "AccessDenied"))
    assert catalogue_id == "D20"
    assert "kms:Decrypt" in fix


def test_a_bucket_that_is_not_there_is_no_matter_of_permissions() -> None:
    said = "ListObjectsV2: AWS said NoSuchBucket: The specified bucket does not exist"
    catalogue_id, _, fix = s3_refusal(CloudError(said, "NoSuchBucket"))
    assert catalogue_id == ""
    assert "see that the bucket" in fix


def test_d6_an_issuer_that_sts_can_not_reach_is_named_by_its_words() -> None:
    said = "AssumeRoleWithWebIdentity: AWS said InvalidIdentityToken: Couldn't retrieve verification key from your"
    assert by_words("route", CloudError(f"{said} identity provider", "InvalidIdentityToken"), "").id == "D6"


def test_an_answer_of_a_proxy_in_place_of_google_is_said_as_it_is() -> None:
    response = requests.Response()
    response.status_code, response.reason, response.url = 502, "Bad Gateway", "https://iam.googleapis.com/v1/x?key=k"
    response._content = b"<html>"
    refused = google_refusal(response)
    assert str(refused) == "https://iam.googleapis.com/v1/x: Google said 502 Bad Gateway"
    assert refused.code == ""
