"""Which problem of the catalogue a failing check of a trust policy is.

It deliberately only names: what to change is in `doctor.explain.remedy`.
"""

import re
from typing import Final

from doctor.catalogue import CATALOGUE
from doctor.explain.remedy import has_audience_under_aud, is_other_form_of_azp, rightly_spelled
from doctor.findings import Finding
from doctor.token.tokens import Token
from federation.aws import SILENT_ISSUERS
from federation.claims import CLAIM_OF_KEY, RequestContext
from federation.evaluation import ConditionResult, StatementResult
from federation.google import SERVICE_ACCOUNT_UNIQUE_ID
from federation.outcome import FAIL, PASS, UNKNOWN
from federation.trust import GOOGLE_PRINCIPAL

_MOST_TELLING: Final = ("D2", "D3", "D11", "D4", "D5", "D1", "")
_GOOGLE_SUBJECT: Final = f"{GOOGLE_PRINCIPAL}:sub"
_SIMPLIFIED = re.compile(r"^https?://|[^a-z0-9]|amazonaws|amazon")


def statement_findings(token: Token, context: RequestContext, statement: StatementResult, name: str) -> list[Finding]:
    """A finding for each check of an Allow that does not pass, the most telling first; none has a fix yet."""
    subject = f"{name}, Statement[{statement.position}]"
    findings = []
    if statement.principal.outcome is not PASS:
        problem_id = "D1" if token.is_google and not _names_silent_issuer(statement) else "D5"
        findings.append(
            Finding(statement.principal.outcome, f"{subject}.Principal", statement.principal.reason, problem_id)
        )
    if statement.action.outcome is not PASS:
        findings.append(Finding(FAIL, f"{subject}.Action", statement.action.reason, "D1"))
    for condition in statement.conditions:
        if condition.outcome is not PASS:
            problem_id, said = _diagnosed(token, context, statement, condition)
            findings.append(Finding(condition.outcome, f"{subject} {condition.key}", said, problem_id))
    sourced = [
        Finding(each.outcome, each.subject, each.said, each.id, source=CATALOGUE[each.id].source if each.id else "")
        for each in findings
    ]
    return sorted(sourced, key=lambda each: (each.outcome is UNKNOWN, _MOST_TELLING.index(each.id)))


def _names_silent_issuer(statement: StatementResult) -> bool:
    return any(f":oidc-provider/{host}" in statement.principal.reason for host in SILENT_ISSUERS)


def _diagnosed(
    token: Token, context: RequestContext, statement: StatementResult, condition: ConditionResult
) -> tuple[str, str]:
    """The problem's id and what was found."""
    gives = f"the token gives {_values(condition.given)}, the policy wants {_values(condition.wanted)}"
    if condition.outcome is UNKNOWN:
        return "", f"{gives}: {condition.reason}"
    if has_audience_under_aud(token, condition):
        return "D2", f"{CATALOGUE['D2'].title}: {gives}"
    if is_other_form_of_azp(token, condition):
        return "D3", f"{CATALOGUE['D3'].title}: {gives}"
    if _is_made_anew(token, statement, condition):
        return "D11", f"{CATALOGUE['D11'].title}: {gives}"
    if _is_misspelt_audience(context, condition):
        return "D4", f"the token was made for another audience: {gives}"
    if (right := rightly_spelled(condition.key, context)) is not None:
        return "D1", f"there is no key {condition.key}; {right} is meant: {gives}"
    return "D1", f"{gives}: {_reason(context, condition)}"


def _is_made_anew(token: Token, statement: StatementResult, condition: ConditionResult) -> bool:
    """Whether the subject is another unique id while the policy names the token's own e-mail elsewhere (D11)."""
    if condition.key.lower() != _GOOGLE_SUBJECT or not condition.given:
        return False
    ids = (*condition.given, *condition.wanted)
    emails = {value for name in ("email", "azp") if isinstance(value := token.claims.get(name), str) and "@" in value}
    named = {value for each in statement.conditions for value in each.wanted}
    return all(SERVICE_ACCOUNT_UNIQUE_ID.fullmatch(each) for each in ids) and not emails.isdisjoint(named)


def _is_misspelt_audience(context: RequestContext, condition: ConditionResult) -> bool:
    """Whether a token that needs an IAM OIDC provider has nearly the audience wanted, say, sts.amazon.com (D4)."""
    if context.provider == GOOGLE_PRINCIPAL or condition.key.lower() != f"{context.provider.lower()}:aud":
        return False
    given = {_SIMPLIFIED.sub("", value.lower()) for value in condition.given or ()}
    return not given.isdisjoint(_SIMPLIFIED.sub("", value.lower()) for value in condition.wanted)


def _reason(context: RequestContext, condition: ConditionResult) -> str:
    provider, _, name = condition.key.lower().rpartition(":")
    if provider == context.provider.lower() and name not in CLAIM_OF_KEY:
        known = ", ".join(f":{key}" for key in ("sub", "aud", "oaud"))
        return f"AWS makes no key of this claim; of a token of {context.provider} it has {known}"
    if "." in provider and provider != context.provider.lower():
        return f"the key is one of tokens from {provider}, and this one is from {context.provider}"
    if {value.strip() for value in condition.wanted} & set(condition.given or ()):
        return "the policy's value has white space at an end"
    return condition.reason


def _values(values: tuple[str, ...] | None) -> str:
    if values is None:
        return "a value not known here"
    return " or ".join(f'"{value}"' for value in values) or "nothing"
