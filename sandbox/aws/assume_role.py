"""The STS operation AssumeRoleWithWebIdentity, from a token to a session.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from federation.aws import SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, WEB_IDENTITY_TOKEN_CHARACTERS
from sandbox.aws import constraints, emulator
from sandbox.aws.propagation import TrustPropagation
from sandbox.aws.query_protocol import AwsError, Call
from sandbox.aws.web_identity import Account, WebIdentity, verify_web_identity_token
from sandbox.issuers import Issuers

ACTION: Final = "sts:AssumeRoleWithWebIdentity"
SHORTEST_SESSION_SECONDS: Final = 900
ROLE_ARN: Final = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>[0-9]{12}):role/(?:[!-.0-~]+/)*(?P<name>[^/:]+)"
)
NOT_AUTHORIZED: Final = f"Not authorized to perform {ACTION}"
"""For a role that does not exist as well, so that nobody learns which do.
https://github.com/aws-actions/configure-aws-credentials/issues/961"""
TOO_LONG: Final = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
"""https://github.com/kreuzwerker/awsu/issues/27"""


def assume_role_with_web_identity(call: Call, issuers: Issuers, propagation: TrustPropagation) -> Mapping[str, Any]:
    """A session of the role, if the token proves an identity that the role trusts.

    Raises:
        AwsError: a parameter, the token or the trust policy refuses it, checked in this order.

    """
    role_arn, account, role_name = _read_role_arn(call)
    token = call.get("WebIdentityToken") or ""
    _check_parameters(call)
    policies, refused = emulator.session_policies(dict(call.parameters), account.id)
    if refused:
        raise AwsError(400, "MalformedPolicyDocument", "The session policy is malformed or names an unknown policy.")
    identity = verify_web_identity_token(token, account, issuers, time.time())
    role = emulator.find_role(account.id, role_name)
    if role is None or role["Arn"] != role_arn or not _trusts(role, identity, account, call, propagation):
        raise AwsError(403, "AccessDenied", NOT_AUTHORIZED)
    seconds = int(call.get("DurationSeconds") or SESSION_SECONDS_MIN)
    if seconds > role["MaxSessionDuration"]:
        raise AwsError(400, "ValidationError", TOO_LONG)
    return _open_session(role, account, identity, call.parameters["RoleSessionName"], seconds, policies)


def _read_role_arn(call: Call) -> tuple[str, Account, str]:
    role_arn = call.get("RoleArn")
    constraints.require(constraints.length("roleArn", role_arn, 20, 2048))
    parts = ROLE_ARN.fullmatch(role_arn or "")
    if role_arn is None or parts is None:
        # https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html and many issues quote the text
        raise AwsError(400, "ValidationError", "Request ARN is invalid")
    account_id = parts["account"]
    account = Account(parts["partition"], account_id, lambda arn: emulator.find_oidc_provider(account_id, arn))
    return role_arn, account, parts["name"]


def _check_parameters(call: Call) -> None:
    limits = WEB_IDENTITY_TOKEN_CHARACTERS
    token = call.get("WebIdentityToken")
    name = call.get("RoleSessionName")
    constraints.require(
        constraints.length("roleSessionName", name, 2, 64),
        constraints.pattern("roleSessionName", name, r"[\w+=,.@-]*"),
        constraints.length("webIdentityToken", token, limits[0], limits[-1], sensitive=True),
        constraints.number(
            "durationSeconds", call.get("DurationSeconds"), SHORTEST_SESSION_SECONDS, SESSION_SECONDS_MAX
        ),
    )


def _trusts(
    role: Mapping[str, Any], identity: WebIdentity, account: Account, call: Call, propagation: TrustPropagation
) -> bool:
    context = emulator.iam_evaluator.EvalContext(
        principal_arn=identity.provider,
        principal_type="WebIdentityUser",
        principal_account=account.id,
        action=ACTION,
        resource_arn=role["Arn"],
        region=emulator.region(),
        service_context={**identity.condition_keys, "sts:rolesessionname": call.parameters["RoleSessionName"]},
    )
    policy = propagation.policy_in_effect(account.id, role)
    return policy is not None and bool(emulator.iam_evaluator.evaluate_trust_policy(policy, identity.provider, context))


def _open_session(
    role: Mapping[str, Any],
    account: Account,
    identity: WebIdentity,
    name: str,
    seconds: int,
    policies: Mapping[str, Any],
) -> Mapping[str, Any]:
    expiration = int(time.time()) + seconds
    access_key_id, secret_access_key, session_token = emulator.new_session_credentials()
    arn = f"arn:{account.partition}:sts::{account.id}:assumed-role/{role['RoleName']}/{name}"
    session_id = f"{role['RoleId']}:{name}"
    emulator.sts.register_session(
        access_key_id,
        {
            "Arn": arn,
            "UserId": session_id,
            "SecretAccessKey": secret_access_key,
            "SessionToken": session_token,
            "Expiration": float(expiration),
            "AccountId": account.id,
            "PrincipalType": "AssumedRole",
            "SessionPolicies": policies if any(policies.values()) else None,
            "FederatedProvider": identity.provider,
        },
    )
    return {
        "Credentials": {
            "AccessKeyId": access_key_id,
            "SecretAccessKey": secret_access_key,
            "SessionToken": session_token,
            "Expiration": datetime.fromtimestamp(expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
        "SubjectFromWebIdentityToken": identity.subject,
        "AssumedRoleUser": {"AssumedRoleId": session_id, "Arn": arn},
        "Provider": identity.provider,
        "Audience": identity.audience,
    }
