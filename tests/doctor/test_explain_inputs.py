"""Whatever a file holds, the doctor answers in one line that says what to give: no input is a traceback."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doctor.errors import UsageError
from doctor.explain.explain import Request, explain
from doctor.explain.way_back import Case, explain_way_back, identity_of_arn, identity_of_token
from doctor.google_files import IamPolicy, Provider
from doctor.lint.lint_google import lint_provider, lint_service_account_policy
from doctor.oidc_providers import providers_from_text
from doctor.roles import roles_from_text
from doctor.token.token_report import token_report
from doctor.token.tokens import NotATokenError, Token, parse_token
from tests.doctor.conftest import Doctor
from tests.doctor.test_way_back import aws_provider, oidc_provider
from tests.doctor.world import SESSION_ARN, built_policy, cluster_claims, google_claims

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
ANYTHING = st.recursive(
    SCALARS, lambda each: st.one_of(st.lists(each, max_size=3), st.dictionaries(st.text(max_size=5), each, max_size=3))
)


def with_names(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    """Objects of these names, with anything for values."""
    return st.dictionaries(st.sampled_from(names), ANYTHING, max_size=len(names))


@contextlib.contextmanager
def refused_in_one_line(*beginnings: str) -> Iterator[None]:
    """Whatever is refused inside is refused in one line that begins with what is wrong."""
    try:
        yield
    except UsageError as error:
        if "\n" in str(error) or not str(error).startswith(beginnings):
            raise


ROLE_FILES = st.one_of(
    ANYTHING,
    with_names("Version", "Statement"),
    st.fixed_dictionaries({"Roles": ANYTHING}),
    st.fixed_dictionaries({"Role": st.one_of(ANYTHING, with_names("Arn", "AssumeRolePolicyDocument", "RoleName"))}),
    st.fixed_dictionaries(
        {"Role": st.fixed_dictionaries({"AssumeRolePolicyDocument": st.just(built_policy()), "Arn": ANYTHING})}
    ),
    st.fixed_dictionaries(
        {
            "AssumeRolePolicyDocument": st.just(built_policy()),
            "MaxSessionDuration": ANYTHING,
            "CreateDate": ANYTHING,
            "RoleName": ANYTHING,
        }
    ),
)


@given(ROLE_FILES)
def test_any_json_for_a_role_is_a_role_or_one_line(content: Any) -> None:
    roles = []
    with refused_in_one_line("role.json"):
        roles = roles_from_text(json.dumps(content), "role.json")
    for role in roles:
        explain(Token(google_claims(), None), role, Request(0, session_seconds=3600))


@given(
    st.one_of(
        ANYTHING,
        with_names("Url", "Arn", "ClientIDList", "ThumbprintList"),
        st.lists(with_names("Url", "Arn", "ClientIDList", "ThumbprintList"), max_size=2),
        st.fixed_dictionaries({"OpenIDConnectProviderList": ANYTHING}),
    )
)
def test_any_json_for_providers_is_providers_or_one_line(content: Any) -> None:
    (role,) = roles_from_text(json.dumps(built_policy()), "role.json")
    providers = []
    with refused_in_one_line("providers.json"):
        providers = providers_from_text(json.dumps(content), "providers.json")
    explain(Token(cluster_claims(), None), role, Request(0, providers))


@given(with_names("iss", "sub", "aud", "azp", "email", "exp", "iat", "nbf", "amr"), st.booleans())
def test_claims_of_any_type_are_reported_and_explained(changes: dict[str, Any], signed: bool) -> None:
    token = Token(google_claims() | changes, {"alg": "RS256"} if signed else None)
    (role,) = roles_from_text(json.dumps(built_policy()), "role.json")
    assert token_report(token, 0, None).findings
    assert explain(token, role, Request(0, [])) is not None


@given(st.dictionaries(st.text(max_size=8), ANYTHING))
def test_claims_of_any_name_are_claims_or_no_token(content: dict[str, Any]) -> None:
    with contextlib.suppress(NotATokenError):
        token_report(parse_token(json.dumps(content)), 0, None)


@pytest.mark.filterwarnings("ignore:The recursion limit will not be reset")  # the CEL library raises it
@given(
    st.one_of(
        with_names("name", "aws", "oidc", "attributeMapping", "attributeCondition", "state", "disabled"),
        with_names("name", "attributeMapping", "attributeCondition").map(lambda changes: aws_provider(**changes)),
        with_names("name", "oidc", "attributeCondition").map(lambda changes: oidc_provider(**changes)),
    ),
    st.one_of(st.none(), st.lists(st.one_of(ANYTHING, with_names("role", "members", "condition")), max_size=2)),
)
def test_any_json_for_the_way_back_is_an_answer_or_one_line(provider: dict[str, Any], bindings: Any) -> None:
    for identity in (identity_of_arn(SESSION_ARN), identity_of_token(Token(cluster_claims(), None))):
        with refused_in_one_line("file.json", "the provider's CEL"):
            policy = IamPolicy.from_json({"bindings": bindings}, "file.json") if bindings is not None else None
            case = Case(identity, Provider.from_json(provider, "file.json"), policy.bindings if policy else None)
            assert explain_way_back(case).verdict


@given(with_names("bindings", "aws", "oidc", "attributeMapping", "attributeCondition"))
def test_any_json_of_googles_is_linted_or_one_line(content: dict[str, Any]) -> None:
    with refused_in_one_line("file.json"):
        lint_provider(Provider.from_json(content, "file.json"), "file.json")
    with refused_in_one_line("file.json"):
        lint_service_account_policy(IamPolicy.from_json(content, "file.json"), "file.json")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_nesting_without_end_is_no_crash(doctor: Doctor, text: str) -> None:
    name = doctor.file(text)
    assert doctor.run("lint", name).status == 2
    assert doctor.run("explain", doctor.file(google_claims()), "--policy", name).status == 2
    assert doctor.run("token", name).status == 1
