"""`token`: what was given is named, with what each cloud reads in it; the token itself is never shown."""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.token.tokens import NotATokenError, parse_token
from tests.doctor.conftest import Doctor
from tests.doctor.world import (
    AUDIENCE,
    EMAIL,
    KEY_ID,
    PROVIDER,
    SUBJECT,
    UNIQUE_ID,
    Json,
    cluster_claims,
    google_claims,
    key_set,
    signed,
)

OUTBOUND = "https://0a1b2c3d-0000-4000-8000-0123456789ab.tokens.sts.global.api.aws"


@pytest.mark.parametrize(
    ("claims", "kind"),
    [
        (google_claims(), "Google ID token"),
        (google_claims(iss="accounts.google.com"), "Google ID token"),
        (cluster_claims(), "GKE service account token"),
        (cluster_claims(iss="https://issuer.example"), "Kubernetes service account token"),
        (cluster_claims(iss=OUTBOUND, sub="arn:aws:iam::211125558983:role/R"), "AWS outbound identity token"),
        (google_claims(iss="https://token.actions.githubusercontent.com"), "GitHub Actions token"),
        (google_claims(iss="https://gitlab.com"), "GitLab token"),
        (cluster_claims(iss="https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"), "EKS service account token"),
        (google_claims(iss="https://issuer.example"), "ID token of another issuer"),
    ],
)
def test_its_kind_is_named(doctor: Doctor, claims: Json, kind: str) -> None:
    answer = doctor.run("token", doctor.file(doctor.token(claims)), "--offline")
    assert answer.status == 0
    assert f" {kind} of " in answer.out


def test_a_google_token_gives_the_keys_that_aws_makes_of_it(doctor: Doctor) -> None:
    answer = doctor.run("token", doctor.file(doctor.token(google_claims(azp=EMAIL))), "--offline", "--json")
    assert {row["key"]: row["value"] for row in answer.json["aws_condition_keys"]} == {
        "accounts.google.com:sub": [UNIQUE_ID],
        "accounts.google.com:aud": [EMAIL],
        "accounts.google.com:oaud": [AUDIENCE],
        "accounts.google.com:email": [EMAIL],
    }


def test_a_cluster_token_has_its_audience_under_aud(doctor: Doctor) -> None:
    answer = doctor.run("token", doctor.file(doctor.token(cluster_claims())), "--offline", "--json")
    rows = {row["key"]: row for row in answer.json["aws_condition_keys"]}
    assert rows[f"{PROVIDER}:aud"]["value"] == [AUDIENCE]
    assert rows[f"{PROVIDER}:aud"]["of"] == "claim aud"
    assert rows[f"{PROVIDER}:sub"]["value"] == [SUBJECT]


def test_a_token_for_other_clouds_gives_aws_no_keys(doctor: Doctor) -> None:
    answer = doctor.run("token", doctor.file(doctor.token(cluster_claims(iss=OUTBOUND))), "--offline", "--json")
    assert answer.json["aws_condition_keys"] == []
    assert "AWS does not" in answer.json["verdict"]


@pytest.mark.parametrize(
    ("given_", "says"),
    [
        ("ya29.a0AfH6SMBx-secret-secret", "Google access or refresh token"),
        ("ghs_" + "a" * 36, "GitHub access token"),
        ("/var/run/secrets/tokens/aws-token", "path"),
        ("file:///var/run/secrets/tokens/aws-token", "path"),
        ("opaque-access-token-1234567890", "no JWT"),
        ("Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "Bearer"),
        ('"eyJhbGciOiJSUzI1NiJ9.e30.c2ln"', "quote"),
        ("eyJhbGciOiJSUzI1NiJ9.AAAA.c2ln", "cut off or changed"),
        ("eyJhbGciOiJSUzI1NiJ9.e30", "no JWT"),
        ("eyJh.a.b.c.d", "encrypted"),
        ("ASIAIOSFODNN7EXAMPLE", "AWS access key id"),
        ('{"type": "service_account", "private_key": "-----BEGIN"}', "key file"),
        ('{"type": "external_account"}', "credential configuration"),
        ('{"access_token": "ya29.secret", "expires_in": 3599}', "access token"),
        ('{"Credentials": {"AccessKeyId": "A", "SecretAccessKey": "secret"}}', "AWS credentials"),
        ('{"hello": "world"}', "neither claims"),
        ("", "empty"),
    ],
)
def test_what_is_no_id_token_is_d28_and_not_repeated(doctor: Doctor, given_: str, says: str) -> None:
    if len(given_) > 12:
        doctor.keep_secret(given_)
    answer = doctor.run("token", "-", "--json", stdin=given_)
    assert (answer.status, answer.ids) == (1, ["D28"])
    assert says in answer.first["said"]
    assert "identity?audience=" in answer.first["fix"]


@pytest.mark.parametrize("around", ['{"token": "TOKEN"}', '{"status": {"token": "TOKEN"}}', '{"id_token": "TOKEN"}'])
def test_what_tools_print_around_a_token_is_read(doctor: Doctor, around: str) -> None:
    text = around.replace("TOKEN", doctor.token(google_claims()))
    assert doctor.run("token", "-", "--offline", stdin=text).status == 0


def test_an_expired_token_is_d18(doctor: Doctor) -> None:
    claims = google_claims(exp=int(time.time()) - 3661)
    answer = doctor.run("token", doctor.file(doctor.token(claims)), "--offline", "--json")
    assert (answer.status, answer.ids) == (1, ["D18"])
    assert "expired 1 h 1 min ago" in answer.first["said"]


def test_a_token_of_the_future_points_at_the_clock(doctor: Doctor) -> None:
    claims = google_claims(iat=int(time.time()) + 600)
    answer = doctor.run("token", doctor.file(doctor.token(claims)), "--offline", "--json")
    assert answer.status == 1
    assert "clock" in answer.first["fix"]


@pytest.mark.parametrize("claim", ["sub", "aud", "exp", "iat"])
def test_a_claim_that_sts_requires_is_missed(doctor: Doctor, claim: str) -> None:
    answer = doctor.run("token", doctor.file(doctor.token(google_claims(**{claim: None}))), "--offline", "--json")
    assert answer.status == 1
    assert f"lacks the claim {claim}" in answer.first["said"]


def test_a_token_of_a_secret_is_told_to_be_projected_instead(doctor: Doctor) -> None:
    claims = {"iss": "kubernetes/serviceaccount", "sub": SUBJECT}
    answer = doctor.run("token", doctor.file(doctor.token(claims)), "--offline", "--json")
    assert answer.status == 1
    assert "projected token" in answer.first["fix"]


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_no_key_pair_signed_is_refused(doctor: Doctor, algorithm: str) -> None:
    header = _part({"alg": algorithm, "kid": KEY_ID})
    token = f"{header}.{_part(google_claims())}.c2lnbmF0dXJl"
    doctor.keep_secret(token)
    answer = doctor.run("token", doctor.file(token), "--keys", doctor.file(key_set()), "--json")
    assert answer.status == 1
    assert set(answer.ids) == {"D28"}


def test_a_signature_of_the_issuers_key_passes(doctor: Doctor) -> None:
    token = doctor.file(doctor.token(google_claims()))
    answer = doctor.run("token", token, "--keys", doctor.file(key_set()), "--json")
    assert answer.status == 0
    assert "is by a key of https://accounts.google.com" in json.dumps(answer.json["findings"])


def test_claims_that_were_changed_after_signing_are_found_out(doctor: Doctor) -> None:
    header, _, signature = signed(google_claims()).split(".")
    forged = ".".join([header, _part(google_claims(sub="104300000000000000002")), signature])
    doctor.keep_secret(forged)
    answer = doctor.run("token", doctor.file(forged), "--keys", doctor.file(key_set()), "--json")
    assert answer.status == 1
    assert "changed, cut off or forged" in answer.first["said"]


def test_a_key_that_the_issuer_does_not_have_is_d6(doctor: Doctor) -> None:
    token = signed(google_claims(), key_id="another")
    doctor.keep_secret(token)
    answer = doctor.run("token", doctor.file(token), "--keys", doctor.file(key_set()), "--json")
    assert (answer.status, answer.ids) == (1, ["D6"])


def test_an_issuer_that_can_not_be_asked_leaves_the_signature_unknown(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDSDK_AUTH_AUTH_HOST", "http://127.0.0.1:9/o/oauth2/auth")
    answer = doctor.run("token", doctor.file(doctor.token(google_claims())), "--json")
    assert (answer.status, answer.first["outcome"]) == (3, "unknown")
    assert "--keys" in answer.first["fix"]


def test_an_issuer_over_http_is_not_asked(doctor: Doctor) -> None:
    answer = doctor.run("token", doctor.file(doctor.token(google_claims(iss="http://127.0.0.1:9"))), "--json")
    assert "no https url" in json.dumps(answer.json["findings"])
    assert answer.status == 3


def test_a_token_on_the_command_line_is_taken_with_a_warning(doctor: Doctor) -> None:
    answer = doctor.run("token", doctor.token(google_claims()), "--offline")
    assert answer.status == 0
    assert "prefer a file, or - for standard input" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [[], ["x", "--metadata"], ["--impersonate", EMAIL, "--kubernetes", "default/x"]],
    ids=["none", "two", "two live"],
)
def test_one_token_must_be_named(doctor: Doctor, arguments: list[str]) -> None:
    answer = doctor.run("token", *arguments)
    assert answer.status == 2
    assert "name one token: a file, - for standard input, --metadata, --impersonate or --kubernetes" in answer.err


def test_a_service_account_of_kubernetes_is_named_with_its_namespace(doctor: Doctor) -> None:
    answer = doctor.run("token", "--kubernetes", "s3-reader")
    assert answer.status == 2
    assert "NAMESPACE/NAME, such as default/s3-reader" in answer.err


def test_a_metadata_server_that_does_not_answer_is_d13(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:9")
    answer = doctor.run("token", "--metadata", "--json")
    assert (answer.status, answer.ids) == (3, ["D13"])


def test_what_a_token_claims_does_not_steer_the_terminal(doctor: Doctor) -> None:
    answer = doctor.run("token", doctor.file(doctor.token(google_claims(sub="\x1b[2Jx\r\ny"))), "--offline")
    assert "\x1b" not in answer.out
    assert "\r" not in answer.out


part = st.one_of(st.text("abc-_"), st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))


@given(st.one_of(st.text(), st.lists(part, min_size=3, max_size=3).map(".".join)))
def test_no_text_is_a_crash_and_what_is_refused_is_not_quoted(text: str) -> None:
    refusal = ""
    try:
        parse_token(text)
    except NotATokenError as error:
        refusal = str(error)
    assert len(text) < 12 or text not in refusal


def _part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
