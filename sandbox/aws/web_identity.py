"""A web identity token, verified as AWS STS verifies it, and the condition keys that it gives to a trust policy.

Pure: the keys come from the sandbox's issuers, the IAM OIDC providers and the time from the caller. What a role's trust
policy makes of the identity is deliberately not here. Of the providers that AWS has built in, only Google is known.

The order of the checks is the sandbox's own; AWS documents none. The texts are those that users of STS have reported;
where no report was found, the general one is used (`COULD_NOT_BE_VALIDATED`).
"""

import binascii
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.utils import base64url_decode

from federation.aws import (
    OUTBOUND_ISSUER,
    WEB_IDENTITY_TOKEN_ALGORITHMS,
    WEB_IDENTITY_TOKEN_CLAIMS,
    oidc_provider_arn,
)
from federation.google import GOOGLE_ISSUERS
from sandbox.aws.query_protocol import AwsError
from sandbox.issuers import Issuers

GOOGLE: Final = "accounts.google.com"

NOT_A_JWT: Final = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
"""https://docs.aws.amazon.com/location/latest/developerguide/authenticating-using-cognito.html; also for an algorithm
that STS does not take: https://github.com/gardener/gardener (service account signing keys)"""
MISSING_CLAIM: Final = "Missing a required claim: {claim}"
"""https://github.com/aws/aws-sdk-ruby/issues/2698"""
NO_PROVIDER: Final = "No OpenIDConnect provider found in your account for {issuer}"
"""https://github.com/aws-actions/configure-aws-credentials/issues/721,
https://github.com/mozilla-iam/mozilla-aws-cli/issues/127 (status 400)"""
INCORRECT_AUDIENCE: Final = "Incorrect token audience"
"""https://github.com/awslabs/amazon-eks-irsa-cfn/pull/18, https://github.com/BerriAI/litellm/pull/31412"""
EXPIRED: Final = "Token expired: current date/time {now} must be before the expiration date/time {expiration}"
"""https://github.com/aws/aws-sdk-java-v2/issues/5709"""
NO_KEY: Final = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity"
    " documentation for requirements"
)
"""With two spaces. https://github.com/aws/aws-cli/issues/7194, https://github.com/awslabs/aws-sdk-rust/issues/827"""
COULD_NOT_BE_VALIDATED: Final = (
    "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for"
    " requirements."
)
"""What STS says of Google's tokens where an IAM OIDC provider for accounts.google.com exists (reported in August 2026),
and, in reports since July 2026, of other tokens too."""


@dataclass(frozen=True)
class WebIdentity:
    """Who a verified token speaks of.

    provider: what a trust policy's Federated principal must name: an ARN, or the name of a built-in provider.
    audience: the token's aud; several are joined by a comma.
    condition_keys: by their names in lower case, as policies may write them in any case.
    """

    provider: str
    subject: str
    audience: str
    condition_keys: Mapping[str, Any]


@dataclass(frozen=True)
class Account:
    """The account of the role that is asked for, and its IAM OIDC providers.

    find_provider: by ARN; the record holds Url (host and path) and ClientIDList.
    """

    partition: str
    id: str
    find_provider: Callable[[str], Mapping[str, Any] | None]


def verify_web_identity_token(token: str, account: Account, issuers: Issuers, now: float) -> WebIdentity:
    """The identity that a token proves at the time `now` (seconds since the epoch) to an account.

    Raises:
        AwsError: it proves none; InvalidIdentityToken or ExpiredTokenException, both with status 400.

    """
    header, claims = _decode(token)
    issuer: str = claims["iss"]
    if issuer in GOOGLE_ISSUERS:
        provider, host_and_path = _built_in_google(account), GOOGLE
        issuer_url = f"https://{GOOGLE}"
    else:
        provider = _iam_provider(account, claims)
        host_and_path = issuer.removeprefix("https://")
        issuer_url = issuer
    if claims["exp"] <= now:
        raise AwsError(400, "ExpiredTokenException", EXPIRED.format(now=int(now), expiration=int(claims["exp"])))
    _verify_signature(token, header, issuer_url, issuers)
    if claims["iat"] > now or claims.get("nbf", 0) > now:
        raise _invalid(COULD_NOT_BE_VALIDATED)
    return WebIdentity(
        provider=provider,
        subject=claims["sub"],
        audience=",".join(_audiences(claims)),
        condition_keys=_condition_keys(host_and_path, claims),
    )


def _decode(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = token.split(".")
    if len(parts) != 3:
        raise _invalid(NOT_A_JWT)
    try:
        header, claims = (json.loads(base64url_decode(part)) for part in parts[:2])
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid(NOT_A_JWT) from None
    if (
        not isinstance(header, dict)
        or not isinstance(claims, dict)
        or str(header.get("alg")) not in WEB_IDENTITY_TOKEN_ALGORITHMS
    ):
        raise _invalid(NOT_A_JWT)
    for claim in WEB_IDENTITY_TOKEN_CLAIMS:
        if claims.get(claim) in (None, "", []):
            raise _invalid(MISSING_CLAIM.format(claim=claim))
    if not _has_the_right_types(claims):
        raise _invalid(NOT_A_JWT)
    return header, claims


def _has_the_right_types(claims: Mapping[str, Any]) -> bool:
    """https://www.rfc-editor.org/rfc/rfc7519#section-4.1"""
    texts = [claims["iss"], claims["sub"], claims.get("azp", ""), *_audiences(claims)]
    times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
    return all(isinstance(text, str) for text in texts) and all(
        type(time) in (int, float) and math.isfinite(time) for time in times
    )


def _audiences(claims: Mapping[str, Any]) -> list[Any]:
    audience = claims["aud"]
    return audience if isinstance(audience, list) else [audience]


def _built_in_google(account: Account) -> str:
    """Google needs no IAM OIDC provider, and one for it stands in the way.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc.html says the first; the second was
    reported from the field in August 2026, twice independently.
    """
    if account.find_provider(oidc_provider_arn(account.partition, account.id, f"https://{GOOGLE}")):
        raise _invalid(COULD_NOT_BE_VALIDATED)
    return GOOGLE


def _iam_provider(account: Account, claims: Mapping[str, Any]) -> str:
    """The ARN of the IAM OIDC provider whose url is the token's issuer, to the letter, and which lists its audience."""
    issuer: str = claims["iss"]
    if OUTBOUND_ISSUER.fullmatch(issuer):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html
        raise _invalid(COULD_NOT_BE_VALIDATED)
    try:
        arn = oidc_provider_arn(account.partition, account.id, issuer)
    except ValueError:  # no url at all
        raise _invalid(NO_PROVIDER.format(issuer=issuer)) from None
    provider = account.find_provider(arn)
    if not issuer.startswith("https://") or provider is None or provider["Url"] != issuer.removeprefix("https://"):
        raise _invalid(NO_PROVIDER.format(issuer=issuer))
    authorized = [claims["azp"]] if claims.get("azp") else _audiences(claims)
    if not set(authorized) & set(provider["ClientIDList"]):
        raise _invalid(INCORRECT_AUDIENCE)
    return arn


def _verify_signature(token: str, header: Mapping[str, Any], issuer_url: str, issuers: Issuers) -> None:
    issuer = issuers.find(issuer_url)
    keys = issuer.jwks()["keys"] if issuer else []
    key = next((key for key in keys if key["kid"] == header.get("kid")), None)
    if key is None:
        raise _invalid(NO_KEY)
    try:
        jwt.PyJWS().decode(token, jwt.PyJWK(key), algorithms=[header["alg"]])
    except jwt.PyJWTError:
        raise _invalid(COULD_NOT_BE_VALIDATED) from None


def _condition_keys(host_and_path: str, claims: Mapping[str, Any]) -> dict[str, Any]:
    """Aud is azp where there is one, else aud; oaud is aud. A key that the token has no claim for is absent.

    A single audience is a single value; several stay several, which StringEquals never matches.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
    """
    audiences = _audiences(claims)
    audience = audiences[0] if len(audiences) == 1 else audiences
    values = {
        "aud": claims.get("azp") or audience,
        "oaud": audience,
        "sub": claims["sub"],
        "email": claims.get("email"),
        "amr": claims.get("amr"),
    }
    return {f"{host_and_path}:{name}".lower(): value for name, value in values.items() if value is not None}


def _invalid(message: str) -> AwsError:
    return AwsError(400, "InvalidIdentityToken", message)
