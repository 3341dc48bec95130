"""Why a token gets a role, or does not: what STS checks before the trust policy, and the policy line by line.

Pure: what the account has is given. It does not verify signatures (`doctor.token.signature` does), and says so.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.explain.diagnosis import statement_findings
from doctor.explain.remedy import Remedy, closest_statement, remedy
from doctor.findings import Finding
from doctor.lint.lint import lint_trust_policy
from doctor.oidc_providers import OidcProvider, outbound_refused, provider_findings
from doctor.report import Report, Section
from doctor.roles import Role
from doctor.token.token_checks import time_findings
from doctor.token.tokens import AWS_OUTBOUND_TOKEN, Token
from federation.aws import SESSION_SECONDS_MIN
from federation.claims import RequestContext, Values, context_from_claims
from federation.evaluation import Evaluation, StatementResult, TrustEvaluator
from federation.outcome import FAIL, PASS, UNKNOWN, opposite, some

PROPAGATION_SECONDS: Final = 60
"""How old a role should be before a refusal is taken for its own; AWS promises no time."""


@dataclass(frozen=True)
class Request:
    """What is asked of STS beside the token; what is None is not known."""

    now: float
    """Seconds since 1970."""
    providers: Sequence[OidcProvider] | None = None
    session_seconds: int | None = None
    """DurationSeconds."""
    keys: Mapping[str, Values] = field(default_factory=dict)
    """Condition keys that the request decides, such as sts:RoleSessionName."""


def explain(token: Token, role: Role, request: Request) -> Report:
    """Whether the role admits the token, why, and what to change."""
    if token.provider is None:
        return Report([_no_issuer(token)], verdict="STS refuses this token before it reads the trust policy.")
    context = context_from_claims(token.claims, token.provider, request.keys)
    evaluation = TrustEvaluator(role.policy, role.account_id).explain(context)
    before = [*_before_the_policy(token, role, request)]
    of_policy = _policy_findings(token, context, role, evaluation)
    sections = [Section("conditions", [row for each in evaluation.statements for row in _rows(each)])]
    if evaluation.outcome is FAIL:
        change = remedy(role, token, context, evaluation)
        of_policy[0] = replace(of_policy[0], fix=_fix(of_policy[0], change))
        if change.edits and not change.danger:
            sections.append(Section("change", [{"place": e.place, "from": e.old, "to": e.new} for e in change.edits]))
    findings = [*before, *of_policy, *_about_the_session(role, request, admitted=evaluation.outcome is PASS)]
    findings.sort(key=lambda finding: (FAIL, UNKNOWN, PASS).index(finding.outcome))
    return Report(findings, sections, _verdict(role, evaluation, before, request))


def _policy_findings(token: Token, context: RequestContext, role: Role, evaluation: Evaluation) -> list[Finding]:
    """What keeps the token out or leaves it open, the most telling first; nothing when it is admitted."""
    if evaluation.outcome is PASS:
        return []
    that_counts = PASS if evaluation.explicitly_denied else UNKNOWN
    denials = [each for each in evaluation.statements if each.effect == "Deny" and each.outcome is that_counts]
    allowed = some(each.outcome for each in evaluation.statements if each.effect == "Allow")
    closest = closest_statement(evaluation)
    if evaluation.explicitly_denied or (denials and allowed is PASS):
        return [_denied(denial, role) for denial in denials]
    if closest is None:
        return [Finding(FAIL, role.name, "no statement allows anything", "D1", source=CATALOGUE["D1"].source)]
    return statement_findings(token, context, closest, role.name)


def _before_the_policy(token: Token, role: Role, request: Request) -> Iterator[Finding]:
    if request.providers is not None:
        yield from provider_findings(token, request.providers, role.account_id)
    elif token.kind == AWS_OUTBOUND_TOKEN:
        yield outbound_refused("token")
    if token.header is not None:  # claims alone are a description, which does not expire
        yield from time_findings(token, request.now)


def _no_issuer(token: Token) -> Finding:
    problem = CATALOGUE["D28" if not token.issuer else "D5"]
    said = (
        f"its issuer {token.issuer!r} is no https url, so AWS can't know it" if token.issuer else "it has no claim iss"
    )
    return Finding(FAIL, "token", said, problem.id, "use a token of an OIDC issuer with an https url", problem.source)


def _denied(denial: StatementResult, role: Role) -> Finding:
    applies = "applies" if denial.outcome is PASS else "may apply"
    said = f"this Deny {applies} to the token, and a Deny counts more than any Allow"
    source = CATALOGUE["D1"].source
    return Finding(opposite(denial.outcome), f"{role.name}, Statement[{denial.position}]", said, "D1", source=source)


def _about_the_session(role: Role, request: Request, *, admitted: bool) -> Iterator[Finding]:
    longest = role.session_seconds or SESSION_SECONDS_MIN
    if request.session_seconds is not None and request.session_seconds > longest:
        problem = CATALOGUE["D18"]
        said = f"{request.session_seconds} s are asked for, and the role's MaxSessionDuration is {longest} s"
        fix = f"ask for at most {longest} s, or set maxSessionDuration of the workload's awsRole"
        outcome = UNKNOWN if role.session_seconds is None else FAIL
        yield Finding(outcome, f"session of {role.name}", said, problem.id, fix, problem.source)
    age = request.now - role.created_at.timestamp() if role.created_at else None
    if admitted and age is not None and age < PROPAGATION_SECONDS:
        problem = CATALOGUE["D9"]
        said = f"the role is {age:.0f} s old: if STS refuses, it does not know it everywhere yet"
        yield Finding(PASS, role.name, said, problem.id, problem.fix, problem.source)


def _fix(finding: Finding, change: Remedy) -> str:
    """The remedy in words; a statement to write instead follows on its own lines, as JSON."""
    if change.danger or not change.edits:
        text = change.danger if change.danger else "nothing small"
        text = f"not this way: {text}" if change.edits else text
        if change.instead is None:
            return text
        return f"{text}; write this statement:\n{json.dumps(change.instead, indent=2, ensure_ascii=False)}"
    text = "\n".join(map(str, change.edits))
    if finding.id == "D4":
        return (
            "ask for a token with the audience that the policy wants: `audience:` of the token volume, or of the"
            f" request. Only if the token's is meant, list it at the account's IAM OIDC provider, and\n{text}"
        )
    if finding.id == "D11":
        return f"{text}\n(in a stack of this program: `pulumi up`)"
    if any(edit.place.lower().endswith(':sub"') and edit.old and edit.new for edit in change.edits):
        return f"{text}\nThis makes it the role of another identity: do so only if the token's is the one meant."
    return text


def _rows(statement: StatementResult) -> Iterator[dict[str, Any]]:
    where = f"{statement.effect} [{statement.position}] {statement.sid or ''}".strip()
    principal, action = statement.principal, statement.action
    yield _row(where, principal.outcome, "Principal", "", None, None, principal.reason)
    yield _row(where, action.outcome, "Action", "", None, None, action.reason)
    for each in statement.conditions:
        given = ("(not known)",) if each.given is None else each.given
        yield _row(where, each.outcome, each.operator, each.key, given, each.wanted, each.reason)


def _row(
    where: str, outcome: Any, operator: str, key: str, given: Values | None, wanted: Values | None, reason: str
) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "statement": where,
        "operator": operator,
        "key": key,
        "token": given,
        "policy": wanted,
        "why": reason,
    }


def _verdict(role: Role, evaluation: Evaluation, before: Sequence[Finding], request: Request) -> str:
    if any(each.outcome is FAIL for each in before):
        return f"STS refuses this token before it reads the trust policy; {_of_policy(role, evaluation)}."
    text = f"{_of_policy(role, evaluation)[:1].upper()}{_of_policy(role, evaluation)[1:]}."
    unseen = ["its signature (`doctor token`)"]
    if request.providers is None:
        unseen.append("the account's IAM OIDC providers (--providers FILE or --role ARN)")
    text += f" Not looked at: {', '.join(unseen)}."
    if evaluation.outcome is PASS:
        dangers = [
            each for each in lint_trust_policy(role.policy, 0, role.name) if each.severity in ("critical", "high")
        ]
        if dangers:
            text += f"\nBeware, {dangers[0].id}: {dangers[0].said}."
    return text


def _of_policy(role: Role, evaluation: Evaluation) -> str:
    if evaluation.outcome is PASS:
        allow = next(each for each in evaluation.statements if each.effect == "Allow" and each.outcome is PASS)
        sid = f" ({allow.sid})" if allow.sid else ""
        return f"{role.name} admits the identity by Statement[{allow.position}]{sid}"
    if evaluation.outcome is UNKNOWN:
        return f"whether {role.name} admits the identity can't be decided"
    return f"{role.name} does not admit the identity"
