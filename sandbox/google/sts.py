"""Security Token Service v1: a token of another cloud in, a Google access token of a federated principal out.
https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.google import aws_requests, oidc_tokens
from sandbox.google.api import parse_json
from sandbox.google.attributes import federated_principal
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import Json, TokenExchangeError
from sandbox.google.projects import SECURITY_TOKEN
from sandbox.google.workload_identity import Pool, Provider

TOKEN_SECONDS: Final = 3600
GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"
AWS_REQUEST: Final = "urn:ietf:params:aws:token-type:aws4_request"
OIDC_TOKENS: Final = frozenset({"urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"})

_AUDIENCE = re.compile(
    r"//iam\.googleapis\.com/(?P<pool>projects/(?P<project>[^/]+)/locations/global/workloadIdentityPools/[^/]+)"
    r"/providers/(?P<provider>[^/]+)"
)


@dataclass(frozen=True)
class _Exchange:
    """What is asked for, resolved."""

    audience: str
    subject_token: str
    subject_token_type: str
    pool: Pool
    provider: Provider

    @property
    def audiences(self) -> list[str]:
        """The provider's full resource name, as a token may spell it."""
        return [self.audience, f"https:{self.audience}"]


def routes(cloud: GoogleCloud) -> list[Route]:
    """The one route of this API. It takes no bearer token: the subject token is the credential."""

    async def token(request: Request) -> Response:
        parameters = await _parameters(request)
        with cloud.lock:
            exchange = _resolve(cloud, parameters)
        assertion, seconds = await _assertion(cloud, exchange)
        with cloud.lock:
            principal = federated_principal(exchange.pool.name, exchange.provider.settings, assertion)
            access_token = cloud.access_tokens.issue(principal, seconds, lambda: exchange.pool.is_usable)
        return JSONResponse(
            {
                "access_token": access_token,
                "issued_token_type": ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": int(seconds),
            }
        )

    return [Route("/v1/token", token, methods=["POST"])]


async def _parameters(request: Request) -> Mapping[str, str]:
    """The parameters in OAuth's spelling; JSON requests have Google's."""
    if request.headers.get("content-type", "").startswith("application/json"):
        body = parse_json(await request.body())
        texts = {name: value for name, value in body.items() if isinstance(value, str)}
        return {re.sub(r"[A-Z]", lambda capital: "_" + capital[0].lower(), name): texts[name] for name in texts}
    return dict(parse_qsl((await request.body()).decode()))


def _resolve(cloud: GoogleCloud, parameters: Mapping[str, str]) -> _Exchange:
    if parameters.get("grant_type") != GRANT_TYPE:
        raise TokenExchangeError("unsupported_grant_type", f"The grant_type must be {GRANT_TYPE}.")
    if parameters.get("requested_token_type") != ACCESS_TOKEN:
        raise TokenExchangeError("invalid_request", "Invalid value of requested_token_type in request.")
    for name in ("scope", "subject_token", "subject_token_type"):
        if not parameters.get(name):
            raise TokenExchangeError("invalid_request", f"Missing required parameter: {name}.")
    audience = parameters.get("audience", "")
    parts = _AUDIENCE.fullmatch(audience)
    if parts is None:
        raise TokenExchangeError(
            "invalid_request",
            'Invalid value for "audience". This value should be the full resource name of the Identity Provider. See '
            "https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.",
        )
    pool = cloud.workload_identity_pools.find(parts["pool"])
    provider = cloud.workload_identity_pools.find_provider(parts["pool"], parts["provider"])
    if pool is None or provider is None or not pool.is_usable or not provider.is_usable:
        raise TokenExchangeError(
            "invalid_target",
            'The target service indicated by the "audience" parameters is invalid. This might either be because the '
            "pool or provider is disabled or deleted or because it doesn't exist.",
        )
    cloud.projects.get(parts["project"]).require_service(SECURITY_TOKEN)
    return _Exchange(audience, parameters["subject_token"], parameters["subject_token_type"], pool, provider)


async def _assertion(cloud: GoogleCloud, exchange: _Exchange) -> tuple[Json, float]:
    """What the subject token asserts, once verified, and how long a token for it may live."""
    settings = exchange.provider.settings
    if "aws" in settings:
        _require_type(exchange, frozenset({AWS_REQUEST}))
        return await _aws_assertion(cloud, exchange, settings["aws"]["accountId"]), TOKEN_SECONDS
    _require_type(exchange, OIDC_TOKENS)
    audiences = settings["oidc"].get("allowedAudiences") or exchange.audiences
    claims = oidc_tokens.verified_claims(
        exchange.subject_token, settings["oidc"], audiences, cloud.issuers, cloud.clock
    )
    left = claims["exp"] + oidc_tokens.CLOCK_SKEW_SECONDS - cloud.clock()
    return claims, min(TOKEN_SECONDS, left)


async def _aws_assertion(cloud: GoogleCloud, exchange: _Exchange, account_id: str) -> Json:
    request = aws_requests.parse(exchange.subject_token, exchange.audiences, cloud.clock())
    if cloud.aws_base_url is None:
        raise TokenExchangeError("invalid_grant", "This sandbox runs without AWS.")
    assertion = await aws_requests.caller_identity(request, cloud.aws_base_url)
    if assertion["account"] != account_id:
        # Google's text for this is not known.
        raise TokenExchangeError(
            "invalid_grant", f"The AWS account {assertion['account']} is not the provider's account."
        )
    return assertion


def _require_type(exchange: _Exchange, expected: frozenset[str]) -> None:
    if exchange.subject_token_type not in expected:
        raise TokenExchangeError(
            "invalid_request", f"The provider takes a subject_token_type of {' or '.join(sorted(expected))}."
        )
