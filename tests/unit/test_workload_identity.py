"""The CEL of the way back, evaluated by a CEL library: whom it admits, and as which subject."""

from collections.abc import Callable, Collection

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from federation import cel
from federation.aws import ROLE_NAME, SESSION_NAME, assumed_role_prefix, role_arn
from federation.google import ATTRIBUTE_CONDITION_CHARACTERS, ATTRIBUTE_MAPPING_CHARACTERS, SUBJECT_BYTES
from federation.workload_identity import (
    aws_attribute_condition,
    aws_attribute_mapping,
    oidc_attribute_condition,
    oidc_attribute_mapping,
)

ACCOUNT = "211125558983"
ROLE = "GCPWorkloadIAMRole"

AttributeCondition = Callable[[str, str, Collection[str]], str]

role_names = st.from_regex(ROLE_NAME, fullmatch=True)
session_names = st.from_regex(SESSION_NAME, fullmatch=True)
partitions = st.sampled_from(["aws", "aws-us-gov", "aws-cn"])
account_ids = st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii)


def aws_admits(arn: str, *roles: str) -> bool:
    condition = aws_attribute_condition("aws", ACCOUNT, roles)
    return bool(cel.evaluate(condition, {"assertion": {"arn": arn, "account": ACCOUNT}}))


def oidc_admits(subject: str, *roles: str) -> bool:
    return bool(cel.evaluate(oidc_attribute_condition("aws", ACCOUNT, roles), {"assertion": {"sub": subject}}))


@given(partition=partitions, account=account_ids, role=role_names, session=session_names)
def test_every_session_of_a_role_is_admitted_with_the_role_s_arn_as_its_subject(
    partition: str, account: str, role: str, session: str
) -> None:
    assertion = {"arn": assumed_role_prefix(partition, account, role) + session, "account": account}

    assert cel.evaluate(aws_attribute_condition(partition, account, [role]), {"assertion": assertion}) is True
    subject = cel.evaluate(aws_attribute_mapping(partition, account)["google.subject"], {"assertion": assertion})
    assert subject == role_arn(partition, account, role)


@given(partition=partitions, account=account_ids, role=role_names)
def test_the_outbound_token_of_a_role_is_admitted_with_the_same_subject_as_its_session(
    partition: str, account: str, role: str
) -> None:
    assertion = {"sub": role_arn(partition, account, role)}

    assert cel.evaluate(oidc_attribute_condition(partition, account, [role]), {"assertion": assertion}) is True
    subject = cel.evaluate(oidc_attribute_mapping()["google.subject"], {"assertion": assertion})
    assert subject == role_arn(partition, account, role)


@given(partition=partitions, account=account_ids, role=role_names)
def test_every_subject_fits_google_s_limit_however_long_the_role_s_name(
    partition: str, account: str, role: str
) -> None:
    assert len(role_arn(partition, account, role).encode()) <= SUBJECT_BYTES


@given(named=role_names, other=role_names, session=session_names)
def test_sessions_of_another_role_are_refused(named: str, other: str, session: str) -> None:
    assume(named != other)

    assert not aws_admits(assumed_role_prefix("aws", ACCOUNT, other) + session, named)
    assert not oidc_admits(role_arn("aws", ACCOUNT, other), named)


@pytest.mark.parametrize(
    "arn",
    [
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}2/session", id="a role whose name begins alike"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE[:-1]}/session", id="a role whose name is its start"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE.lower()}/session", id="another case"),
        pytest.param(f"arn:aws:sts::111122223333:assumed-role/{ROLE}/session", id="another account"),
        pytest.param(f"arn:aws-cn:sts::{ACCOUNT}:assumed-role/{ROLE}/session", id="another partition"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:user/assumed-role/{ROLE}/mallory", id="a user with a crafted path"),
        pytest.param(
            f"arn:aws:iam::111122223333:user/arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/mallory",
            id="another account's user whose path is the session's whole ARN",
        ),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:federated-user/{ROLE}", id="a federated user"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:root", id="the account itself"),
        pytest.param(f"arn:aws:sts::{ACCOUNT}:assumed-role/other/{ROLE}", id="a session named like the role"),
        pytest.param("", id="no ARN"),
    ],
)
def test_an_aws_identity_that_only_looks_like_the_role_is_refused(arn: str) -> None:
    assert not aws_admits(arn, ROLE)


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(f"arn:aws:iam::{ACCOUNT}:role/{ROLE}2", id="a role whose name begins alike"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:role/path/{ROLE}", id="a role of the same name under a path"),
        pytest.param(f"arn:aws:iam::111122223333:role/{ROLE}", id="another account"),
        pytest.param(f"arn:aws:iam::{ACCOUNT}:user/role/{ROLE}", id="a user with a crafted path"),
    ],
)
def test_an_outbound_token_of_another_identity_is_refused(subject: str) -> None:
    assert not oidc_admits(subject, ROLE)


def test_each_of_several_roles_is_admitted() -> None:
    for role in ("alpha", "bravo"):
        assert aws_admits(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/session", "bravo", "alpha")
        assert oidc_admits(f"arn:aws:iam::{ACCOUNT}:role/{role}", "bravo", "alpha")


def test_with_no_role_named_nobody_is_admitted() -> None:
    assert not aws_admits(f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/session")
    assert not oidc_admits(f"arn:aws:iam::{ACCOUNT}:role/{ROLE}")


@given(roles=st.lists(role_names, max_size=4), data=st.data())
def test_the_order_of_the_roles_and_a_repetition_do_not_change_a_condition(
    roles: list[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(roles + roles[:1]))

    assert aws_attribute_condition("aws", ACCOUNT, roles) == aws_attribute_condition("aws", ACCOUNT, shuffled)
    assert oidc_attribute_condition("aws", ACCOUNT, roles) == oidc_attribute_condition("aws", ACCOUNT, shuffled)


@pytest.mark.parametrize("condition", [aws_attribute_condition, oidc_attribute_condition])
@pytest.mark.parametrize("name", ["", "a'b", "x') || true || ('", "a\\", "{role}", "a/b", "a" * 65, "rôle", "a\n"])
def test_what_is_no_role_s_name_never_gets_into_an_expression(condition: AttributeCondition, name: str) -> None:
    with pytest.raises(ValueError, match=r"role_names: .* is not a role's name: 1-64 of"):
        condition("aws", ACCOUNT, [name])


@pytest.mark.parametrize("account_id", ["", "21112555898", "2111255589833", "21112555898'", "٢" * 12])
def test_what_is_no_account_never_gets_into_an_expression(account_id: str) -> None:
    with pytest.raises(ValueError, match="is not 12 digits, such as 111122223333"):
        aws_attribute_mapping("aws", account_id)


def test_a_partition_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="partition 'aws-eu' is not one of aws, aws-us-gov, aws-cn"):
        aws_attribute_mapping("aws-eu", ACCOUNT)


@pytest.mark.parametrize("condition", [aws_attribute_condition, oidc_attribute_condition])
def test_a_condition_past_google_s_limit_is_refused_with_what_to_do(condition: AttributeCondition) -> None:
    with pytest.raises(ValueError, match=f"Google allows {ATTRIBUTE_CONDITION_CHARACTERS}: let fewer roles return"):
        condition("aws", ACCOUNT, [f"{number:064}" for number in range(40)])


def test_the_mapping_is_far_from_google_s_limit() -> None:
    assert len(aws_attribute_mapping("aws-us-gov", ACCOUNT)["google.subject"]) < ATTRIBUTE_MAPPING_CHARACTERS / 10
