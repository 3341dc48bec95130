"""The verifier alone, over the space of claims: what is not the trusted identity never becomes it."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from federation.trust import google_statement, trust_policy
from sandbox.aws import emulator
from sandbox.aws.query_protocol import AwsError
from sandbox.aws.web_identity import Account, WebIdentity, verify_web_identity_token
from sandbox.issuers import Issuers
from tests.sandbox.aws_support import AUDIENCE, CLUSTER, EMAIL, GOOGLE, PROVIDER_ARN, SERVICE_ACCOUNT

ISSUERS = Issuers()
ISSUER = ISSUERS.create(GOOGLE)
ISSUERS.create(CLUSTER)
PROVIDERS = {PROVIDER_ARN: {"Url": CLUSTER.removeprefix("https://"), "ClientIDList": [AUDIENCE]}}
ACCOUNT = Account("aws", "211125558983", PROVIDERS.get)
TRUST = trust_policy(google_statement(SERVICE_ACCOUNT, EMAIL, AUDIENCE))
NOW = 1_790_000_000
TRUSTED = {
    "iss": GOOGLE,
    "sub": SERVICE_ACCOUNT,
    "azp": SERVICE_ACCOUNT,
    "aud": AUDIENCE,
    "iat": NOW - 10,
    "exp": NOW + 3600,
}

urls = st.text(st.sampled_from("https:/[]@?#.%accounts.google.com\x00"), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | urls,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


def verify(token: str) -> WebIdentity:
    return verify_web_identity_token(token, ACCOUNT, ISSUERS, NOW)


def sign_anything(claims: dict[str, Any]) -> str:
    """Google's signature under claims that Google would never make."""
    text = json.dumps(claims).encode()
    return jwt.PyJWS().encode(text, ISSUER._key, algorithm="RS256", headers={"kid": ISSUER.key_id})


def admitted(identity: WebIdentity) -> bool:
    context = emulator.iam_evaluator.EvalContext(
        principal_arn=identity.provider,
        principal_type="WebIdentityUser",
        principal_account=ACCOUNT.id,
        action="sts:AssumeRoleWithWebIdentity",
        resource_arn="*",
        region="eu-west-1",
        service_context=dict(identity.condition_keys),
    )
    return bool(emulator.iam_evaluator.evaluate_trust_policy(TRUST, identity.provider, context))


def test_the_trusted_claims_are_admitted() -> None:
    assert admitted(verify(sign_anything(TRUSTED)))


@pytest.mark.parametrize("never", [float("nan"), float("inf"), float("-inf")])
def test_a_token_without_a_real_expiration_is_refused(never: float) -> None:
    with pytest.raises(AwsError):
        verify(sign_anything({**TRUSTED, "exp": never}))


@given(claim=st.sampled_from(["iss", "sub", "azp", "aud", "exp", "iat"]), value=json_values)
@settings(max_examples=300, deadline=None)
def test_a_token_with_one_claim_changed_is_never_admitted_as_another_identity(claim: str, value: Any) -> None:
    try:
        identity = verify(sign_anything({**TRUSTED, claim: value}))
    except AwsError:
        return
    still_the_same = (
        (claim == "exp" and value > NOW)
        or (claim == "iat" and value <= NOW)
        or (claim == "azp" and value == EMAIL)
        or TRUSTED[claim] == value
    )
    assert admitted(identity) == still_the_same


@given(position=st.integers(min_value=0), replacement=st.characters(codec="ascii"))
@settings(max_examples=300, deadline=None)
def test_a_token_with_one_character_changed_is_never_accepted(position: int, replacement: str) -> None:
    token = ISSUER.sign(TRUSTED)
    place = position % (len(token) - 1)  # the last character of a signature has bits that mean nothing
    changed = token[:place] + replacement + token[place + 1 :]
    if changed == token:
        return
    with pytest.raises(AwsError):
        verify(changed)


@given(garbage=st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_garbage_is_refused_and_never_an_internal_error(garbage: str) -> None:
    with pytest.raises(AwsError):
        verify(garbage)


@given(header=json_values, claims=json_values)
def test_any_json_in_the_place_of_header_and_claims_is_refused(header: Any, claims: Any) -> None:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    with pytest.raises(AwsError):
        verify(".".join([*parts, "c2ln"]))


@given(header=st.fixed_dictionaries({"alg": json_values, "kid": json_values}))
def test_a_token_without_a_real_signature_is_refused_whatever_its_header_says(header: dict[str, Any]) -> None:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, TRUSTED)]
    with pytest.raises(AwsError):
        verify(".".join([*parts, "c2ln"]))


def test_a_critical_header_that_nobody_understands_is_refused() -> None:
    header = base64.urlsafe_b64encode(
        json.dumps({"alg": "RS256", "kid": ISSUER.key_id, "crit": ["exp"]}).encode()
    ).rstrip(b"=")
    _, claims, signature = ISSUER.sign(TRUSTED).split(".")
    with pytest.raises(AwsError):
        verify(f"{header.decode()}.{claims}.{signature}")


def test_no_text_of_a_refusal_repeats_the_token() -> None:
    token = ISSUER.sign({**TRUSTED, "exp": NOW - 1})
    with pytest.raises(AwsError) as refused:
        verify(token)
    assert not any(part in refused.value.message for part in token.split("."))


def test_a_cluster_token_cannot_carry_the_condition_keys_of_google() -> None:
    claims = {**TRUSTED, "iss": CLUSTER, "azp": AUDIENCE, "accounts.google.com:sub": SERVICE_ACCOUNT}
    identity = verify(ISSUERS.create(CLUSTER).sign(claims))
    assert not any(key.startswith("accounts.google.com") for key in identity.condition_keys)
    assert not admitted(identity)


def test_time_is_taken_from_the_caller() -> None:
    token = ISSUER.sign(TRUSTED)
    with pytest.raises(AwsError) as refused:
        verify_web_identity_token(token, ACCOUNT, ISSUERS, time.time() + 10**9)
    assert refused.value.code == "ExpiredTokenException"
