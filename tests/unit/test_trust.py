"""Trust policies as built: exact values only, whatever is asked for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.aws import TRUST_POLICY_CHARACTERS
from federation.kubernetes import service_account_subject
from federation.trust import cluster_statement, google_statement, trust_policy, trust_policy_characters

UNIQUE_ID = "104857600000000000001"
EMAIL = "reader@mgr-product-sbx.iam.gserviceaccount.com"
ISSUER = "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
PROVIDER = f"arn:aws:iam::211125558983:oidc-provider/{ISSUER.removeprefix('https://')}"
SUBJECT = service_account_subject("default", "s3-reader")

PATTERNS = st.sampled_from(["*", "?", " ", "\t", "\n", "\0", "\x7f", "${aws:username}", "\u00a0"])


def test_google_s_statement_pins_subject_requested_audience_and_both_forms_of_azp() -> None:
    statement = google_statement(UNIQUE_ID, EMAIL, "sts.amazonaws.com")

    assert statement == {
        "Sid": "GoogleServiceAccount",
        "Effect": "Allow",
        "Principal": {"Federated": "accounts.google.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "accounts.google.com:sub": UNIQUE_ID,
                "accounts.google.com:oaud": "sts.amazonaws.com",
                "accounts.google.com:aud": [UNIQUE_ID, EMAIL],
            }
        },
    }


def test_a_cluster_s_statement_pins_subject_and_audience_under_the_provider_s_own_keys() -> None:
    statement = cluster_statement(PROVIDER, ISSUER, "sts.amazonaws.com", SUBJECT)

    key = ISSUER.removeprefix("https://")
    assert statement == {
        "Sid": "ClusterServiceAccount",
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{key}:sub": SUBJECT, f"{key}:aud": "sts.amazonaws.com"}},
    }


@pytest.mark.parametrize("field", ["unique_id", "email", "audience"])
@given(before=st.text(max_size=8), pattern=PATTERNS, after=st.text(max_size=8))
def test_no_value_of_google_s_statement_can_be_a_pattern(field: str, before: str, pattern: str, after: str) -> None:
    values = {"unique_id": UNIQUE_ID, "email": EMAIL, "audience": "sts.amazonaws.com", field: before + pattern + after}

    with pytest.raises(ValueError, match=f"^{field} .* pins an exact value"):
        google_statement(**values)


@pytest.mark.parametrize("field", ["oidc_provider_arn", "issuer", "audience", "subject"])
@given(before=st.text(max_size=8), pattern=PATTERNS, after=st.text(max_size=8))
def test_no_value_of_a_cluster_s_statement_can_be_a_pattern(field: str, before: str, pattern: str, after: str) -> None:
    values = {"oidc_provider_arn": PROVIDER, "issuer": ISSUER, "audience": "sts.amazonaws.com", "subject": SUBJECT}

    with pytest.raises(ValueError, match=f"^{field} .* pins an exact value"):
        cluster_statement(**{**values, field: before + pattern + after})


@pytest.mark.parametrize("field", ["unique_id", "email", "audience"])
def test_an_empty_value_is_refused_by_name(field: str) -> None:
    values = {"unique_id": UNIQUE_ID, "email": EMAIL, "audience": "sts.amazonaws.com", field: ""}

    with pytest.raises(ValueError, match=f"{field} is empty: a trust policy pins an exact value"):
        google_statement(**values)


def test_another_issuer_s_provider_is_refused_with_what_its_arn_must_end_with() -> None:
    with pytest.raises(ValueError, match=r"oidc_provider_arn .* must end with :oidc-provider/container\.googleapis"):
        cluster_statement("arn:aws:iam::211125558983:oidc-provider/example.com", ISSUER, "sts.amazonaws.com", SUBJECT)


def test_a_policy_holds_its_statements_in_order_under_the_version_that_iam_knows() -> None:
    google = google_statement(UNIQUE_ID, EMAIL, "sts.amazonaws.com")
    cluster = cluster_statement(PROVIDER, ISSUER, "sts.amazonaws.com", SUBJECT)

    assert json.loads(trust_policy(google, cluster)) == {"Version": "2012-10-17", "Statement": [google, cluster]}


def test_a_policy_that_admits_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one statement"):
        trust_policy()


def test_both_routes_with_the_longest_names_fit_the_default_quota() -> None:
    issuer = (
        "https://container.googleapis.com/v1/projects/" + "p" * 30 + "/locations/northamerica-northeast1-a/clusters/"
    )
    issuer += "c" * 40
    provider = f"arn:aws-us-gov:iam::211125558983:oidc-provider/{issuer.removeprefix('https://')}"
    email = "a" * 30 + "@" + "p" * 30 + ".iam.gserviceaccount.com"
    policy = trust_policy(
        google_statement(UNIQUE_ID, email, "sts.amazonaws.com"),
        cluster_statement(provider, issuer, "sts.amazonaws.com", service_account_subject("n" * 63, "s" * 253)),
    )

    assert trust_policy_characters(policy) <= TRUST_POLICY_CHARACTERS


def test_the_quota_counts_what_is_not_white_space() -> None:
    assert trust_policy_characters('{ "Version":\n\t"2012-10-17" }') == len('{"Version":"2012-10-17"}')
