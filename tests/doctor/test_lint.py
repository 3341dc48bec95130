"""`lint`: doors that stand open, from the stranger's side."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.lint.lint import lint_trust_policy
from federation.claims import context_from_claims
from federation.evaluation import TrustEvaluator
from federation.outcome import PASS
from federation.policy import parse_trust_policy
from tests.doctor.conftest import Doctor
from tests.doctor.test_way_back import EMAIL, aws_provider, bindings, oidc_provider
from tests.doctor.world import (
    AUDIENCE,
    MEMBER,
    POOL_NAME,
    PROVIDER,
    SUBJECT,
    UNIQUE_ID,
    Json,
    built_policy,
    cluster_policy,
    get_role,
    google_policy,
    policy_of,
)

G = "accounts.google.com"
SUB, OAUD = f"{G}:sub", f"{G}:oaud"
PINNED = {SUB: UNIQUE_ID, OAUD: AUDIENCE}
CLUSTER_PINNED = {f"{PROVIDER}:sub": SUBJECT, f"{PROVIDER}:aud": AUDIENCE}
GITHUB = "arn:aws:iam::211125558983:oidc-provider/token.actions.githubusercontent.com"

OPEN = {
    "no condition": (google_policy({}), "critical"),
    "audience only": (google_policy({"StringEquals": {OAUD: AUDIENCE}}), "critical"),
    "azp only": (google_policy({"StringEquals": {f"{G}:aud": UNIQUE_ID}}), "critical"),
    "audience only, cluster": (cluster_policy({"StringEquals": {f"{PROVIDER}:aud": AUDIENCE}}), "critical"),
    "audience only, GitHub": (
        policy_of({"Federated": GITHUB}, {"StringEquals": {"token.actions.githubusercontent.com:aud": AUDIENCE}}),
        "critical",
    ),
    "sub is *": (google_policy({"StringLike": {SUB: "*"}, "StringEquals": {OAUD: AUDIENCE}}), "critical"),
    "every service account": (
        cluster_policy({"StringLike": {f"{PROVIDER}:sub": "system:serviceaccount:*"}}),
        "critical",
    ),
    "every service account of a namespace": (
        cluster_policy({"StringLike": {**CLUSTER_PINNED, f"{PROVIDER}:sub": "system:serviceaccount:default:*"}}),
        "high",
    ),
    "a ? for a letter": (
        cluster_policy(
            {"StringLike": {**CLUSTER_PINNED, f"{PROVIDER}:sub": "system:serviceaccount:default:s3-reade?"}}
        ),
        "high",
    ),
    "subject excluded instead of named": (google_policy({"StringNotEquals": {SUB: UNIQUE_ID}}), "critical"),
    "subject only there": (google_policy({"Null": {SUB: "false"}, "StringEquals": {OAUD: AUDIENCE}}), "critical"),
    "the key misspelt, IfExists": (google_policy({"StringEqualsIfExists": {f"{G}:subject": UNIQUE_ID}}), "critical"),
    "another issuer's key, IfExists": (
        google_policy({"StringEqualsIfExists": {f"{PROVIDER}:sub": SUBJECT}}),
        "critical",
    ),
    "IfExists": (google_policy({"StringEqualsIfExists": PINNED}), "medium"),
    "ForAllValues": (google_policy({"ForAllValues:StringEquals": PINNED}), "medium"),
    "Google's audience not pinned": (google_policy({"StringEquals": {SUB: UNIQUE_ID}}), "medium"),
    "any audience": (
        google_policy({"StringEquals": {SUB: UNIQUE_ID}, "StringLike": {OAUD: "https://*"}}),
        "medium",
    ),
    "principal *": (policy_of("*", {}), "critical"),
    "AWS *": (policy_of({"AWS": "*"}, {}), "critical"),
    "federated *": (policy_of({"Federated": "*"}, {}), "critical"),
    "session name for a boundary": (google_policy({"StringEquals": {"sts:RoleSessionName": "app"}}), "critical"),
}


@pytest.mark.parametrize(("policy", "severity"), OPEN.values(), ids=OPEN.keys())
def test_an_open_door_is_d27_with_its_severity(doctor: Doctor, policy: Json, severity: str) -> None:
    answer = doctor.run("lint", doctor.file(policy), "--json")
    assert answer.status == 1
    assert (answer.first["id"], answer.first["severity"]) == ("D27", severity)
    assert answer.first["fix"]


NOT_PRINCIPAL = policy_of(None, {})["Statement"][0] | {"NotPrincipal": {"AWS": "arn:aws:iam::211125558983:root"}}
NOT_PRINCIPAL.pop("Principal")


def test_everyone_but_is_everyone(doctor: Doctor) -> None:
    answer = doctor.run("lint", doctor.file({"Statement": NOT_PRINCIPAL}), "--json")
    assert (answer.first["id"], answer.first["severity"]) == ("D27", "critical")


@pytest.mark.parametrize(
    "policy",
    [
        built_policy(),
        google_policy({"StringEquals": PINNED}),
        google_policy({"ForAnyValue:StringEquals": PINNED}),
        google_policy({"StringEqualsIfExists": PINNED, "Null": {SUB: "false", OAUD: "false"}}),
        cluster_policy({"StringEquals": CLUSTER_PINNED}),
        cluster_policy({"StringLike": CLUSTER_PINNED}),
        policy_of({"Service": "ec2.amazonaws.com"}, {}, Action="sts:AssumeRole"),
        policy_of({"AWS": "arn:aws:iam::211125558983:root"}, {}, Action="sts:AssumeRole"),
        google_policy({}, Effect="Deny"),
    ],
)
def test_of_a_closed_door_nothing_is_said(doctor: Doctor, policy: Json) -> None:
    answer = doctor.run("lint", doctor.file(get_role(policy)), "--json")
    assert (answer.status, answer.ids) == (0, [])


def test_a_denial_that_keeps_strangers_out_closes_the_door() -> None:
    policy = google_policy({"StringEquals": {OAUD: AUDIENCE}})
    policy["Statement"].append(google_policy({"StringNotEquals": {SUB: UNIQUE_ID}}, Effect="Deny")["Statement"][0])
    assert lint_trust_policy(parse_trust_policy(policy), 0, "policy") == []


def test_a_door_that_hangs_on_other_conditions_is_unknown(doctor: Doctor) -> None:
    answer = doctor.run("lint", doctor.file(policy_of("*", {"StringEquals": {"aws:PrincipalOrgID": "o-x"}})), "--json")
    assert (answer.status, answer.first["id"]) == (3, "D27")


def test_a_policy_that_is_too_long_is_d19(doctor: Doctor) -> None:
    policy = google_policy({"StringEquals": {SUB: [f"{number:021}" for number in range(1, 101)], OAUD: AUDIENCE}})
    answer = doctor.run("lint", doctor.file(policy), "--json")
    assert (answer.status, answer.ids) == (1, ["D19"])
    assert "a role of its own" in answer.first["fix"]


def test_a_wildcard_that_never_matches_is_d1(doctor: Doctor) -> None:
    policy = cluster_policy({"StringEquals": {**CLUSTER_PINNED, f"{PROVIDER}:sub": "system:serviceaccount:*"}})
    assert doctor.run("lint", doctor.file(policy), "--json").ids == ["D1"]


@pytest.mark.parametrize("host", ["sts.googleapis.com", "sts.amazonaws.com", "accounts.google.com"])
def test_a_provider_that_never_works_is_d5(doctor: Doctor, host: str) -> None:
    arn = f"arn:aws:iam::211125558983:oidc-provider/{host}"
    keys = {f"{host}:sub": "x", f"{host}:aud": AUDIENCE, f"{host}:oaud": AUDIENCE}
    answer = doctor.run("lint", doctor.file(policy_of({"Federated": arn}, {"StringEquals": keys})), "--json")
    assert (answer.status, answer.ids) == (1, ["D5"])


@pytest.mark.parametrize(
    ("provider", "severity", "says"),
    [
        (aws_provider(attributeCondition=""), "high", "every identity of AWS account 211125558983"),
        (oidc_provider(attributeCondition="true"), "high", "every identity of https://0a1b2c3d"),
        (
            oidc_provider(oidc={"issuerUri": "https://token.actions.githubusercontent.com"}, attributeCondition=""),
            "critical",
            "everyone who can get a token of https://token.actions.githubusercontent.com",
        ),
        (aws_provider(attributeCondition="assertion.arn.contains('assumed-role/R/')"), "high", "contains()"),
        (
            aws_provider(attributeCondition="assertion.arn.startsWith('arn:aws:sts::1:assumed-role/R')"),
            "high",
            "names that begin like it",
        ),
        (aws_provider(attributeCondition="assertion.arn.matches('assumed-role/R/.*')"), "high", "anywhere"),
    ],
)
def test_an_open_provider_is_d27(doctor: Doctor, provider: Json, severity: str, says: str) -> None:
    answer = doctor.run("lint", doctor.file(provider), "--json")
    assert (answer.status, answer.first["id"], answer.first["severity"]) == (1, "D27", severity)
    assert says in answer.first["said"]


@pytest.mark.parametrize("provider", [aws_provider(), oidc_provider()])
def test_of_the_programs_providers_nothing_is_said(doctor: Doctor, provider: Json) -> None:
    answer = doctor.run("lint", doctor.file(provider), "--json")
    assert (answer.status, answer.ids) == (0, [])


@pytest.mark.parametrize(
    ("member", "problem", "severity"),
    [
        (f"principalSet://iam.googleapis.com/{POOL_NAME}/*", "D27", "high"),
        ("allUsers", "D27", "critical"),
        ("allAuthenticatedUsers", "D27", "critical"),
        (f"deleted:serviceAccount:{EMAIL}?uid=1", "D11", "low"),
    ],
)
def test_a_wide_member_of_a_service_account_is_found(doctor: Doctor, member: str, problem: str, severity: str) -> None:
    answer = doctor.run("lint", doctor.file(bindings(MEMBER, member)), "--json")
    assert answer.status == 1
    assert [(each["id"], each["severity"]) for each in answer.json["findings"]] == [(problem, severity)]


def test_of_the_programs_binding_nothing_is_said(doctor: Doctor) -> None:
    assert doctor.run("lint", doctor.file(bindings(MEMBER)), "--json").ids == []


def test_several_files_and_the_worst_first_in_each(doctor: Doctor) -> None:
    policy = google_policy({"StringEquals": {SUB: UNIQUE_ID}})
    policy["Statement"].append(google_policy({})["Statement"][0])
    answer = doctor.run("lint", doctor.file(policy), doctor.file(aws_provider(attributeCondition="")), "--json")
    assert [each["severity"] for each in answer.json["findings"]] == ["critical", "medium", "high"]


def test_list_roles_is_linted_role_by_role(doctor: Doctor) -> None:
    roles = [get_role(google_policy({}), RoleName="open")["Role"], get_role(built_policy(), RoleName="closed")["Role"]]
    answer = doctor.run("lint", doctor.file({"Roles": roles}), "--json")
    assert [each["subject"] for each in answer.json["findings"]] == ["open, Statement[0]"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is not JSON; give a trust policy or what `aws iam get-role` prints"),
        ("[]", "is not a JSON object"),
        ("{}", "has no Statement"),
        ({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}, "Resource"),
        ({"Statement": [{"Effect": "Allow"}]}, "needs either Principal or NotPrincipal"),
    ],
)
def test_a_file_that_is_no_policy_is_one_line_that_says_why(doctor: Doctor, content: Any, says: str) -> None:
    answer = doctor.run("lint", doctor.file(content))
    assert answer.status == 2
    assert says in answer.err
    assert answer.err.count("\n") == 1


def test_something_to_lint_must_be_named(doctor: Doctor) -> None:
    answer = doctor.run("lint")
    assert answer.status == 2
    assert "a FILE, --stack STACK or --account" in answer.err


operators = st.sampled_from(
    [
        "StringEquals",
        "StringLike",
        "StringNotEquals",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "StringEqualsIfExists",
        "StringNotEqualsIfExists",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringLike",
        "Null",
    ]
)
keys = st.sampled_from([SUB, OAUD, f"{G}:aud", f"{G}:email", f"{G}:hd", "sts:RoleSessionName"])
values = st.sampled_from([UNIQUE_ID, AUDIENCE, EMAIL, "*", "1*", "?" * 21, "true", "false", "stranger"])
conditions = st.dictionaries(operators, st.dictionaries(keys, st.lists(values, min_size=1, max_size=2)), max_size=3)
statement = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": st.just({"Federated": G}),
        "Action": st.just("sts:AssumeRoleWithWebIdentity"),
        "Condition": st.dictionaries(
            operators, st.dictionaries(keys, st.lists(values, min_size=1, max_size=2)), max_size=3
        ),
    }
)


@given(
    statements=st.lists(statement, min_size=1, max_size=3),
    subject=st.sampled_from(["104300000000000000009", "stranger", "system:serviceaccount:a:b"]),
    audience=values,
)
def test_no_policy_that_admits_a_stranger_passes(statements: list[Json], subject: str, audience: str) -> None:
    policy = parse_trust_policy(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    claims = {"iss": f"https://{G}", "sub": subject, "azp": subject, "aud": audience, "email": "stranger@example.com"}
    admitted = TrustEvaluator(policy).decide(context_from_claims(claims, G, {"sts:RoleSessionName": ["app"]})) is PASS
    found = lint_trust_policy(policy, 0, "policy")
    assert not admitted or any(finding.id == "D27" for finding in found)
