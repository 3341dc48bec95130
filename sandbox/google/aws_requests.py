"""Signed GetCallerIdentity requests that come to the Security Token Service from an AWS provider.

The request's signer never shows its keys: AWS is asked, with the very request, who signed it. What is not checked here
(the signature, the session) AWS checks. Google recommends that the target resource be among the signed headers and does
not require it: its own Python library adds that header after signing. Google's texts for these refusals are not known.
https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
"""

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

import httpx
from pydantic import BaseModel, Field, ValidationError

from sandbox.google.errors import UNAVAILABLE, Json, TokenExchangeError

TARGET_RESOURCE: Final = "x-goog-cloud-target-resource"
VALID_SECONDS: Final = 15 * 60
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html"""

_TLS = ssl.create_default_context()
"""Made once: loading the CA certificates takes longer than an exchange."""

_HOST = re.compile(r"sts(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?")
_FRAMING = frozenset({"connection", "content-length", "transfer-encoding"})
_QUERY = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
_NAMESPACE = "{https://sts.amazonaws.com/doc/2011-06-15/}"


class _Header(BaseModel, strict=True):
    key: str = Field(pattern=r"^[A-Za-z0-9-]+$")
    value: str = Field(pattern=r"^[\x20-\x7e]*$")


class _SerializedRequest(BaseModel, strict=True):
    url: str
    method: str
    headers: list[_Header]


@dataclass(frozen=True)
class SignedRequest:
    """A GetCallerIdentity request as AWS is to receive it. Header names are in lower case."""

    url: str
    headers: dict[str, str]


def parse(subject_token: str, audiences: list[str], now: float) -> SignedRequest:
    """The request in a subject token, if it is one and is meant for one of `audiences`. Raises TokenExchangeError."""
    try:
        serialized = _SerializedRequest.model_validate_json(unquote(subject_token))
    except ValidationError:
        # Not chained: the error quotes its input, which holds a session token.
        raise TokenExchangeError("invalid_request", "Invalid format of AWS credentials.") from None
    headers = {header.key.lower(): header.value for header in serialized.headers}
    _check_url(serialized.url, serialized.method, headers)
    _check_target(headers, audiences)
    _check_date(headers, now)
    return SignedRequest(serialized.url, headers)


async def caller_identity(request: SignedRequest, aws_base_url: str) -> Json:
    """What AWS says about the signer: `arn`, `account` and `userid`.

    Raises TokenExchangeError when AWS refuses, GoogleError when it can't be reached.
    """
    url = httpx.URL(aws_base_url).copy_with(path="/", query=urlsplit(request.url).query.encode())
    async with httpx.AsyncClient(trust_env=False, verify=_TLS) as client:
        try:
            response = await client.post(url, headers=request.headers)
        except httpx.HTTPError as error:
            raise UNAVAILABLE from error
    # AWS answers in XML, and here AWS is this sandbox's own emulator.
    answer = ElementTree.fromstring(response.text)  # noqa: S314
    if response.status_code != httpx.codes.OK:
        code, message = answer.findtext(f".//{_NAMESPACE}Code"), answer.findtext(f".//{_NAMESPACE}Message")
        raise _refused(f"AWS refused the GetCallerIdentity request with {code}: {message}")
    result = answer.find(f"{_NAMESPACE}GetCallerIdentityResult")
    if result is None:
        raise _refused("AWS did not answer a GetCallerIdentity request.")
    claims = {"arn": "Arn", "account": "Account", "userid": "UserId"}
    return {claim: result.findtext(f"{_NAMESPACE}{element}", "") for claim, element in claims.items()}


def _check_url(url: str, method: str, headers: dict[str, str]) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _refused("The url is malformed.") from error
    is_caller_identity = (
        method == "POST"
        and parts.scheme == "https"
        and _HOST.fullmatch(parts.netloc)
        and parts.path in {"", "/"}
        and sorted(parse_qsl(parts.query, keep_blank_values=True)) == sorted(_QUERY.items())
    )
    if not is_caller_identity:
        raise _refused("The request must be a POST of GetCallerIdentity to AWS STS.")
    if headers.get("host") != parts.netloc:
        raise _refused("The host header must be the host of the url.")
    if framing := _FRAMING & headers.keys():
        raise _refused(f"A request without a body has no header {min(framing)}.")


def _check_target(headers: dict[str, str], audiences: list[str]) -> None:
    if headers.get(TARGET_RESOURCE) not in audiences:
        raise _refused(f"The header {TARGET_RESOURCE} must be the audience of the exchange.")


def _check_date(headers: dict[str, str], now: float) -> None:
    try:
        signed_at = datetime.strptime(headers.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise _refused("The header x-amz-date must be like 20261124T120000Z.") from error
    if abs(now - signed_at.timestamp()) > VALID_SECONDS:
        raise _refused("The signed request has expired; it is valid for 15 minutes.")


def _refused(description: str) -> TokenExchangeError:
    return TokenExchangeError("invalid_grant", description)
