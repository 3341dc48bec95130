"""`explain`: each problem that a trust policy can have is named first, with the change that mends it."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.explain.explain import Request, explain
from doctor.roles import roles_from_text
from doctor.token.tokens import Token
from federation.claims import context_from_claims
from federation.evaluation import TrustEvaluator
from federation.outcome import PASS, every
from tests.doctor.conftest import Doctor
from tests.doctor.world import (
    AUDIENCE,
    EMAIL,
    PROVIDER,
    PROVIDER_ARN,
    SUBJECT,
    UNIQUE_ID,
    Json,
    built_policy,
    cluster_claims,
    cluster_policy,
    get_role,
    google_claims,
    google_policy,
    oidc_provider,
    policy_of,
)

G = "accounts.google.com"
OTHER_ID = "104300000000000000002"
SILENT_ARN = "arn:aws:iam::211125558983:oidc-provider/sts.googleapis.com"
PINNED = {f"{G}:sub": UNIQUE_ID, f"{G}:oaud": AUDIENCE}
CLUSTER_PINNED = {f"{PROVIDER}:sub": SUBJECT, f"{PROVIDER}:aud": AUDIENCE}


@dataclass(frozen=True)
class Broken:
    """A token, a policy, what the account has, and the problem that they have together."""

    id: str
    claims: Json
    policy: Json
    fix: str
    providers: list[Json] | None = None
    healthy_claims: Json | None = None
    healthy_policy: Json | None = None
    healthy_providers: list[Json] | None = field(default=None)


def google(**conditions: str | list[str]) -> Json:
    return google_policy({"StringEquals": {f"{G}:{name}": value for name, value in conditions.items()}})


def cluster(**conditions: str | list[str]) -> Json:
    return cluster_policy({"StringEquals": {f"{PROVIDER}:{name}": value for name, value in conditions.items()}})


HEALTHY_GOOGLE = google(sub=UNIQUE_ID, oaud=AUDIENCE)
HEALTHY_CLUSTER = cluster(sub=SUBJECT, aud=AUDIENCE)

BROKEN = {
    "D1 other subject": Broken(
        "D1", cluster_claims(), cluster(sub="system:serviceaccount:default:other", aud=AUDIENCE), f'to "{SUBJECT}"'
    ),
    "D1 case": Broken("D1", cluster_claims(), cluster(sub=SUBJECT.upper(), aud=AUDIENCE), f'to "{SUBJECT}"'),
    "D1 wildcard under StringEquals": Broken(
        "D1", cluster_claims(), cluster(sub="system:serviceaccount:default:*", aud=AUDIENCE), f'to "{SUBJECT}"'
    ),
    "D1 https:// in the key": Broken(
        "D1",
        cluster_claims(),
        cluster_policy({"StringEquals": {f"https://{PROVIDER}:sub": SUBJECT, f"{PROVIDER}:aud": AUDIENCE}}),
        f'remove Statement[0].Condition.StringEquals."https://{PROVIDER}:sub"',
    ),
    "D1 claim for key": Broken(
        "D1",
        google_claims(),
        google_policy({"StringEquals": {f"{G}:subject": UNIQUE_ID, f"{G}:oaud": AUDIENCE}}),
        f'add Statement[0].Condition.StringEquals."{G}:sub": "{UNIQUE_ID}"',
    ),
    "D1 a claim that is no key": Broken(
        "D1",
        google_claims(),
        google_policy({"StringEquals": {**PINNED, f"{G}:hd": "example.com"}}),
        f'remove Statement[0].Condition.StringEquals."{G}:hd"',
    ),
    "D1 white space": Broken("D1", google_claims(), google(sub=f"{UNIQUE_ID} ", oaud=AUDIENCE), f'to "{UNIQUE_ID}"'),
    "D1 oaud": Broken("D1", google_claims(), google(sub=UNIQUE_ID, oaud="https://other.example"), f'to "{AUDIENCE}"'),
    "D1 action": Broken(
        "D1",
        google_claims(),
        google_policy({"StringEquals": PINNED}, Action="sts:AssumeRole"),
        'set Statement[0].Action to "sts:AssumeRoleWithWebIdentity"',
    ),
    "D1 denied": Broken(
        "D1",
        google_claims(),
        {
            "Version": "2012-10-17",
            "Statement": [
                *HEALTHY_GOOGLE["Statement"],
                google_policy({"StringEquals": {f"{G}:sub": UNIQUE_ID}}, Effect="Deny")["Statement"][0],
            ],
        },
        "Statement[1] denies the token",
    ),
    "D2": Broken(
        "D2",
        google_claims(),
        google(sub=UNIQUE_ID, aud=AUDIENCE),
        f'add Statement[0].Condition.StringEquals."{G}:oaud": "{AUDIENCE}"',
    ),
    "D3 policy has the id, token the e-mail": Broken(
        "D3",
        google_claims(azp=EMAIL),
        google(sub=UNIQUE_ID, oaud=AUDIENCE, aud=UNIQUE_ID),
        json.dumps([UNIQUE_ID, EMAIL]),
    ),
    "D3 policy has the e-mail, token the id": Broken(
        "D3", google_claims(), google(sub=UNIQUE_ID, oaud=AUDIENCE, aud=EMAIL), json.dumps([UNIQUE_ID, EMAIL])
    ),
    "D4 not listed": Broken(
        "D4",
        cluster_claims(aud=["sts.amazon.com"]),
        HEALTHY_CLUSTER,
        f"ask for a token for {AUDIENCE}",
        [oidc_provider()],
    ),
    "D4 https:// in front, seen without the account": Broken(
        "D4",
        cluster_claims(aud=["https://sts.amazonaws.com"]),
        HEALTHY_CLUSTER,
        "ask for a token with the audience that the policy wants",
    ),
    "D4 a typing error, seen without the account": Broken(
        "D4",
        cluster_claims(aud=["sts.amazon.com"]),
        HEALTHY_CLUSTER,
        "ask for a token with the audience that the policy wants",
    ),
    "D5 no provider": Broken(
        "D5",
        cluster_claims(),
        HEALTHY_CLUSTER,
        "aws iam create-open-id-connect-provider --url https://container.googleapis.com/",
        [oidc_provider("other.example")],
        healthy_providers=[oidc_provider()],
    ),
    "D5 in another account": Broken(
        "D5",
        cluster_claims(),
        HEALTHY_CLUSTER,
        "in the role's account",
        [oidc_provider(account_id="111122223333")],
        healthy_providers=[oidc_provider()],
    ),
    "D5 trailing slash": Broken(
        "D5",
        cluster_claims(iss="https://issuer.example/"),
        policy_of({"Federated": "arn:aws:iam::211125558983:oidc-provider/issuer.example"}, {}),
        "another issuer",
        healthy_claims=cluster_claims(),
        healthy_policy=HEALTHY_CLUSTER,
    ),
    "D5 issuer that issues nothing": Broken(
        "D5",
        google_claims(),
        policy_of(
            {"Federated": "arn:aws:iam::211125558983:oidc-provider/sts.googleapis.com"}, {"StringEquals": PINNED}
        ),
        '"Federated": "accounts.google.com"',
    ),
    "D5 accounts.google.com as a provider": Broken(
        "D5",
        google_claims(),
        HEALTHY_GOOGLE,
        "delete-open-id-connect-provider",
        [oidc_provider(G)],
        healthy_providers=[oidc_provider()],
    ),
    "D5 AWS's own outbound token": Broken(
        "D5",
        cluster_claims(iss="https://0a1b2c3d-0000-4000-8000-0123456789ab.tokens.sts.global.api.aws"),
        HEALTHY_CLUSTER,
        "sts:AssumeRole",
        healthy_claims=cluster_claims(),
    ),
    "D7": Broken(
        "D7",
        cluster_claims(),
        HEALTHY_CLUSTER,
        "without a thumbprint",
        [oidc_provider() | {"ThumbprintList": ["not-hex"]}],
        healthy_providers=[oidc_provider()],
    ),
    "D11": Broken(
        "D11",
        google_claims(sub=OTHER_ID, azp=OTHER_ID),
        built_policy(),
        "pulumi up",
        healthy_policy=built_policy(),
    ),
    "D18 expired": Broken("D18", google_claims(exp=int(time.time()) - 60), HEALTHY_GOOGLE, "get a new one"),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_the_problem_is_named_first_with_its_fix(doctor: Doctor, case: Broken) -> None:
    arguments = ["--providers", doctor.file(case.providers)] if case.providers is not None else []
    answer = doctor.explain(case.claims, get_role(case.policy), *arguments)
    assert answer.first["id"] == case.id
    assert case.fix in answer.first["fix"]
    assert answer.status == 1
    assert answer.json["outcome"] == "fail"


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN.keys())
def test_nothing_is_said_of_the_healthy_twin(doctor: Doctor, case: Broken) -> None:
    is_google = case.claims["iss"] == "https://accounts.google.com"
    claims = case.healthy_claims or (google_claims() if is_google else cluster_claims())
    policy = case.healthy_policy or (HEALTHY_GOOGLE if is_google else HEALTHY_CLUSTER)
    providers = case.healthy_providers or case.providers
    arguments = ["--providers", doctor.file(providers)] if providers is not None else []
    answer = doctor.explain(claims, get_role(policy), *arguments)
    assert (answer.status, answer.json["findings"]) == (0, [])


@pytest.mark.parametrize("claims", [google_claims(), google_claims(azp=EMAIL), cluster_claims()])
def test_what_the_program_builds_admits_what_it_is_built_for(doctor: Doctor, claims: Json) -> None:
    answer = doctor.explain(claims, built_policy())
    assert (answer.status, answer.json["findings"]) == (0, [])


def test_every_condition_has_a_line_with_both_sides(doctor: Doctor) -> None:
    answer = doctor.explain(google_claims(), google(sub=OTHER_ID, oaud=AUDIENCE))
    lines = {line["key"]: line for line in answer.json["conditions"] if line["key"]}
    assert lines[f"{G}:sub"]["token"] == [UNIQUE_ID]
    assert lines[f"{G}:sub"]["policy"] == [OTHER_ID]
    assert lines[f"{G}:sub"]["outcome"] == "fail"
    assert lines[f"{G}:oaud"]["outcome"] == "pass"


def test_the_text_has_the_same_lines_under_their_names(doctor: Doctor) -> None:
    token = doctor.file(doctor.token(google_claims()))
    answer = doctor.run("explain", token, "--policy", doctor.file(google(sub=OTHER_ID, oaud=AUDIENCE)))
    line = next(line for line in answer.out.splitlines() if f"{G}:sub" in line)
    assert line.split()[0] == "fail"
    assert UNIQUE_ID in line
    assert OTHER_ID in line
    assert "does not admit the identity" in answer.out


def test_claims_alone_are_explained_too_and_do_not_expire(doctor: Doctor) -> None:
    claims = doctor.file(google_claims(exp=1, iat=0))
    assert doctor.run("explain", claims, "--policy", doctor.file(HEALTHY_GOOGLE)).status == 0


def test_a_token_is_read_from_standard_input(doctor: Doctor) -> None:
    answer = doctor.run(
        "explain", "-", "--policy", doctor.file(HEALTHY_GOOGLE), "--json", stdin=doctor.token(google_claims()) + "\n"
    )
    assert answer.status == 0


def test_what_was_not_looked_at_is_said(doctor: Doctor) -> None:
    verdict = doctor.explain(google_claims(), HEALTHY_GOOGLE).json["verdict"]
    assert "signature" in verdict
    assert "--providers" in verdict


def test_a_change_that_would_let_strangers_in_is_not_offered(doctor: Doctor) -> None:
    answer = doctor.explain(google_claims(), google_policy({"StringEquals": {f"{G}:oaud": "https://other.example"}}))
    assert answer.first["fix"].startswith("not this way: everyone who can get a token of accounts.google.com")
    assert f'"{G}:sub": "{UNIQUE_ID}"' in answer.first["fix"], "the statement to write instead pins the subject"
    assert "change" not in answer.json


def test_trust_in_another_issuer_is_not_offered_as_a_small_change(doctor: Doctor) -> None:
    answer = doctor.explain(cluster_claims(iss="https://issuer.example"), HEALTHY_CLUSTER)
    assert "would have to trust another issuer, https://issuer.example" in answer.first["fix"]
    assert "change" not in answer.json


def test_a_statement_to_write_instead_is_one_that_the_program_would_build(doctor: Doctor) -> None:
    answer = doctor.explain(cluster_claims(), get_role(HEALTHY_GOOGLE))
    _, _, statement = answer.first["fix"].partition("\n")
    assert json.loads(statement) == built_policy()["Statement"][1]


@pytest.mark.parametrize(
    ("claims", "forms"),
    [(google_claims(), [UNIQUE_ID, EMAIL]), (google_claims(email=None), [UNIQUE_ID])],
    ids=["with e-mail", "without"],
)
def test_it_names_every_form_of_azp_that_is_known(doctor: Doctor, claims: Json, forms: list[str]) -> None:
    answer = doctor.explain(claims, HEALTHY_CLUSTER)
    _, _, statement = answer.first["fix"].partition("\n")
    assert json.loads(statement)["Condition"]["StringEquals"][f"{G}:aud"] == forms


def test_a_subject_of_another_identity_is_offered_with_a_warning(doctor: Doctor) -> None:
    answer = doctor.explain(google_claims(), google(sub=OTHER_ID, oaud=AUDIENCE))
    assert "the role of another identity" in answer.first["fix"]


def test_an_open_policy_admits_and_is_warned_of(doctor: Doctor) -> None:
    answer = doctor.explain(google_claims(), google_policy({}))
    assert answer.status == 0
    assert "Beware, D27" in answer.json["verdict"]


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ({"StringEquals": {**PINNED, "sts:RoleSessionName": "app"}}, "the request decides this key"),
        ({"StringEquals": {**PINNED, f"{G}:email_verified": "true"}}, "AWS documents no such key"),
        ({"StringSortOfEquals": PINNED}, "no operator of IAM's that is known here"),
        ({"StringEquals": {**PINNED, f"{G}:sub": "${aws:username}"}}, "policy variable"),
    ],
)
def test_what_can_not_be_decided_is_unknown(doctor: Doctor, conditions: Json, says: str) -> None:
    answer = doctor.explain(google_claims(), google_policy(conditions))
    assert answer.status == 3
    assert says in json.dumps(answer.json["conditions"])
    assert "can't be decided" in answer.json["verdict"]


def test_a_key_that_the_request_decides_can_be_told(doctor: Doctor) -> None:
    policy = google_policy({"StringEquals": {**PINNED, "sts:RoleSessionName": "app"}})
    assert doctor.explain(google_claims(), policy, "--key", "sts:RoleSessionName=app").status == 0
    assert doctor.explain(google_claims(), policy, "--key", "sts:RoleSessionName=other").status == 1


def test_a_longer_session_than_the_role_allows_is_d18(doctor: Doctor) -> None:
    answer = doctor.explain(google_claims(), get_role(HEALTHY_GOOGLE), "--duration", "7200")
    assert answer.first["id"] == "D18"
    assert "ask for at most 3600 s" in answer.first["fix"]
    assert doctor.explain(google_claims(), get_role(HEALTHY_GOOGLE), "--duration", "3600").status == 0


def test_a_role_of_this_minute_may_not_be_known_everywhere_yet(doctor: Doctor) -> None:
    made = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    answer = doctor.explain(google_claims(), get_role(HEALTHY_GOOGLE, CreateDate=made))
    assert (answer.status, answer.ids) == (0, ["D9"])
    assert "wait and try again" in answer.first["fix"]


def test_a_provider_of_another_account_in_the_principal_is_set_right(doctor: Doctor) -> None:
    policy = policy_of(
        {"Federated": PROVIDER_ARN.replace("211125558983", "111122223333")}, {"StringEquals": CLUSTER_PINNED}
    )
    answer = doctor.explain(cluster_claims(), get_role(policy))
    assert answer.first["id"] == "D5"
    assert answer.json["change"][0]["to"] == PROVIDER_ARN


def test_something_else_than_a_token_is_d28(doctor: Doctor) -> None:
    secret = "ya29.a0AfH6SMBxyzxyzxyzxyz"
    doctor.keep_secret(secret)
    answer = doctor.run("explain", doctor.file(secret), "--policy", doctor.file(HEALTHY_GOOGLE), "--json")
    assert (answer.status, answer.ids) == (1, ["D28"])


claim_values = st.sampled_from([UNIQUE_ID, OTHER_ID, EMAIL, AUDIENCE, "https://other.example", "x", "*", "a?b"])
names = st.sampled_from(["sub", "aud", "oaud", "email", "amr", "hd", "subject"])
operators = st.sampled_from(
    ["StringEquals", "StringLike", "StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringLike", "Null"]
)


@given(
    conditions=st.dictionaries(operators, st.dictionaries(names, claim_values, min_size=1), max_size=3),
    changes=st.dictionaries(st.sampled_from(["sub", "azp", "aud", "email"]), claim_values),
)
def test_a_change_that_is_offered_admits_the_token_and_no_stranger(conditions: Any, changes: Json) -> None:
    policy = google_policy({op: {f"{G}:{name}": v for name, v in keys.items()} for op, keys in conditions.items()})
    token = Token(google_claims(**changes), None)
    (role,) = roles_from_text(json.dumps(policy), "policy")
    report = explain(token, role, Request(time.time()))
    change = next((section.rows for section in report.sections if section.name == "change"), ())
    if not change:
        return
    for edit in change:
        apply(policy, edit["place"], edit["to"])
    (changed,) = roles_from_text(json.dumps(policy), "policy")
    assert every(each.outcome for each in explain(token, changed, Request(time.time())).findings) is PASS
    stranger = Token(google_claims(sub="999", azp=AUDIENCE, email="stranger@example.com"), None)
    admitted = explain(stranger, changed, Request(time.time()))
    assert "D27" in admitted.verdict or admitted.findings, "a stranger is admitted, and nobody was warned"
    assert admitted.findings, "a change was offered that lets a stranger in"


statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": st.sampled_from([{"Federated": G}, {"Federated": "*"}, {"AWS": "*"}, {"Federated": PROVIDER_ARN}]),
        "Action": st.sampled_from(["sts:AssumeRoleWithWebIdentity", "sts:*", "sts:AssumeRole"]),
        "Condition": st.dictionaries(
            st.sampled_from(["StringEquals", "StringNotEquals", "StringSortOfEquals", "ForAllValues:StringLike"]),
            st.dictionaries(names.map(lambda name: f"{G}:{name}"), claim_values, min_size=1),
            max_size=2,
        ),
    }
)


@given(st.lists(statements, min_size=1, max_size=4))
def test_the_answer_is_the_evaluators_for_any_policy(policy_statements: list[Json]) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": policy_statements})
    (role,) = roles_from_text(text, "policy")
    claims = google_claims()
    decided = TrustEvaluator(role.policy).decide(context_from_claims(claims, G))
    report = explain(Token(claims, None), role, Request(time.time()))
    assert every(each.outcome for each in report.findings) is decided
    assert all(each.said for each in report.findings)


def apply(policy: Json, place: str, value: Any) -> None:
    """Makes one edit as the doctor words it."""
    parts = place.split(".", 3)
    statement = policy["Statement"][0]
    if parts[1] == "Action":
        statement["Action"] = value
        return
    operator, key = parts[2], parts[3].strip('"')
    keys = statement["Condition"].setdefault(operator, {})
    if value is None:
        del keys[key]
    else:
        keys[key] = value
