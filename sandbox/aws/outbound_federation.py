"""AWS outbound identity federation: an account's own issuer, and the STS operation GetWebIdentityToken.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html
Who may ask for which token is decided before, by MiniStack's policy evaluation (see `sandbox.aws.patches`).
It deliberately signs with RS256 only: Google's STS takes no ES384. Request tags are not put into tokens.
"""

import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.aws import constraints, emulator
from sandbox.aws.query_protocol import AwsError, Call
from sandbox.issuers import Issuer, Issuers

AWS_CLAIMS: Final = "https://sts.amazonaws.com/"
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html"""
DEFAULT_SECONDS: Final = 300
DISABLED: Final = "Outbound web identity federation is disabled for your account"
"""https://platform.claude.com/docs/en/build-with-claude/claude-platform-on-aws quotes it."""
ALREADY_ENABLED: Final = "Outbound web identity federation is already enabled for your account"
ESCALATION: Final = (
    "The requested token duration would extend the session beyond its original expiration time. You cannot use this"
    " operation to extend the lifetime of a session beyond what was granted when the role was originally assumed."
)
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html"""


class OutboundFederation:
    """Each account's switch and issuer. An account keeps its issuer when it disables and enables the feature again."""

    def __init__(self, issuers: Issuers) -> None:
        self._issuers = issuers
        self._issuer_of_account: dict[str, Issuer] = {}
        self._enabled: set[str] = set()

    def reset(self) -> None:
        """Back to an account that never used the feature."""
        self._issuer_of_account.clear()
        self._enabled.clear()

    def enable(self, _: Call) -> Mapping[str, Any]:
        """EnableOutboundWebIdentityFederation, for the account of the request."""
        account = emulator.account_id()
        if account in self._enabled:
            raise AwsError(409, "FeatureEnabled", ALREADY_ENABLED)
        if account not in self._issuer_of_account:
            url = f"https://{uuid.uuid4()}.tokens.sts.global.api.aws"
            self._issuer_of_account[account] = self._issuers.create(url)
        self._enabled.add(account)
        return {"IssuerIdentifier": self._issuer_of_account[account].url}

    def disable(self, _: Call) -> None:
        """DisableOutboundWebIdentityFederation; tokens issued before stay valid, as the issuer's keys stay known."""
        account = emulator.account_id()
        if account not in self._enabled:
            raise AwsError(404, "FeatureDisabled", DISABLED)
        self._enabled.remove(account)

    def info(self, _: Call) -> Mapping[str, Any]:
        """GetOutboundWebIdentityFederationInfo."""
        account = emulator.account_id()
        if account not in self._enabled:
            raise AwsError(404, "FeatureDisabled", DISABLED)
        return {"IssuerIdentifier": self._issuer_of_account[account].url, "JwtVendingEnabled": True}

    def get_web_identity_token(self, call: Call) -> Mapping[str, Any]:
        """GetWebIdentityToken: a token of the account's issuer about the IAM principal who signed the request."""
        audiences, seconds = _read_parameters(call)
        caller = emulator.caller_identity(call.headers)
        account: str = caller["accountId"]
        if account not in self._enabled:
            raise AwsError(403, "OutboundWebIdentityFederationDisabledException", DISABLED)
        now = int(time.time())
        session = emulator.sessions.get(caller["accessKey"], {})
        if session and now + seconds > session["Expiration"]:
            raise AwsError(403, "SessionDurationEscalationException", ESCALATION)
        principal = _principal_arn(caller)
        token = self._issuer_of_account[account].sign(
            {
                "sub": principal,
                "aud": audiences[0] if len(audiences) == 1 else audiences,
                "iat": now,
                "exp": now + seconds,
                "jti": str(uuid.uuid4()),
                AWS_CLAIMS: _aws_claims(account, principal, session),
            }
        )
        return {"WebIdentityToken": token, "Expiration": _iso(now + seconds)}


def get_web_identity_token_condition_keys(parameters: Mapping[str, str]) -> dict[str, Any]:
    """What a policy may ask of a GetWebIdentityToken request.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
    """
    call = Call(parameters, {})
    return {
        "sts:IdentityTokenAudience": call.members("Audience"),
        "sts:SigningAlgorithm": call.get("SigningAlgorithm"),
        "sts:DurationSeconds": call.get("DurationSeconds") or str(DEFAULT_SECONDS),
    }


def _read_parameters(call: Call) -> tuple[list[str], int]:
    audiences = call.members("Audience")
    algorithm = call.get("SigningAlgorithm")
    constraints.require(
        None if audiences else "Value at 'audience' failed to satisfy constraint: Member must not be null",
        "Value at 'audience' failed to satisfy constraint: Member must have length less than or equal to 10"
        if len(audiences) > 10
        else None,
        *(constraints.length("audience", audience, 1, 1000) for audience in audiences),
        constraints.length("signingAlgorithm", algorithm, 5, 5),
        constraints.number("durationSeconds", call.get("DurationSeconds"), 60, 3600),
    )
    if algorithm != "RS256":
        raise AwsError(400, "InvalidParameterValue", f"The sandbox signs with RS256 only, not with {algorithm}.")
    if call.tags():
        raise AwsError(400, "InvalidParameterValue", "The sandbox puts no request tags into tokens.")
    return audiences, int(call.get("DurationSeconds") or DEFAULT_SECONDS)


def _principal_arn(caller: Mapping[str, Any]) -> str:
    """The IAM principal behind a caller: of a session of a role, the role."""
    arn: str = caller["userArn"]
    if caller["principalType"] != "AssumedRole":
        return arn
    role = emulator.find_role(caller["accountId"], arn.split("/")[1])
    if role is None:
        raise AwsError(403, "AccessDenied", f"The role of the session {arn} no longer exists.")
    role_arn: str = role["Arn"]
    return role_arn


def _aws_claims(account: str, principal: str, session: Mapping[str, Any]) -> dict[str, Any]:
    claims = {"aws_account": account, "source_region": emulator.region(), "principal_id": principal}
    if session:
        claims["original_session_exp"] = _iso(session["Expiration"])
    if "FederatedProvider" in session:
        claims["federated_provider"] = session["FederatedProvider"]
    return claims


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
