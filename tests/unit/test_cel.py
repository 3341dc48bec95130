"""CEL, and Google's `extract` in particular."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.cel import CelError, UnknownFunctionError, check, evaluate, extract

ROLE_SESSION = "arn:aws:sts::211125558983:assumed-role/GCPWorkloadIAMRole/pod-1"
LITERAL = st.text(st.characters(exclude_characters="{}", codec="utf-8"), max_size=5)


@pytest.mark.parametrize(
    ("value", "template", "expected"),
    [
        (ROLE_SESSION, "assumed-role/{role}/", "GCPWorkloadIAMRole"),
        (ROLE_SESSION, "{account_arn}assumed-role/", "arn:aws:sts::211125558983:"),
        (ROLE_SESSION, "GCPWorkloadIAMRole/{session}", "pod-1"),
        (ROLE_SESSION, "{everything}", ROLE_SESSION),
        (ROLE_SESSION, "user/{name}", ""),
        (ROLE_SESSION, "assumed-role/{role}?", ""),
        ("/order=1/order=2/", "/order={first}/", "1"),
    ],
)
def test_extract_takes_what_stands_between_prefix_and_suffix(value: str, template: str, expected: str) -> None:
    assert extract(value, template) == expected


@given(prefix=LITERAL, found=st.text(max_size=10), suffix=LITERAL, before=LITERAL, after=LITERAL)
def test_extract_agrees_with_a_lazy_regular_expression(
    prefix: str, found: str, suffix: str, before: str, after: str
) -> None:
    value = before + prefix + found + suffix + after
    start = "" if prefix == "" else "(?s:.*?)"
    end = "(?s:(.*))" if suffix == "" else "(?s:(.*?))"
    expression = re.compile(("" if prefix == "" else start + re.escape(prefix)) + end + re.escape(suffix))
    match = expression.match(value)
    assert match is not None
    assert extract(value, f"{prefix}{{name}}{suffix}") == match[1]


@pytest.mark.parametrize("template", ["", "no-name", "{a}{b}", "{}", "{a"])
def test_extract_refuses_a_template_without_exactly_one_name(template: str) -> None:
    with pytest.raises(CelError, match="extract takes one"):
        extract("value", template)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'role/' + assertion.arn.extract('assumed-role/{role}/')", "role/GCPWorkloadIAMRole"),
        ("assertion.arn.startsWith('arn:aws:sts::211125558983:assumed-role/GCPWorkloadIAMRole/')", True),
        ("has(assertion.groups) ? assertion.groups : ['none']", ["none"]),
        ("assertion['https://sts.amazonaws.com/'].aws_account", "211125558983"),
    ],
)
def test_expressions_of_real_providers_have_their_value(expression: str, expected: Any) -> None:
    assertion = {"arn": ROLE_SESSION, "https://sts.amazonaws.com/": {"aws_account": "211125558983"}}
    assert evaluate(expression, {"assertion": assertion}) == expected


@pytest.mark.parametrize("expression", ["assertion.nope", "nobody", "assertion.arn.unknown()", "7.extract('{a}')"])
def test_an_expression_without_a_value_is_an_error(expression: str) -> None:
    with pytest.raises(CelError):
        evaluate(expression, {"assertion": {"arn": ROLE_SESSION}})


def test_an_expression_that_is_no_cel_is_an_error_before_any_token_comes() -> None:
    with pytest.raises(CelError, match="not a CEL expression"):
        check("assertion.")


@given(st.text(max_size=30))
def test_no_claim_can_escape_from_its_value(text: str) -> None:
    assert evaluate("assertion.sub == 'admin'", {"assertion": {"sub": text}}) is (text == "admin")


@pytest.mark.parametrize(
    "expression", ["assertion.arn.split('/')[1] == 'x'", "['a'].join(',')", "lower(assertion.arn)"]
)
def test_a_function_that_is_not_known_here_is_told_from_a_missing_value(expression: str) -> None:
    with pytest.raises(UnknownFunctionError, match=r"split|join|lower"):
        evaluate(expression, {"assertion": {"arn": ROLE_SESSION}})


def test_an_error_does_not_quote_what_the_token_claims() -> None:
    with pytest.raises(CelError) as caught:
        evaluate("assertion.nope", {"assertion": {"sub": "someone-in-particular"}})
    assert "someone-in-particular" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1])
def test_a_number_past_64_bits_has_no_value(number: int) -> None:
    with pytest.raises(CelError, match="has no value"):
        evaluate("assertion.sub", {"assertion": {"sub": number}})
