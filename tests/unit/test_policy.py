"""Reading trust policies: every form that IAM takes, and a refusal that says where for what it would not take."""

import json
from typing import Any

import pytest

from federation.policy import Condition, PolicyError, Principal, parse_trust_policy

STATEMENT: dict[str, Any] = {
    "Effect": "Allow",
    "Principal": {"Federated": "accounts.google.com"},
    "Action": "sts:AssumeRoleWithWebIdentity",
}


def policy(**changes: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **changes}]})


def test_one_statement_may_stand_without_a_list() -> None:
    assert parse_trust_policy({"Statement": STATEMENT}).statements == parse_trust_policy(policy()).statements


def test_lists_and_single_values_read_the_same() -> None:
    listed = policy(Principal={"Federated": ["accounts.google.com"]}, Action=["sts:AssumeRoleWithWebIdentity"])

    assert parse_trust_policy(listed) == parse_trust_policy(policy())


@pytest.mark.parametrize(
    ("written", "principals"),
    [
        ("*", (Principal("AWS", "*"),)),
        ({"AWS": "*"}, (Principal("AWS", "*"),)),
        (
            {"Federated": ["a", "b"], "Service": "c"},
            (Principal("Federated", "a"), Principal("Federated", "b"), Principal("Service", "c")),
        ),
    ],
)
def test_principals_are_read_in_every_form(written: Any, principals: tuple[Principal, ...]) -> None:
    (statement,) = parse_trust_policy(policy(Principal=written)).statements

    assert statement.principals == principals


def test_condition_values_of_every_type_become_texts() -> None:
    block = {"Bool": {"a:b": True}, "NumericEquals": {"c:d": [1, 2.5]}, "StringEquals": {"e:f": "g"}}
    (statement,) = parse_trust_policy(policy(Condition=block)).statements

    assert statement.conditions == (
        Condition("Bool", "a:b", ("true",)),
        Condition("NumericEquals", "c:d", ("1", "2.5")),
        Condition("StringEquals", "e:f", ("g",)),
    )


def test_only_the_newer_version_has_policy_variables() -> None:
    assert parse_trust_policy({"Version": "2012-10-17", "Statement": []}).has_variables
    assert not parse_trust_policy({"Version": "2008-10-17", "Statement": []}).has_variables
    assert not parse_trust_policy({"Statement": []}).has_variables


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "the policy is not JSON: Expecting property name"),
        ("[]", "the policy is not an object"),
        ("{}", "the policy has no Statement"),
        ('{"Version": "2020-01-01", "Statement": []}', "Version '2020-01-01' is not 2012-10-17 or 2008-10-17"),
        ('{"Statement": [], "Statements": []}', "the policy has Statements, which no trust policy has"),
        ('{"Statement": [], "Statement": []}', "'Statement' comes twice in one object"),
        ('{"Statement": ["Allow"]}', r"Statement\[0\] is not an object"),
        (policy(Effect="allow"), r"Statement\[0\].Effect 'allow' is not Allow or Deny \(in this case\)"),
        (policy(Resource="*"), r"Statement\[0\] has Resource, .* a trust policy names no resource"),
        (policy(Conditions={}), r"Statement\[0\] has Conditions, which no trust policy has"),
        (policy(NotPrincipal="*"), r"Statement\[0\] needs either Principal or NotPrincipal, and not both"),
        (policy(NotAction="*"), r"Statement\[0\] needs either Action or NotAction, and not both"),
        (policy(Principal="accounts.google.com"), r"Statement\[0\].Principal is not an object"),
        (policy(Principal={"Google": "a"}), r"Statement\[0\].Principal has Google, which no trust policy has"),
        (policy(Principal={"Federated": [1]}), r"Statement\[0\].Principal.Federated: 1 is not a string"),
        (policy(Action=[None]), r"Statement\[0\].Action: None is not a string"),
        (policy(Sid=["a"]), r"Statement\[0\].Sid: \['a'\] is not a string"),
        (policy(Condition=[]), r"Statement\[0\].Condition is not an object"),
        (policy(Condition={"Bool": True}), r"Statement\[0\].Condition.Bool is not an object"),
        (policy(Condition={"Bool": {"a": None}}), r"Condition.Bool.a: None is not a string, a number or a boolean"),
        (policy(Condition={"Bool": {"a:B": "x", "A:b": "y"}}), r"Condition.Bool: 'A:b' comes twice \(a key's case"),
    ],
)
def test_what_is_no_trust_policy_is_refused_with_the_place_and_the_reason(document: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        parse_trust_policy(document)


@pytest.mark.parametrize("missing", ["Effect", "Principal", "Action"])
def test_a_statement_without_one_of_its_parts_is_refused_by_name(missing: str) -> None:
    statement = {name: value for name, value in STATEMENT.items() if name != missing}

    with pytest.raises(PolicyError, match=missing):
        parse_trust_policy({"Statement": [statement]})
