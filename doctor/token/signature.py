"""Whether a token is signed by the issuer it names.

The issuer's keys are asked for where AWS and Google ask: the discovery document, then the keys it names. The endpoint
variables of gcloud and of the Google provider are followed; an issuer is asked over https alone, and never redirects.
What can't be had leaves the answer unknown.
https://openid.net/specs/openid-connect-discovery-1_0.html
"""

import json
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
import requests

from doctor.catalogue import CATALOGUE
from doctor.clouds.google_api import CONTAINER, service_url
from doctor.findings import Finding
from doctor.token.tokens import Token
from federation.aws import WEB_IDENTITY_TOKEN_ALGORITHMS
from federation.google import CONTAINER_API, GOOGLE_ISSUER
from federation.outcome import FAIL, PASS, UNKNOWN

SUBJECT: Final = "signature"
TIMEOUT_SECONDS: Final = 5
DISCOVERY: Final = "/.well-known/openid-configuration"
SIGN_IN_URL_VARIABLE: Final = "CLOUDSDK_AUTH_AUTH_HOST"
"""Gcloud's property auth/auth_host, whose default is https://accounts.google.com/o/oauth2/auth.
https://cloud.google.com/sdk/gcloud/reference/config/set"""


class KeysUnavailableError(Exception):
    """The issuer's keys can't be had from here; the text says why."""


class KeysMissingError(Exception):
    """The issuer answers, and has no keys where they should be; the text says what it answers."""


def verified_offline(token: Token, key_set: Mapping[str, Any]) -> Finding:
    """Whether the token is signed by one of these keys, a JSON Web Key Set (RFC 7517)."""
    try:
        keys = jwt.PyJWKSet.from_dict(dict(key_set)).keys
    except (jwt.PyJWTError, AttributeError, TypeError):
        return _unknown("the keys that were given are no JSON Web Key Set")
    return _verified(token, {key.key_id: key for key in keys})


def verified_by_issuer(token: Token) -> Finding:
    """Whether the token is signed by a key that its issuer publishes now."""
    try:
        keys = _published_keys(token)
    except KeysUnavailableError as error:
        return _unknown(str(error))
    except KeysMissingError as error:
        problem = CATALOGUE["D6"]
        said = f"can't be verified by anybody: {error}"
        return Finding(FAIL, SUBJECT, said, problem.id, problem.fix, problem.source)
    return _verified(token, keys)


def _verified(token: Token, keys: Mapping[str | None, jwt.PyJWK]) -> Finding:
    problem = CATALOGUE["D6"]
    header = token.header or {}
    if header.get("alg") not in WEB_IDENTITY_TOKEN_ALGORITHMS:
        return Finding(FAIL, SUBJECT, "the token is not signed with a key pair", "D28", source=CATALOGUE["D28"].source)
    key = keys.get(header.get("kid"))
    if key is None:
        said = "the issuer has no key of the token's kid: the token is forged, of another world, or its key was retired"
        return Finding(FAIL, SUBJECT, said, problem.id, "get a new token from the issuer", problem.source)
    try:
        jwt.PyJWS().decode(token.text, key, algorithms=[header["alg"]])
    except (jwt.PyJWTError, ValueError, TypeError):
        said = "it is not the issuer's: the token was changed, cut off or forged"
        return Finding(FAIL, SUBJECT, said, "D28", "get a new token from the issuer", problem.source)
    return Finding(PASS, SUBJECT, f"is by a key of {token.issuer}")


def _published_keys(token: Token) -> Mapping[str | None, jwt.PyJWK]:
    base, origin = _issuer_base(token)
    document = _get_json(f"{base}{DISCOVERY}")
    uri = document.get("jwks_uri")
    if not isinstance(uri, str) or not (uri.startswith("https://") or (origin and _origin(uri) == origin)):
        raise KeysMissingError(f"the discovery document of {token.issuer} names no keys over https")
    try:
        keys = jwt.PyJWKClient(uri, timeout=TIMEOUT_SECONDS).get_jwk_set().keys
    except jwt.PyJWTError as error:
        raise KeysUnavailableError(f"the keys of {token.issuer} can't be had ({type(error).__name__})") from None
    return {key.key_id: key for key in keys}


def _issuer_base(token: Token) -> tuple[str, str]:
    """Where the issuer's discovery document is, and the origin of an endpoint that replaces it ('' for none)."""
    if token.is_google:
        replaced = os.environ.get(SIGN_IN_URL_VARIABLE)
        return (_origin(replaced), _origin(replaced)) if replaced else (GOOGLE_ISSUER, "")
    if token.issuer.startswith(f"{CONTAINER_API}/v1/"):
        url = service_url(CONTAINER, token.issuer.removeprefix(f"{CONTAINER_API}/v1/"))
        return url, _origin(url)
    if not token.issuer.startswith("https://"):
        raise KeysUnavailableError("the issuer is no https url, so nobody can ask it for its keys")
    return token.issuer.rstrip("/"), ""


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _get_json(url: str) -> Mapping[str, Any]:
    try:
        response = requests.get(url, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise KeysUnavailableError(f"{url} did not answer ({type(error).__name__})") from None
    if response.status_code >= requests.codes.internal_server_error:
        raise KeysUnavailableError(f"{url} answers {response.status_code}")
    if response.status_code != requests.codes.ok:
        raise KeysMissingError(f"{url} answers {response.status_code}")
    try:
        content = response.json()
    except json.JSONDecodeError:
        raise KeysMissingError(f"{url} is no discovery document") from None
    if not isinstance(content, dict):
        raise KeysMissingError(f"{url} is no discovery document")
    return content


def _unknown(reason: str) -> Finding:
    fix = "give the issuer's keys in a file (--keys), such as `kubectl get --raw /openid/v1/jwks` prints for a cluster"
    return Finding(UNKNOWN, SUBJECT, f"is not verified: {reason}", "", fix, CATALOGUE["D6"].source)
