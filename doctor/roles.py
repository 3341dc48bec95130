"""A role as a file describes it: its trust policy, and what AWS says around it.

Reads what the AWS CLI prints, a bare policy document, and the JSON that infrastructure code writes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from doctor.errors import UsageError
from federation.aws import policy_characters
from federation.policy import PolicyError, TrustPolicy, parse_trust_policy

_ROLE_ARN = re.compile(r"arn:(?P<partition>[a-z-]+):iam::(?P<account>[0-9]{12}):role/(?:.*/)?(?P<name>[^/]+)")


@dataclass(frozen=True)
class Role:
    """A role's trust policy; what is None is not known."""

    name: str
    document: dict[str, Any]
    policy: TrustPolicy
    arn: str | None = None
    session_seconds: int | None = None
    """MaxSessionDuration."""
    created_at: datetime | None = None

    @property
    def account_id(self) -> str | None:
        """The account that the role is in, and where its IAM OIDC providers must be."""
        parts = _ROLE_ARN.fullmatch(self.arn or "")
        return parts["account"] if parts else None

    @property
    def partition(self) -> str:
        """The partition of the role's ARN; `aws` when it is not known."""
        parts = _ROLE_ARN.fullmatch(self.arn or "")
        return parts["partition"] if parts else "aws"

    @property
    def characters(self) -> int:
        """The size of the trust policy as IAM's quota counts it."""
        return policy_characters(json.dumps(self.document, separators=(",", ":"), ensure_ascii=False))


def role_name_and_account(arn: str) -> tuple[str, str]:
    """The name and the account of a role's ARN. Raises UsageError."""
    parts = _ROLE_ARN.fullmatch(arn)
    if parts is None:
        raise UsageError(f"{arn!r} is not a role's ARN; write it as arn:aws:iam::111122223333:role/NAME")
    return parts["name"], parts["account"]


def roles_from_text(text: str, where: str) -> list[Role]:
    """The roles of a file: a trust policy, `aws iam get-role` or `aws iam list-roles`. Raises UsageError."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{where} is not JSON; give a trust policy or what `aws iam get-role` prints") from None
    if not isinstance(content, dict):
        raise UsageError(f"{where} is not a JSON object; give a trust policy or what `aws iam get-role` prints")
    if isinstance(listed := content.get("Roles"), list) and all(isinstance(each, dict) for each in listed):
        return [role_from_api(each, where) for each in listed]
    around = content["Role"] if isinstance(content.get("Role"), dict) else content
    if "AssumeRolePolicyDocument" in around:
        return [role_from_api(around, where)]
    return [_role(text, where, where)]


def role_from_api(role: Mapping[str, Any], where: str) -> Role:
    """A role as IAM answers with it, or as the CLI prints it. Raises UsageError."""
    document = role.get("AssumeRolePolicyDocument", {})
    text = unquote(document) if isinstance(document, str) else json.dumps(document)
    name = str(role.get("RoleName") or where)
    return _role(text, name, where, role)


def _role(text: str, name: str, where: str, role: Mapping[str, Any] | None = None) -> Role:
    around = role or {}
    arn, seconds = around.get("Arn"), around.get("MaxSessionDuration")
    try:
        policy = parse_trust_policy(text)
    except PolicyError as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{where} has no trust policy that IAM takes: {reason}") from None
    except (RecursionError, ValueError) as error:
        raise UsageError(f"{where} has no trust policy that can be read ({type(error).__name__})") from None
    return Role(
        name=name,
        document=json.loads(text),
        policy=policy,
        arn=arn if isinstance(arn, str) else None,
        session_seconds=seconds if isinstance(seconds, int) else None,
        created_at=_moment(around.get("CreateDate")),
    )


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)
