"""Tokens that come to the Security Token Service from an OIDC provider: are they what they claim?

Signature first of all; texts and order as measured on the real service, except where noted.
https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
"""

from typing import Any, Final

import jwt

from federation.google import SUBJECT_TOKEN_ALGORITHMS
from sandbox.google.errors import Json, TokenExchangeError
from sandbox.google.principals import Clock
from sandbox.issuers import Issuers

CLOCK_SKEW_SECONDS: Final = 60
MAX_AGE_SECONDS: Final = 24 * 3600


def verified_claims(token: str, oidc: Json, audiences: list[str], issuers: Issuers, clock: Clock) -> Json:
    """The claims of `token`, if the provider with these `oidc` settings accepts it for one of `audiences`.

    The keys are the provider's own (`jwksJson`) or else its issuer's. Raises TokenExchangeError.
    """
    header, claims = _parse(token)
    issuer = oidc["issuerUri"]
    if claims.get("iss") != issuer:
        found = claims.get("iss", "null")
        raise _refused(f"The issuer in ID Token {found} does not match the expected one in config: {issuer}.")
    _verify_signature(token, _key(header, oidc, issuers))
    given = _audiences(claims)
    if not set(given) & set(audiences):
        raise _refused(f"The audience in ID Token [{', '.join(given)}] does not match the expected audience.")
    _check_times(claims, clock())
    return claims


def _parse(token: str) -> tuple[Json, Json]:
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        # Google's text for this is not known; the parser's own error may quote the token.
        raise TokenExchangeError("invalid_request", "Unable to parse the ID Token.") from error
    if header.get("alg") not in SUBJECT_TOKEN_ALGORITHMS or not header.get("kid"):
        # Google's text for this is not known.
        raise _refused(
            f"The ID Token must be signed with {' or '.join(SUBJECT_TOKEN_ALGORITHMS)}, and name its key in `kid`."
        )
    return header, claims


def _key(header: Json, oidc: Json, issuers: Issuers) -> Any:
    issuer = issuers.find(oidc["issuerUri"])
    key_set = jwt.PyJWKSet.from_json(oidc["jwksJson"]) if oidc.get("jwksJson") else None
    if key_set is None and issuer is not None:
        key_set = jwt.PyJWKSet.from_dict(issuer.jwks())
    family = "RSA" if header["alg"] == "RS256" else "EC"
    for key in key_set.keys if key_set else []:
        if key.key_id == header["kid"] and key.key_type == family:
            return key.key
    raise _refused("Error connecting to the given credential's issuer.")


def _verify_signature(token: str, key: Any) -> None:
    try:
        jwt.PyJWS().decode(token, key, algorithms=list(SUBJECT_TOKEN_ALGORITHMS))
    except jwt.PyJWTError as error:
        raise _refused("Unable to verify the ID Token signature.") from error


def _audiences(claims: Json) -> list[str]:
    found = claims.get("aud", [])
    given = found if isinstance(found, list) else [found]
    return [audience for audience in given if isinstance(audience, str)]


def _check_times(claims: Json, now: float) -> None:
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    is_fresh = (
        isinstance(issued_at, int | float)
        and isinstance(expires_at, int | float)
        and now - MAX_AGE_SECONDS <= issued_at <= now + CLOCK_SKEW_SECONDS
        and now < expires_at + CLOCK_SKEW_SECONDS
    )
    if not is_fresh:
        shown = "null" if issued_at is None else issued_at
        raise _refused(f"ID Token issued at {shown} is stale to sign-in.")


def _refused(description: str) -> TokenExchangeError:
    return TokenExchangeError("invalid_grant", description)
