"""AssumeRoleWithWebIdentity over boto3: who gets a session, and what STS says to the others."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sandbox import seed
from sandbox.aws.web_identity import COULD_NOT_BE_VALIDATED, NO_KEY, NOT_A_JWT
from sandbox.issuers import Issuers
from tests.sandbox.aws_support import (
    AUDIENCE,
    BOTH_ROUTES,
    CLUSTER,
    EMAIL,
    GOOGLE,
    KUBERNETES_SERVICE_ACCOUNT,
    PROVIDER_ARN,
    ROLE_ARN,
    ROLE_NAME,
    SERVICE_ACCOUNT,
    SESSION_ARN,
    AssumeRole,
    ClientFactory,
    Refusal,
    Signer,
    policy,
    refusal,
    trusting,
)

NOT_AUTHORIZED = (403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")

pytestmark = pytest.mark.usefixtures("iam")


@pytest.fixture
def refused(assume: AssumeRole) -> Callable[..., Refusal]:
    """What STS says to a token that must get no session."""
    return lambda token, **parameters: refusal(assume, token, **parameters)


def invalid(text: str) -> Refusal:
    return 400, "InvalidIdentityToken", text


def trust_google_if(iam: Any, condition: dict[str, Any]) -> None:
    iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=policy(trusting("accounts.google.com", condition)))


# --- admitted -------------------------------------------------------------------------------------------------------


def test_a_google_token_of_the_trusted_service_account_gets_a_session(assume: AssumeRole, google_token: Signer) -> None:
    answer = assume(google_token())
    assert answer["Provider"] == "accounts.google.com"
    assert answer["SubjectFromWebIdentityToken"] == SERVICE_ACCOUNT
    assert answer["Audience"] == AUDIENCE
    assert answer["AssumedRoleUser"]["Arn"] == SESSION_ARN
    assert re.fullmatch(r"AROA\w+:gcp-session", answer["AssumedRoleUser"]["AssumedRoleId"])
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")


def test_a_cluster_token_of_the_trusted_service_account_gets_a_session(
    assume: AssumeRole, cluster_token: Signer
) -> None:
    answer = assume(cluster_token())
    assert answer["Provider"] == PROVIDER_ARN
    assert answer["SubjectFromWebIdentityToken"] == KUBERNETES_SERVICE_ACCOUNT


def test_the_session_is_the_role_to_everyone_who_asks(
    assume: AssumeRole, google_token: Signer, aws_client: ClientFactory
) -> None:
    credentials = assume(google_token())["Credentials"]
    identity = aws_client("sts", credentials).get_caller_identity()
    assert identity["Arn"] == SESSION_ARN
    assert identity["Account"] == seed.ACCOUNT_ID


@pytest.mark.parametrize(("asked", "seconds"), [({}, 3600), ({"DurationSeconds": 900}, 900)])
def test_a_session_lasts_as_long_as_asked_and_an_hour_by_default(
    assume: AssumeRole, google_token: Signer, asked: dict[str, int], seconds: int
) -> None:
    expiration = assume(google_token(), **asked)["Credentials"]["Expiration"]
    expected = datetime.now(UTC) + timedelta(seconds=seconds)
    assert abs((expiration - expected).total_seconds()) < 5


def test_the_email_form_of_azp_is_matched_by_aud(assume: AssumeRole, google_token: Signer) -> None:
    assert assume(google_token(azp=EMAIL))["Credentials"]


def test_aud_is_the_tokens_aud_where_it_has_no_azp(iam: Any, assume: AssumeRole, google_token: Signer) -> None:
    only_aud = {"StringEquals": {"accounts.google.com:aud": "sts.amazonaws.com"}}
    trust_google_if(iam, only_aud)
    assert assume(google_token(azp=None))["Credentials"]


def test_the_issuer_without_its_scheme_is_google_too(assume: AssumeRole, google_token: Signer) -> None:
    assert assume(google_token(iss="accounts.google.com"))["Provider"] == "accounts.google.com"


def test_a_condition_on_email_and_amr_sees_the_claims(iam: Any, assume: AssumeRole, google_token: Signer) -> None:
    condition = {
        "StringEquals": {"accounts.google.com:email": EMAIL},
        "ForAnyValue:StringEquals": {"accounts.google.com:amr": ["pwd", "mfa"]},
    }
    trust_google_if(iam, condition)
    assert assume(google_token(email=EMAIL, amr=["mfa"]))["Credentials"]


def test_a_role_with_a_path_is_assumed_by_its_whole_arn(iam: Any, assume: AssumeRole, google_token: Signer) -> None:
    iam.create_role(RoleName="deep", Path="/gcp/workloads/", AssumeRolePolicyDocument=BOTH_ROUTES)
    arn = f"arn:aws:iam::{seed.ACCOUNT_ID}:role/gcp/workloads/deep"
    answer = assume(google_token(), RoleArn=arn)
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/deep/gcp-session")


# --- the token ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["ya29.an-access-token", "not a token", "a.b.c", "e30.e30.", "W10.W10.c2ln"])
def test_what_is_no_jwt_is_refused_as_such(refused: Callable[..., Refusal], token: str) -> None:
    assert refused(token) == invalid(NOT_A_JWT)


def test_a_token_signed_by_another_key_of_the_same_id_is_refused(
    issuers: Issuers, refused: Callable[..., Refusal]
) -> None:
    google = issuers.create(GOOGLE)
    attackers_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    claims = {"iss": google.url, "sub": SERVICE_ACCOUNT, "azp": SERVICE_ACCOUNT, "aud": AUDIENCE}
    forged = jwt.encode({**claims, "iat": now, "exp": now + 60}, attackers_key, "RS256", {"kid": google.key_id})
    assert refused(forged) == invalid(COULD_NOT_BE_VALIDATED)


def test_a_token_with_a_swapped_payload_is_refused(refused: Callable[..., Refusal], google_token: Signer) -> None:
    header, _, signature = google_token(sub="666", azp="666").split(".")
    payload = google_token().split(".")[1]
    assert refused(f"{header}.{payload}.{signature}") == invalid(COULD_NOT_BE_VALIDATED)


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(
    issuers: Issuers, refused: Callable[..., Refusal], google_token: Signer
) -> None:
    google = issuers.create(GOOGLE)
    claims = jwt.decode(google_token(), options={"verify_signature": False})
    modulus = google.jwks()["keys"][0]["n"]
    assert refused(jwt.encode(claims, modulus, "HS256", {"kid": google.key_id})) == invalid(NOT_A_JWT)


def test_a_token_that_asks_not_to_be_verified_is_refused(refused: Callable[..., Refusal], google_token: Signer) -> None:
    claims = jwt.decode(google_token(), options={"verify_signature": False})
    assert refused(jwt.encode(claims, "", algorithm="none")) == invalid(NOT_A_JWT)


def test_a_token_whose_algorithm_is_not_the_keys_is_refused(
    issuers: Issuers, refused: Callable[..., Refusal], google_token: Signer
) -> None:
    google = issuers.create(GOOGLE)
    claims = jwt.decode(google_token(), options={"verify_signature": False})
    token = jwt.encode(claims, ec.generate_private_key(ec.SECP256R1()), "ES256", {"kid": google.key_id})
    assert refused(token) == invalid(COULD_NOT_BE_VALIDATED)


def test_a_token_of_a_rotated_key_is_refused(
    issuers: Issuers, refused: Callable[..., Refusal], google_token: Signer
) -> None:
    token = google_token()
    issuers.create(GOOGLE).rotate()
    assert refused(token) == invalid(NO_KEY)


def test_a_provider_whose_issuer_does_not_answer_gives_no_keys(
    iam: Any, refused: Callable[..., Refusal], google_token: Signer
) -> None:
    gone = "https://issuer-that-does-not-answer.example.com"
    iam.create_open_id_connect_provider(Url=gone, ClientIDList=[AUDIENCE])
    assert refused(google_token(iss=gone, azp=None)) == invalid(NO_KEY)


@pytest.mark.parametrize(
    "issuer", ["https://sts.googleapis.com", "https://sts.amazonaws.com", CLUSTER + "/", "http:x", "https://["]
)
def test_an_issuer_without_a_provider_is_named(
    refused: Callable[..., Refusal], cluster_token: Signer, issuer: str
) -> None:
    assert refused(cluster_token(iss=issuer)) == invalid(
        f"No OpenIDConnect provider found in your account for {issuer}"
    )


def test_an_issuer_that_xml_cannot_hold_is_refused_in_xml(
    refused: Callable[..., Refusal], cluster_token: Signer
) -> None:
    text = "No OpenIDConnect provider found in your account for https://\ufffd</Message>"
    assert refused(cluster_token(iss="https://\x00</Message>")) == invalid(text)


def test_a_provider_in_another_account_does_not_help(refused: Callable[..., Refusal], cluster_token: Signer) -> None:
    elsewhere = ROLE_ARN.replace(seed.ACCOUNT_ID, "999999999999")
    assert refused(cluster_token(), RoleArn=elsewhere) == invalid(
        f"No OpenIDConnect provider found in your account for {CLUSTER}"
    )


def test_a_provider_for_google_breaks_google(iam: Any, refused: Callable[..., Refusal], google_token: Signer) -> None:
    iam.create_open_id_connect_provider(Url=GOOGLE, ClientIDList=[AUDIENCE])
    assert refused(google_token()) == invalid(COULD_NOT_BE_VALIDATED)


@pytest.mark.parametrize("audience", ["sts.amazon.com", "https://sts.amazonaws.com", ["a", "b"]])
def test_an_audience_that_the_provider_does_not_list_is_refused(
    refused: Callable[..., Refusal], cluster_token: Signer, audience: Any
) -> None:
    assert refused(cluster_token(aud=audience)) == invalid("Incorrect token audience")


def test_the_provider_must_list_azp_where_the_token_has_one(
    refused: Callable[..., Refusal], cluster_token: Signer
) -> None:
    assert refused(cluster_token(azp="another-client")) == invalid("Incorrect token audience")


def test_an_expired_token_is_told_both_times(refused: Callable[..., Refusal], google_token: Signer) -> None:
    expiration = int(time.time()) - 5
    status, code, text = refused(google_token(exp=expiration))
    assert (status, code) == (400, "ExpiredTokenException")
    times = re.fullmatch(r"Token expired: current date/time (\d+) must be before the expiration date/time (\d+)", text)
    assert times is not None
    assert int(times[2]) == expiration
    assert abs(int(times[1]) - time.time()) < 5


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_a_token_that_is_not_valid_yet_is_refused(
    refused: Callable[..., Refusal], google_token: Signer, claim: str
) -> None:
    assert refused(google_token(**{claim: int(time.time()) + 600})) == invalid(COULD_NOT_BE_VALIDATED)


@pytest.mark.parametrize("claim", ["sub", "aud", "exp", "iat"])
def test_a_missing_claim_is_named(refused: Callable[..., Refusal], google_token: Signer, claim: str) -> None:
    assert refused(google_token(**{claim: None})) == invalid(f"Missing a required claim: {claim}")


@pytest.mark.parametrize("claims", [{"exp": "tomorrow"}, {"exp": True}, {"sub": 7}, {"aud": {"a": 1}}, {"azp": ["a"]}])
def test_claims_of_the_wrong_type_are_refused(
    refused: Callable[..., Refusal], google_token: Signer, claims: dict[str, Any]
) -> None:
    assert refused(google_token(**claims)) == invalid(NOT_A_JWT)


def test_a_token_of_the_accounts_own_outbound_issuer_is_refused(
    iam: Any, issuers: Issuers, refused: Callable[..., Refusal]
) -> None:
    url = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    iam.create_open_id_connect_provider(Url=url, ClientIDList=[AUDIENCE])
    now = int(time.time())
    token = issuers.create(url).sign({"sub": ROLE_ARN, "aud": AUDIENCE, "iat": now, "exp": now + 60})
    assert refused(token) == invalid(COULD_NOT_BE_VALIDATED)


# --- the trust policy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "999999999999999999999"},
        {"azp": "999999999999999999999"},
        {"azp": "someone-else@mgr-product-sbx.iam.gserviceaccount.com"},
        {"aud": "another-audience"},
        {"aud": ["sts.amazonaws.com", "another-audience"]},
        {"azp": None},
    ],
)
def test_a_google_token_with_another_claim_is_not_authorized(
    refused: Callable[..., Refusal], google_token: Signer, claims: dict[str, Any]
) -> None:
    assert refused(google_token(**claims)) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    "subject",
    [
        "system:serviceaccount:default:other",
        "system:serviceaccount:other:s3-reader",
        KUBERNETES_SERVICE_ACCOUNT.upper(),
    ],
)
def test_another_kubernetes_service_account_is_not_authorized(
    refused: Callable[..., Refusal], cluster_token: Signer, subject: str
) -> None:
    assert refused(cluster_token(sub=subject)) == NOT_AUTHORIZED


def test_a_google_token_does_not_satisfy_the_statement_of_the_cluster(
    iam: Any, refused: Callable[..., Refusal], google_token: Signer
) -> None:
    only_cluster = trusting(PROVIDER_ARN, {"StringLike": {"accounts.google.com:sub": "*"}})
    iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=policy(only_cluster))
    assert refused(google_token()) == NOT_AUTHORIZED


def test_a_condition_on_a_claim_that_the_token_lacks_fails(
    iam: Any, refused: Callable[..., Refusal], google_token: Signer
) -> None:
    condition = {"StringEquals": {"accounts.google.com:email": EMAIL}}
    trust_google_if(iam, condition)
    assert refused(google_token()) == NOT_AUTHORIZED


def test_a_deny_wins(iam: Any, refused: Callable[..., Refusal], google_token: Signer) -> None:
    this_one = {"StringEquals": {"accounts.google.com:sub": SERVICE_ACCOUNT}}
    both = policy(trusting("accounts.google.com", this_one), trusting("accounts.google.com", this_one, effect="Deny"))
    iam.update_assume_role_policy(RoleName=ROLE_NAME, PolicyDocument=both)
    assert refused(google_token()) == NOT_AUTHORIZED


@pytest.mark.parametrize("name", ["NoSuchRole", "path/GCPWorkloadIAMRole"])
def test_a_role_that_does_not_exist_is_not_told_from_one_that_distrusts(
    refused: Callable[..., Refusal], google_token: Signer, name: str
) -> None:
    assert refused(google_token(), RoleArn=f"arn:aws:iam::{seed.ACCOUNT_ID}:role/{name}") == NOT_AUTHORIZED


# --- the parameters -------------------------------------------------------------------------------------------------


def test_a_session_longer_than_the_role_allows_is_refused(
    refused: Callable[..., Refusal], google_token: Signer
) -> None:
    text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    assert refused(google_token(), DurationSeconds=3601) == (400, "ValidationError", text)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        (
            {"DurationSeconds": 43_201},
            "1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy constraint:"
            " Member must have value less than or equal to 43200",
        ),
        (
            {"RoleSessionName": "gcp session"},
            "1 validation error detected: Value 'gcp session' at 'roleSessionName' failed to satisfy constraint:"
            r" Member must satisfy regular expression pattern: [\w+=,.@-]*",
        ),
        (
            {"RoleSessionName": "s" * 65},
            f"1 validation error detected: Value '{'s' * 65}' at 'roleSessionName' failed to satisfy constraint:"
            " Member must have length less than or equal to 64",
        ),
        ({"RoleArn": PROVIDER_ARN}, "Request ARN is invalid"),
    ],
)
def test_a_parameter_out_of_bounds_is_named(
    refused: Callable[..., Refusal], google_token: Signer, parameters: dict[str, Any], text: str
) -> None:
    assert refused(google_token(), **parameters) == (400, "ValidationError", text)


def test_a_token_that_is_too_long_is_refused_and_not_repeated(refused: Callable[..., Refusal]) -> None:
    status, code, text = refused("t" * 20_001)
    assert (status, code) == (400, "ValidationError")
    assert text.endswith("Member must have length less than or equal to 20000")
    assert "tttt" not in text


def test_a_token_that_is_too_short_is_refused(refused: Callable[..., Refusal]) -> None:
    status, code, text = refused("abc")
    assert (status, code) == (400, "ValidationError")
    assert text.endswith("Member must have length greater than or equal to 4")


@pytest.mark.parametrize("parameter", ["RoleArn", "RoleSessionName", "WebIdentityToken"])
def test_a_missing_parameter_is_named(refused: Callable[..., Refusal], google_token: Signer, parameter: str) -> None:
    status, code, text = refused(google_token(), **{parameter: ""})
    assert (status, code) == (400, "ValidationError")
    assert f"'{parameter[0].lower()}{parameter[1:]}' failed to satisfy constraint: Member must not be null" in text


def test_all_violations_are_told_at_once(refused: Callable[..., Refusal], google_token: Signer) -> None:
    _, _, text = refused(google_token(), RoleSessionName="s" * 65, DurationSeconds=899)
    assert text.startswith("2 validation errors detected: ")
    assert "'durationSeconds'" in text
