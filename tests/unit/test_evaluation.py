"""Whole trust policies against whole requests: who is named, what is asked, Deny first, and no guess that passes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.outcome import FAIL, PASS, UNKNOWN, Outcome
from federation.trust import (
    Evaluation,
    TrustEvaluator,
    cluster_statement,
    context_from_claims,
    google_statement,
    parse_trust_policy,
    provider_of_issuer,
    trust_policy,
)

UNIQUE_ID = "104857600000000000001"
EMAIL = "reader@mgr-product-sbx.iam.gserviceaccount.com"
ISSUER = "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
KEY = ISSUER.removeprefix("https://")
ACCOUNT = "211125558983"
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{KEY}"
SUBJECT = "system:serviceaccount:default:s3-reader"

GOOGLE_CLAIMS = {
    "iss": "https://accounts.google.com",
    "sub": UNIQUE_ID,
    "azp": UNIQUE_ID,
    "aud": "sts.amazonaws.com",
    "email": EMAIL,
    "email_verified": True,
}
CLUSTER_CLAIMS = {
    "iss": ISSUER,
    "sub": SUBJECT,
    "aud": ["sts.amazonaws.com"],
    "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "s3-reader"}},
}
BUILT = trust_policy(
    google_statement(UNIQUE_ID, EMAIL, "sts.amazonaws.com"),
    cluster_statement(PROVIDER_ARN, ISSUER, "sts.amazonaws.com", SUBJECT),
)


def explained(
    policy: str, claims: dict[str, Any], account_id: str | None = ACCOUNT, others: dict[str, list[str]] | None = None
) -> Evaluation:
    context = context_from_claims(claims, provider_of_issuer(claims["iss"]), others)
    evaluator = TrustEvaluator(parse_trust_policy(policy), account_id)
    evaluation = evaluator.explain(context)
    assert evaluator.decide(context) is evaluation.outcome
    return evaluation


def outcome(policy: str, claims: dict[str, Any], account_id: str | None = ACCOUNT) -> Outcome:
    return explained(policy, claims, account_id).outcome


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def statement(effect: str = "Allow", condition: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    whole = {
        "Effect": effect,
        "Principal": {"Federated": "accounts.google.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition or {},
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


@pytest.mark.parametrize("azp", [UNIQUE_ID, EMAIL])
def test_a_built_policy_admits_the_service_account_s_token_whichever_azp_it_has(azp: str) -> None:
    assert outcome(BUILT, {**GOOGLE_CLAIMS, "azp": azp}) is PASS


@pytest.mark.parametrize("audience", ["sts.amazonaws.com", ["sts.amazonaws.com"]])
def test_a_built_policy_admits_the_kubernetes_service_account_s_token(audience: str | list[str]) -> None:
    assert outcome(BUILT, {**CLUSTER_CLAIMS, "aud": audience}) is PASS


@pytest.mark.parametrize(
    ("claims", "change"),
    [
        (GOOGLE_CLAIMS, {"sub": "104857600000000000002", "azp": "104857600000000000002"}),
        (GOOGLE_CLAIMS, {"aud": "another-audience"}),
        (GOOGLE_CLAIMS, {"azp": "another-client"}),
        (GOOGLE_CLAIMS, {"iss": ISSUER}),
        (GOOGLE_CLAIMS, {"iss": "https://accounts.google.com/"}),
        (GOOGLE_CLAIMS, {"iss": "https://accounts.google.com.evil.example"}),
        (CLUSTER_CLAIMS, {"sub": "system:serviceaccount:default:other"}),
        (CLUSTER_CLAIMS, {"sub": "system:serviceaccount:other:s3-reader"}),
        (CLUSTER_CLAIMS, {"sub": SUBJECT.upper()}),
        (CLUSTER_CLAIMS, {"aud": ["another-audience"]}),
        (CLUSTER_CLAIMS, {"azp": "another-client"}),
        (CLUSTER_CLAIMS, {"iss": "https://accounts.google.com"}),
        (CLUSTER_CLAIMS, {"iss": ISSUER.replace("mgr-main-sbx", "mgr-main-prd")}),
    ],
)
def test_a_built_policy_refuses_a_token_that_differs_in_one_pinned_claim(
    claims: dict[str, Any], change: dict[str, Any]
) -> None:
    assert outcome(BUILT, {**claims, **change}) is FAIL


@pytest.mark.parametrize("missing", ["sub", "aud"])
@pytest.mark.parametrize("claims", [GOOGLE_CLAIMS, CLUSTER_CLAIMS])
def test_a_built_policy_refuses_a_token_without_a_pinned_claim(claims: dict[str, Any], missing: str) -> None:
    assert outcome(BUILT, {name: value for name, value in claims.items() if name != missing}) is FAIL


def test_a_token_for_a_second_audience_too_is_not_admitted() -> None:
    assert outcome(BUILT, {**CLUSTER_CLAIMS, "aud": ["sts.amazonaws.com", "another"]}) is UNKNOWN


def test_an_explanation_says_for_each_condition_what_is_wanted_what_is_given_and_why() -> None:
    google, cluster = explained(BUILT, {**GOOGLE_CLAIMS, "aud": "STS.amazonaws.com"}).statements

    assert (google.sid, google.effect, google.outcome) == ("GoogleServiceAccount", "Allow", FAIL)
    assert google.principal.outcome is PASS
    assert google.action.outcome is PASS
    by_key = {condition.key: condition for condition in google.conditions}
    assert by_key["accounts.google.com:sub"].outcome is PASS
    oaud = by_key["accounts.google.com:oaud"]
    assert (oaud.wanted, oaud.given) == (("sts.amazonaws.com",), ("STS.amazonaws.com",))
    assert (oaud.outcome, oaud.reason) == (FAIL, "differs in upper and lower case")
    assert cluster.principal.outcome is FAIL
    assert cluster.principal.reason == (
        f"the statement names Federated {PROVIDER_ARN}; the token is from accounts.google.com"
    )


DENY_OTHERS = statement("Deny", {"StringNotEquals": {"accounts.google.com:oaud": "sts.amazonaws.com"}})


def test_a_deny_that_applies_beats_every_allow() -> None:
    evaluation = explained(policy(statement(), DENY_OTHERS), {**GOOGLE_CLAIMS, "aud": "another"})

    assert (evaluation.outcome, evaluation.explicitly_denied) == (FAIL, True)


def test_a_deny_that_does_not_apply_changes_nothing() -> None:
    assert outcome(policy(DENY_OTHERS, statement()), GOOGLE_CLAIMS) is PASS


def test_a_deny_that_may_apply_leaves_the_answer_open() -> None:
    deny = statement("Deny", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})

    assert outcome(policy(statement(), deny), GOOGLE_CLAIMS) is UNKNOWN


def test_a_deny_that_may_apply_changes_nothing_where_nothing_is_allowed() -> None:
    deny = statement("Deny", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})

    assert outcome(policy(deny), GOOGLE_CLAIMS) is FAIL


def test_a_request_s_own_keys_can_be_given() -> None:
    named = policy(statement(condition={"StringEquals": {"sts:RoleSessionName": "app"}}))

    assert explained(named, GOOGLE_CLAIMS).outcome is UNKNOWN
    assert explained(named, GOOGLE_CLAIMS, others={"sts:RoleSessionName": ["app"]}).outcome is PASS
    assert explained(named, GOOGLE_CLAIMS, others={"sts:RoleSessionName": ["root"]}).outcome is FAIL


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", PASS),
        ({"AWS": "*"}, PASS),
        ({"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "*"]}, PASS),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, FAIL),
        ({"Service": "ec2.amazonaws.com"}, FAIL),
        ({"AWS": "accounts.google.com"}, FAIL),
        ({"AWS": "*", "Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/accounts.google.com"}, PASS),
        ({"Federated": "accounts.google.com"}, PASS),
        ({"Federated": ["graph.facebook.com", "accounts.google.com"]}, PASS),
        ({"Federated": "graph.facebook.com"}, FAIL),
        ({"Federated": "https://accounts.google.com"}, FAIL),
        ({"Federated": "accounts.google.*"}, FAIL),
        ({"Federated": "*"}, UNKNOWN),
        ({"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/accounts.google.com"}, UNKNOWN),
        ({"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/accounts.google.com"}, FAIL),
        ({}, FAIL),
    ],
)
def test_google_s_tokens_are_of_those_whom_the_principal_names(principal: Any, expected: Outcome) -> None:
    assert outcome(policy(statement(Principal=principal)), GOOGLE_CLAIMS) is expected


@pytest.mark.parametrize(
    ("federated", "account_id", "expected"),
    [
        (PROVIDER_ARN, ACCOUNT, PASS),
        (PROVIDER_ARN, None, PASS),
        (PROVIDER_ARN, "111122223333", FAIL),
        (PROVIDER_ARN.replace("mgr-main-sbx", "*"), ACCOUNT, FAIL),
        (PROVIDER_ARN + "-2", ACCOUNT, FAIL),
        (KEY, ACCOUNT, FAIL),
        (ISSUER, ACCOUNT, FAIL),
    ],
)
def test_a_cluster_s_tokens_are_of_its_provider_in_the_role_s_account(
    federated: str, account_id: str | None, expected: Outcome
) -> None:
    assert outcome(policy(statement(Principal={"Federated": federated})), CLUSTER_CLAIMS, account_id) is expected


def test_a_provider_in_another_account_is_explained_as_such() -> None:
    (result,) = explained(
        policy(statement(Principal={"Federated": PROVIDER_ARN})), CLUSTER_CLAIMS, "111122223333"
    ).statements

    assert "whose IAM OIDC provider must be in the role's account 111122223333" in result.principal.reason


def test_a_provider_for_a_built_in_issuer_is_explained_with_the_principal_to_write() -> None:
    federated = f"arn:aws:iam::{ACCOUNT}:oidc-provider/accounts.google.com"
    (result,) = explained(policy(statement(Principal={"Federated": federated})), GOOGLE_CLAIMS).statements

    assert 'write "Federated": "accounts.google.com"' in result.principal.reason


@pytest.mark.parametrize(
    ("excluded", "allowed", "not_denied"),
    [
        ({"Federated": "accounts.google.com"}, FAIL, UNKNOWN),
        ({"Federated": "graph.facebook.com"}, UNKNOWN, FAIL),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, UNKNOWN, FAIL),
        ("*", FAIL, UNKNOWN),
        ({"Federated": "*"}, UNKNOWN, UNKNOWN),
    ],
)
def test_not_principal_names_everyone_else_but_never_admits_anyone(
    excluded: Any, allowed: Outcome, not_denied: Outcome
) -> None:
    """A trust policy can't have it, says
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html."""
    deny = statement("Deny", Principal=None, NotPrincipal=excluded)

    assert outcome(policy(statement(Principal=None, NotPrincipal=excluded)), GOOGLE_CLAIMS) is allowed
    assert outcome(policy(statement(), deny), GOOGLE_CLAIMS) is not_denied


def test_not_principal_is_explained_as_what_no_trust_policy_has() -> None:
    excluded = statement(Principal=None, NotPrincipal={"Federated": "graph.facebook.com"})
    (result,) = explained(policy(excluded), GOOGLE_CLAIMS).statements

    assert "a role's trust policy can't have NotPrincipal" in result.principal.reason


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ("sts:AssumeRoleWithWebIdentity", True),
        ("STS:assumerolewithwebidentity", True),
        ("sts:*", True),
        ("*", True),
        ("sts:AssumeRoleWith*Identity", True),
        ("sts:AssumeRoleWithWebIdentit?", True),
        (["sts:TagSession", "sts:AssumeRoleWithWebIdentity"], True),
        ("sts:AssumeRole", False),
        ("sts:AssumeRoleWithSAML", False),
        ("AssumeRoleWithWebIdentity", False),
    ],
)
def test_actions_are_compared_by_pattern_and_without_case(action: Any, named: bool) -> None:
    assert outcome(policy(statement(Action=action)), GOOGLE_CLAIMS) is (PASS if named else FAIL)
    assert outcome(policy(statement(Action=None, NotAction=action)), GOOGLE_CLAIMS) is (FAIL if named else PASS)


@pytest.mark.parametrize("name", ["Action", "NotAction"])
def test_an_empty_list_of_actions_which_the_grammar_does_not_have_is_unknown(name: str) -> None:
    (result,) = explained(policy({**statement(Action=None), name: []}), GOOGLE_CLAIMS).statements

    assert (result.action.outcome, result.action.reason) == (
        UNKNOWN,
        "what IAM makes of an empty list is not documented",
    )


@pytest.mark.parametrize("action", ["sts*", "*:AssumeRoleWithWebIdentity", "st?:*", "***"])
def test_a_wildcard_in_an_action_s_service_which_is_not_documented_is_unknown(action: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html has them in names only."""
    (result,) = explained(policy(statement(Action=action)), GOOGLE_CLAIMS).statements

    assert (result.action.outcome, result.action.reason) == (
        UNKNOWN,
        "a wildcard in an action's service is not documented: write sts:",
    )
    assert outcome(policy(statement(Action=None, NotAction=action)), GOOGLE_CLAIMS) is UNKNOWN
    assert outcome(policy(statement(Action=[action, "sts:*"])), GOOGLE_CLAIMS) is PASS


@pytest.mark.parametrize(
    ("operator", "wanted", "session", "expected"),
    [
        ("StringEquals", "${accounts.google.com:sub}", UNIQUE_ID, PASS),
        ("StringEquals", "${Accounts.Google.com:SUB}", UNIQUE_ID, PASS),
        ("StringEquals", "${accounts.google.com:sub}", "another", FAIL),
        ("StringNotEquals", "${accounts.google.com:sub}", UNIQUE_ID, FAIL),
        ("StringLike", "pod-${accounts.google.com:sub}-*", f"pod-{UNIQUE_ID}-1", PASS),
        ("ForAnyValue:StringEquals", ["x", "${accounts.google.com:sub}"], UNIQUE_ID, PASS),
        ("StringEquals", "${accounts.google.com:amr, 'none'}", "none", PASS),
        ("StringEquals", "${accounts.google.com:sub, 'none'}", "none", FAIL),
        ("StringEquals", "${accounts.google.com:amr}", "none", UNKNOWN),
        ("StringEquals", "${aws:username}", "me", UNKNOWN),
        ("StringEquals", "${ accounts.google.com:sub }", UNIQUE_ID, UNKNOWN),
        ("StringEquals", "${accounts.google.com:email}", "*", UNKNOWN),
        ("ArnLike", "arn:aws:iam::1:${accounts.google.com:sub}", "arn:aws:iam::1:x", UNKNOWN),
        ("NumericEquals", "${accounts.google.com:sub}", UNIQUE_ID, UNKNOWN),
    ],
)
def test_a_policy_variable_is_replaced_by_the_one_value_that_the_request_has(
    operator: str, wanted: Any, session: str, expected: Outcome
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html"""
    named = policy(statement(condition={operator: {"sts:RoleSessionName": wanted}}))

    result = explained(named, {**GOOGLE_CLAIMS, "email": "*"}, others={"sts:RoleSessionName": [session]})

    assert result.outcome is expected


def test_a_value_with_several_or_with_a_pattern_s_characters_replaces_no_policy_variable() -> None:
    named = policy(statement(condition={"StringLike": {"sts:RoleSessionName": "${accounts.google.com:oaud}"}}))

    for audience in ("*", ["a", "b"], "${accounts.google.com:sub}"):
        claims = {**GOOGLE_CLAIMS, "aud": audience}
        assert explained(named, claims, others={"sts:RoleSessionName": ["a"]}).outcome is UNKNOWN


def test_a_deny_whose_value_can_t_be_read_for_certain_admits_nobody() -> None:
    deny = statement("Deny", {"NumericGreaterThan": {"accounts.google.com:email": "5"}})

    assert outcome(policy(statement(), deny), {**GOOGLE_CLAIMS, "email": "1e1"}) is UNKNOWN


def test_a_condition_key_s_case_does_not_count() -> None:
    condition = {"StringEquals": {"Accounts.Google.Com:SUB": UNIQUE_ID}}

    assert outcome(policy(statement(condition=condition)), GOOGLE_CLAIMS) is PASS


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"accounts.google.com:sub": UNIQUE_ID}, "StringMatches": {"accounts.google.com:sub": "x"}},
        {"StringEquals": {"accounts.google.com:sub": UNIQUE_ID, "aws:PrincipalTag/team": "data"}},
        {"StringEquals": {"accounts.google.com:email_verified": "true"}},
        {"StringLike": {"accounts.google.com:sub": "${aws:username}"}},
        {"StringNotEquals": {"accounts.google.com:email_verified": "false"}},
    ],
)
def test_what_can_t_be_decided_is_never_a_pass(condition: dict[str, Any]) -> None:
    assert outcome(policy(statement(condition=condition)), GOOGLE_CLAIMS) is UNKNOWN


def test_one_condition_that_fails_settles_it_whatever_is_unknown_beside_it() -> None:
    condition = {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}, "StringEquals": {"accounts.google.com:sub": "another"}}

    assert outcome(policy(statement(condition=condition)), GOOGLE_CLAIMS) is FAIL


@pytest.mark.parametrize(
    ("operator", "wanted", "claims", "reason"),
    [
        ("StringEquals", "sts.amazonaws.com", {}, "matches"),
        ("StringEquals", "another", {}, "does not match"),
        ("StringEquals", "sts.*", {}, "does not match: StringEquals takes * and ? literally"),
        ("StringEquals", "x", {"aud": None}, "the token gives no such key"),
        ("StringNotEquals", "x", {"aud": None}, "the token gives no such key, and a negated operator lets that pass"),
        ("StringEqualsIfExists", "x", {"aud": None}, "the token gives no such key, and IfExists lets that pass"),
        (
            "ForAllValues:StringEquals",
            "x",
            {"aud": None},
            "the token gives no such key, and ForAllValues lets that pass",
        ),
        ("StringNotEquals", "x", {}, "no value is matched"),
        ("StringNotEquals", "sts.amazonaws.com", {}, "a value that must not match does"),
        ("Null", "true", {}, "the request has the key"),
        ("Null", "true", {"aud": None}, "the request lacks the key"),
        ("StringEquals", "${aws:username}", {}, "a policy variable's value is not known here"),
        ("NumericNotEquals", "1", {}, "a value can't be read as the operator's type"),
        ("StringNotEquals", [], {}, "what IAM makes of an empty list is not documented"),
        ("Null", [], {}, "what IAM makes of an empty list is not documented"),
        (
            "ForAnyValue:StringEqualsIfExists",
            "x",
            {"aud": None},
            "the token gives no such key, and IAM's documents of ForAnyValue and of IfExists differ on that",
        ),
        ("StringMatches", "x", {}, "StringMatches is no operator of IAM's that is known here"),
        (
            "StringEquals",
            "a",
            {"aud": ["a", "b"]},
            "the key has several values here, which takes ForAnyValue or ForAll",
        ),
    ],
)
def test_each_condition_has_a_reason_in_one_line(
    operator: str, wanted: Any, claims: dict[str, Any], reason: str
) -> None:
    condition = {operator: {"accounts.google.com:oaud": wanted}}
    (result,) = explained(policy(statement(condition=condition)), {**GOOGLE_CLAIMS, **claims}).statements

    assert result.conditions[0].reason.startswith(reason)
    assert "\n" not in result.conditions[0].reason


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("aws:SourceIp", "the request decides this key, not the token"),
        ("accounts.google.com:email_verified", "AWS documents no such key for tokens of this issuer"),
    ],
)
def test_a_key_that_can_t_be_known_is_explained(key: str, reason: str) -> None:
    (result,) = explained(policy(statement(condition={"StringEquals": {key: "x"}})), GOOGLE_CLAIMS).statements

    assert result.conditions[0].reason == reason


operators = st.sampled_from(
    [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringEqualsIfExists",
        "ForAnyValue:StringEquals",
        "ForAllValues:StringNotLike",
        "Null",
        "Nonsense",
    ]
)
keys = st.sampled_from(
    ["accounts.google.com:sub", "accounts.google.com:aud", "accounts.google.com:amr", "aws:SourceIp", "idp.example:sub"]
)
values = st.lists(st.sampled_from(["a", "b", "true", "*", "${x}"]), max_size=2)
statements = st.builds(
    statement,
    effect=st.sampled_from(["Allow", "Deny"]),
    condition=st.dictionaries(operators, st.dictionaries(keys, values, max_size=2), max_size=2),
    Principal=st.sampled_from(["*", {"Federated": "accounts.google.com"}, {"Federated": "*"}, {"AWS": "x"}]),
    Action=st.sampled_from(["sts:*", "sts:AssumeRole"]),
)


@given(written=st.lists(statements, max_size=4), sub=st.sampled_from(["a", "b"]), amr=st.lists(st.sampled_from("ab")))
def test_deciding_and_explaining_never_differ(written: list[dict[str, Any]], sub: str, amr: list[str]) -> None:
    context = context_from_claims({"sub": sub, "aud": "a", "amr": amr}, "accounts.google.com")
    evaluator = TrustEvaluator(parse_trust_policy(policy(*written)))

    assert evaluator.decide(context) is evaluator.explain(context).outcome


@given(written=st.lists(statements, max_size=3), more=statements)
def test_one_more_deny_never_admits_anyone(written: list[dict[str, Any]], more: dict[str, Any]) -> None:
    context = context_from_claims({"sub": "a", "aud": "a"}, "accounts.google.com")
    before = TrustEvaluator(parse_trust_policy(policy(*written))).decide(context)
    after = TrustEvaluator(parse_trust_policy(policy(*written, {**more, "Effect": "Deny"}))).decide(context)

    assert after is not PASS or before is PASS
