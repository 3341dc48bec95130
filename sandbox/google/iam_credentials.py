"""IAM Service Account Credentials API v1: tokens for a service account, for whoever its IAM policy allows.

Only `generateAccessToken` and `generateIdToken`; nothing here signs what a caller wrote.
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from starlette.routing import Route

from sandbox.google.api import Call, Endpoint, endpoint, timestamp
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import Json, failed_precondition, invalid_argument, not_found, permission_denied
from sandbox.google.permissions import GET_ACCESS_TOKEN, GET_OPEN_ID_TOKEN, IMPLICIT_DELEGATION
from sandbox.google.principals import Principal
from sandbox.google.projects import IAM_CREDENTIALS
from sandbox.google.service_accounts import ServiceAccount

TOKEN_SECONDS: Final = 3600
"""Lifetime of an ID token, and the most and the default of an access token."""

ACCOUNT: Final = "/v1/projects/-/serviceAccounts/{account}"
_SECONDS = re.compile(r"(\d+(?:\.\d{1,9})?)s")


def routes(cloud: GoogleCloud) -> list[Route]:
    """The routes of this API. It takes `-` for the project, nothing else."""
    answers: list[tuple[str, Endpoint]] = [
        (ACCOUNT + ":generateAccessToken", generate_access_token),
        (ACCOUNT + ":generateIdToken", generate_id_token),
    ]
    return [endpoint(cloud, IAM_CREDENTIALS, "POST", path, answer) for path, answer in answers]


def generate_access_token(call: Call) -> Json:
    """{scope, lifetime, delegates} → {accessToken, expireTime}."""
    if not call.body.get("scope"):
        raise invalid_argument("Scope required.")
    seconds = _lifetime(call.body.get("lifetime", ""))
    account = _account(call, GET_ACCESS_TOKEN)
    return {
        "accessToken": call.cloud.access_token(account, seconds),
        "expireTime": timestamp(call.cloud.clock() + seconds),
    }


def generate_id_token(call: Call) -> Json:
    """{audience, includeEmail, useEmailAzp, organizationNumberIncluded, delegates} → {token}."""
    audience = call.body.get("audience")
    if not audience:
        raise invalid_argument("Audience required.")
    account = _account(call, GET_OPEN_ID_TOKEN)
    further: dict[str, Any] = {}
    if call.body.get("useEmailAzp"):
        further["azp"] = account.email
    if call.body.get("organizationNumberIncluded"):
        further["google"] = {"organization_number": None}
    return {"token": id_token(call.cloud, account, audience, bool(call.body.get("includeEmail")), further)}


def id_token(
    cloud: GoogleCloud, account: ServiceAccount, audience: str, include_email: bool, further: Json | None = None
) -> str:
    """An ID token of a service account for one hour; `further` claims replace the usual ones."""
    now = int(cloud.clock())
    claims: Json = {
        "aud": audience,
        "azp": account.unique_id,
        "exp": now + TOKEN_SECONDS,
        "iat": now,
        "iss": cloud.google_issuer.url,
        "sub": account.unique_id,
    }
    if include_email:
        claims |= {"email": account.email, "email_verified": True}
    return cloud.google_issuer.sign(claims | (further or {}))


def impersonated(
    cloud: GoogleCloud, caller: Principal, email: str, permission: str, delegates: Sequence[str] = ()
) -> ServiceAccount:
    """The service account, if the caller has `permission` on it, directly or through a chain of delegates.

    Raises NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION when it is disabled.
    """
    for delegate in delegates:
        caller = _permitted(cloud, caller, delegate.rpartition("/")[2], IMPLICIT_DELEGATION).principal
    account = _permitted(cloud, caller, email, permission)
    account.project.require_service(IAM_CREDENTIALS)
    if account.disabled:
        # Google's text for this is not known.
        raise failed_precondition(f"Service account {account.email} is disabled.")
    return account


def _account(call: Call, permission: str) -> ServiceAccount:
    delegates = call.body.get("delegates") or []
    return impersonated(call.cloud, call.caller, call.path["account"], permission, delegates)


def _permitted(cloud: GoogleCloud, caller: Principal, email: str, permission: str) -> ServiceAccount:
    account = cloud.service_accounts.find(email)
    if account is None:
        raise not_found(f"Not found; Gaia id not found for email {email}")
    if not cloud.allows(caller, permission, account.resource, account.project.resource):
        raise permission_denied(permission)
    return account


def _lifetime(lifetime: str) -> float:
    if not lifetime:
        return TOKEN_SECONDS
    match = _SECONDS.fullmatch(lifetime)
    if match is None:
        raise invalid_argument(
            f"Invalid value at 'lifetime' (type.googleapis.com/google.protobuf.Duration), {lifetime}"
        )
    seconds = float(match[1])
    if seconds <= 0:
        raise invalid_argument("Lifetime of access token must be larger then zero.")
    if seconds > TOKEN_SECONDS:
        raise invalid_argument(
            "The access token can not have lifetimes of more than 1 hour. Use the Org Policy Constraint "
            "constraints/iam.allowServiceAccountCredentialLifetimeExtension to allow up to 12 hours."
        )
    return seconds
