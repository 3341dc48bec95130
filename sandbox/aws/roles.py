"""What IAM refuses in a role and MiniStack lets pass.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
Each operation is checked here and then done by MiniStack.
"""

import json
import re
from typing import Any, Final

from federation.aws import BUILT_IN_OIDC_HOSTS, SESSION_SECONDS_MAX, SESSION_SECONDS_MIN, TRUST_POLICY_CHARACTERS
from federation.trust import trust_policy_characters
from sandbox.aws import constraints, emulator
from sandbox.aws.propagation import TrustPropagation
from sandbox.aws.query_protocol import AwsError, Call

FEDERATED_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:oidc|saml)-provider/.+")
AWS_PRINCIPAL: Final = re.compile(r"\*|[0-9]{12}|arn:aws[a-z-]*:(?:iam|sts)::[0-9]{12}:.+")
SERVICE_PRINCIPAL: Final = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?")
INVALID_FEDERATED: Final = "Federated principals must be valid domain names or SAML metadata ARNs"


def check_create_role(call: Call, propagation: TrustPropagation) -> None:
    """Refuse a name, a session duration or a trust policy that IAM refuses; raises AwsError."""
    name = call.get("RoleName")
    constraints.require(
        constraints.length("roleName", name, 1, 64),
        _duration_violation(call),
        constraints.length("assumeRolePolicyDocument", call.get("AssumeRolePolicyDocument"), 1, 131_072),
    )
    if name is None or not re.fullmatch(r"[\w+=,.@-]+", name, re.ASCII):
        raise AwsError(
            400,
            "ValidationError",
            "The specified value for roleName is invalid. It must contain only alphanumeric characters and/or the"
            " following: +=,.@_-",
        )
    if any(name.lower() == existing.lower() for existing in emulator.roles):
        raise AwsError(409, "EntityAlreadyExists", f"Role with name {name} already exists.")
    check_trust_policy(call.parameters["AssumeRolePolicyDocument"])
    propagation.role_created(emulator.account_id(), name)


def check_update_role(call: Call) -> None:
    """Refuse a session duration that IAM refuses; raises AwsError."""
    constraints.require(_duration_violation(call))


def check_update_trust_policy(call: Call, propagation: TrustPropagation) -> None:
    """Refuse a trust policy that IAM refuses, for a role that exists; raises AwsError."""
    document = call.get("PolicyDocument")
    constraints.require(constraints.length("policyDocument", document, 1, 131_072))
    role = emulator.roles.get(call.get("RoleName"))
    if role is not None:
        check_trust_policy(document or "")
        propagation.policy_changed(emulator.account_id(), role)


def check_attach_role_policy(call: Call) -> None:
    """Refuse a managed policy that does not exist; raises AwsError."""
    arn = call.get("PolicyArn") or ""
    if emulator.find_policy(arn) is None:
        raise AwsError(404, "NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")


def check_trust_policy(document: str) -> None:
    """Refuse a trust policy that IAM refuses; raises AwsError (MalformedPolicyDocument, or LimitExceeded)."""
    try:
        policy = json.loads(document)
    except ValueError:
        raise _malformed("This policy contains invalid Json") from None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise _malformed("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _check_statement(statement)
    if trust_policy_characters(document) > TRUST_POLICY_CHARACTERS:
        raise AwsError(409, "LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_POLICY_CHARACTERS}")


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Syntax errors in policy.")
    if "Resource" in statement:
        raise _malformed("Has prohibited field Resource")
    if "NotPrincipal" in statement:
        return  # MiniStack refuses it with IAM's text
    actions = statement.get("Action", statement.get("NotAction"))
    actions = actions if isinstance(actions, list) else [actions]
    if not all(isinstance(action, str) and action.startswith("sts:") for action in actions):
        raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    _check_principal(statement.get("Principal"))
    _check_condition(statement.get("Condition", {}))


def _check_principal(principal: Any) -> None:
    if principal == "*":
        return
    if principal is None:
        raise _malformed("Missing required field Principal")
    if not isinstance(principal, dict):
        raise _malformed(f'Invalid principal in policy: "{principal}"')
    if not principal:
        raise _malformed("Missing required field Principal cannot be empty!")
    for kind, value in principal.items():
        for name in value if isinstance(value, list) else [value]:
            _check_named_principal(kind, name)


def _check_named_principal(kind: str, name: Any) -> None:
    if kind == "Federated":
        if name not in BUILT_IN_OIDC_HOSTS and not FEDERATED_ARN.fullmatch(str(name)):
            raise _malformed(INVALID_FEDERATED)
        return
    allowed = {"AWS": AWS_PRINCIPAL, "Service": SERVICE_PRINCIPAL}.get(kind)
    if allowed is None or not allowed.fullmatch(str(name)):
        raise _malformed(f'Invalid principal in policy: "{kind.upper()}":"{name}"')


def _check_condition(condition: Any) -> None:
    """An operator that MiniStack does not know would make it skip a Deny; IAM lets none be written."""
    if not isinstance(condition, dict):
        raise _malformed("Syntax errors in policy.")
    for operator, keys in condition.items():
        plain = re.sub(r"^(?:forallvalues|foranyvalue):|ifexists$", "", operator.lower())
        known = operator.lower() == "null" or plain in emulator.condition_operators
        if not known or not isinstance(keys, dict):
            raise _malformed("Syntax errors in policy.")


def _duration_violation(call: Call) -> str | None:
    duration = call.get("MaxSessionDuration")
    return constraints.number("maxSessionDuration", duration, SESSION_SECONDS_MIN, SESSION_SECONDS_MAX)


def _malformed(message: str) -> AwsError:
    return AwsError(400, "MalformedPolicyDocument", message)
