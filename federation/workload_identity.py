"""The CEL of a workload identity pool's provider: which AWS sessions Google admits, and as which subject.

Both kinds of provider make google.subject the ARN of the *role*, so the same `principal://` member holds for both and
whatever name a session has. It deliberately maps nothing else: an optional claim that is missing would fail the whole
exchange, and nobody would grant by it. Values are checked against IAM's own formats, none of which has a quote, a
backslash or a brace; that is what makes them safe inside CEL's string literals.
https://cloud.google.com/iam/docs/workload-identity-federation#mapping
"""

from collections.abc import Collection, Iterable

from federation.aws import ACCOUNT_ID, PARTITIONS, ROLE_NAME, assumed_role_prefix, role_arn
from federation.google import ATTRIBUTE_CONDITION_CHARACTERS

NOBODY = "false"
"""The condition that admits no session."""


def aws_attribute_mapping(partition: str, account_id: str) -> dict[str, str]:
    """The mapping of an `aws` provider: the session's ARN is rewritten to the ARN of its role.

    Google's default would be the session's ARN, which passes 127 bytes with a long role and session name. The condition
    must admit sessions of this account only: of another identity this mapping makes a meaningless subject.
    """
    _check_account(partition, account_id)
    session = assumed_role_prefix(partition, account_id, "{role}")
    return {"google.subject": f"'{role_arn(partition, account_id, '')}' + assertion.arn.extract('{session}')"}


def aws_attribute_condition(partition: str, account_id: str, role_names: Collection[str]) -> str:
    """Admits sessions of exactly these roles through an `aws` provider; with no roles, nobody.

    The ARN must *start* with the role: the path of an IAM user may contain `assumed-role/ROLE/`, so a search for that
    text would admit a user. Raises ValueError for a malformed name or a condition past Google's limit.
    """
    _check_account(partition, account_id)
    return _any_of(
        f"assertion.arn.startsWith('{assumed_role_prefix(partition, account_id, name)}')"
        for name in _checked_role_names(role_names)
    )


def oidc_attribute_mapping() -> dict[str, str]:
    """The mapping of an `oidc` provider for AWS's outbound tokens, whose `sub` already is the role's ARN.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
    """
    return {"google.subject": "assertion.sub"}


def oidc_attribute_condition(partition: str, account_id: str, role_names: Collection[str]) -> str:
    """Admits outbound tokens of exactly these roles through an `oidc` provider; with no roles, nobody.

    Raises ValueError for a malformed name or a condition past Google's limit.
    """
    _check_account(partition, account_id)
    return _any_of(
        f"assertion.sub == '{role_arn(partition, account_id, name)}'" for name in _checked_role_names(role_names)
    )


def _any_of(conditions: Iterable[str]) -> str:
    condition = " || ".join(conditions) or NOBODY
    if len(condition) > ATTRIBUTE_CONDITION_CHARACTERS:
        raise ValueError(
            f"the attribute condition has {len(condition)} characters, Google allows {ATTRIBUTE_CONDITION_CHARACTERS}:"
            " let fewer roles return to Google Cloud through one provider, or give them shorter names"
        )
    return condition


def _check_account(partition: str, account_id: str) -> None:
    if partition not in PARTITIONS:
        raise ValueError(f"partition {partition!r} is not one of {', '.join(PARTITIONS)}")
    if not ACCOUNT_ID.fullmatch(account_id):
        raise ValueError(f"account_id {account_id!r} is not 12 digits, such as 111122223333")


def _checked_role_names(role_names: Collection[str]) -> list[str]:
    for name in role_names:
        if not ROLE_NAME.fullmatch(name):
            raise ValueError(f"role_names: {name!r} is not a role's name: 1-64 of letters, digits and _+=,.@-")
    return sorted(set(role_names))
