"""The condition keys that AWS fills from a token."""

from typing import Any

import pytest

from federation.claims import Values, context_from_claims, provider_of_issuer

GOOGLE = "accounts.google.com"
CLUSTER = "container.googleapis.com/v1/projects/p/locations/l/clusters/c"


def looked_up(claims: dict[str, Any], key: str, provider: str = GOOGLE) -> Values | None:
    return context_from_claims(claims, provider).lookup(key)


def test_of_a_google_token_aud_is_who_asked_for_it_and_oaud_what_it_is_for() -> None:
    claims = {"azp": "1048", "aud": "sts.amazonaws.com", "sub": "1048", "email": "a@b"}

    assert looked_up(claims, "accounts.google.com:aud") == ("1048",)
    assert looked_up(claims, "accounts.google.com:oaud") == ("sts.amazonaws.com",)
    assert looked_up(claims, "accounts.google.com:sub") == ("1048",)
    assert looked_up(claims, "accounts.google.com:email") == ("a@b",)


@pytest.mark.parametrize("azp", [{}, {"azp": None}], ids=["no azp", "a null azp"])
def test_without_azp_aud_is_what_the_token_is_for(azp: dict[str, Any]) -> None:
    assert looked_up({"aud": ["sts.amazonaws.com"], **azp}, f"{CLUSTER}:aud", CLUSTER) == ("sts.amazonaws.com",)


def test_a_token_for_several_audiences_has_several_values() -> None:
    assert looked_up({"aud": ["a", "b"]}, f"{CLUSTER}:aud", CLUSTER) == ("a", "b")


def test_keys_are_found_by_lower_case_whatever_the_provider_s_case() -> None:
    assert looked_up({"sub": "x"}, "idp.example/realm:sub", "IDP.example/Realm") == ("x",)


@pytest.mark.parametrize("key", ["accounts.google.com:amr", "accounts.google.com:hd"])
def test_a_claim_that_the_token_lacks_is_certainly_missing(key: str) -> None:
    assert looked_up({"sub": "x"}, key) == ()


def test_keys_of_other_providers_are_certainly_missing() -> None:
    assert looked_up({"sub": "x"}, "token.actions.githubusercontent.com:sub") == ()


@pytest.mark.parametrize(
    ("claims", "key"),
    [
        ({"hd": "example.com"}, "accounts.google.com:hd"),
        ({"google": {"organization_number": 1}}, "accounts.google.com:google/organization_number"),
        ({"google:organization_number": 1}, "accounts.google.com:google/organization_number"),
    ],
)
def test_a_claim_of_which_aws_documents_no_key_is_unknown(claims: dict[str, Any], key: str) -> None:
    assert looked_up(claims, key) is None


@pytest.mark.parametrize("key", ["aws:sourceip", "sts:rolesessionname", "aws:requesttag/team", "anything"])
def test_what_the_request_decides_is_unknown_until_it_is_given(key: str) -> None:
    assert looked_up({"sub": "x"}, key) is None
    assert context_from_claims({}, GOOGLE, {key.upper(): ["given"]}).lookup(key) == ("given",)
    assert context_from_claims({}, GOOGLE, {key: []}).lookup(key) == ()


@pytest.mark.parametrize(
    ("claim", "value"),
    [("sub", 1048), ("sub", ["1048"]), ("sub", ""), ("aud", {"a": 1}), ("aud", ["a", 1]), ("azp", ["a"]), ("azp", "")],
)
def test_a_claim_of_a_type_that_it_should_not_have_is_unknown(claim: str, value: Any) -> None:
    assert looked_up({claim: value}, f"accounts.google.com:{'aud' if claim == 'azp' else claim}") is None


@pytest.mark.parametrize(
    ("issuer", "provider"),
    [
        ("https://accounts.google.com", "accounts.google.com"),
        (f"https://{CLUSTER}", CLUSTER),
        ("https://tenant.auth0.com/", "tenant.auth0.com/"),
    ],
)
def test_a_provider_is_its_issuer_to_the_letter_without_https(issuer: str, provider: str) -> None:
    assert provider_of_issuer(issuer) == provider


@pytest.mark.parametrize("issuer", ["accounts.google.com", "http://accounts.google.com", "https://", ""])
def test_an_issuer_that_is_no_https_url_has_no_provider(issuer: str) -> None:
    with pytest.raises(ValueError, match="does not begin with https://, so no IAM OIDC provider can be its own"):
        provider_of_issuer(issuer)
