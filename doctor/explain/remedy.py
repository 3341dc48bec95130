"""The smallest change to a trust policy that would admit a token, and whether it should be made.

A change is tried before it is offered: the changed policy is evaluated, and held against `doctor.lint.lint`. It
deliberately offers no change that would leave a door open; then it says why, and which statement to write instead.
"""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from doctor.lint.lint import lint_trust_policy
from doctor.roles import Role
from doctor.token.tokens import GKE_TOKEN, KUBERNETES_TOKEN, Token
from federation.aws import ASSUME_ROLE_WITH_WEB_IDENTITY, oidc_provider_arn
from federation.claims import CLAIM_OF_KEY, RequestContext, Values
from federation.conditions import parse_operator
from federation.evaluation import ConditionResult, Evaluation, StatementResult, TrustEvaluator
from federation.google import SERVICE_ACCOUNT_UNIQUE_ID
from federation.outcome import FAIL, PASS
from federation.policy import parse_trust_policy
from federation.trust import GOOGLE_PRINCIPAL, cluster_statement, google_statement

Json = dict[str, Any]


@dataclass(frozen=True)
class Edit:
    """One place of the policy, what stands there (None: nothing) and what should (None: nothing)."""

    place: str
    old: Any
    new: Any

    def __str__(self) -> str:
        if self.new is None:
            return f"remove {self.place}"
        if self.old is None:
            return f"add {self.place}: {_shown(self.new)}"
        return f"set {self.place} to {_shown(self.new)} (now {_shown(self.old)})"


@dataclass(frozen=True)
class Remedy:
    """The edits that admit the token; `danger` says why they should not be made, or is empty.

    `instead` is a statement to write in their place, as IAM takes it.
    """

    edits: tuple[Edit, ...]
    danger: str = ""
    instead: Json | None = None


def closest_statement(evaluation: Evaluation) -> StatementResult | None:
    """The Allow that is nearest to admitting the token: open before failing, then by the fewest points."""
    allows = [result for result in evaluation.statements if result.effect == "Allow"]
    return min(allows, key=_distance, default=None)


def _distance(result: StatementResult) -> tuple[bool, bool, bool, int]:
    short = sum(condition.outcome is not PASS for condition in result.conditions)
    return (result.outcome is FAIL, result.principal.outcome is FAIL, result.action.outcome is FAIL, short)


def remedy(role: Role, token: Token, context: RequestContext, evaluation: Evaluation) -> Remedy:
    """The change of the closest statement, for a token that the role's policy does not admit."""
    closest = closest_statement(evaluation)
    pinned = pinned_statement(token, role)
    if evaluation.explicitly_denied:
        denial = next(each for each in evaluation.statements if each.effect == "Deny" and each.outcome is PASS)
        return Remedy((), f"Statement[{denial.position}] denies the token, on purpose it seems: no Allow can help")
    if closest is None:
        return Remedy((), "the policy allows nothing", pinned)
    changed = copy.deepcopy(role.document)
    edits = tuple(_edits(_statement_of(changed, closest.position), token, context, closest, role.account_id))
    evaluator = TrustEvaluator(parse_trust_policy(changed), role.account_id)
    if (
        closest.principal.outcome is not PASS
        and evaluator.explain(context).statements[closest.position].principal.outcome is not PASS
    ):
        return Remedy((), _other_issuer(token), pinned)
    if not edits or evaluator.decide(context) is not PASS:
        return Remedy((), "no change of this statement is known to admit the token", pinned)
    return Remedy(edits, danger := _danger(changed, closest.position), pinned if danger else None)


def pinned_statement(token: Token, role: Role) -> Json | None:
    """A statement of the role that admits exactly this token's identity and audience; None if the claims don't suffice.

    It says ACCOUNT_ID where the role's account is not known.
    """
    subject, audiences = token.claims.get("sub"), token.audiences
    if not isinstance(subject, str) or len(audiences) != 1:
        return None
    try:
        if token.is_google:
            statement = google_statement(subject, next(_emails(token), subject), audiences[0])
            statement["Condition"]["StringEquals"][f"{GOOGLE_PRINCIPAL}:aud"] = _forms_of_azp(token)
            return statement
        if token.kind in (GKE_TOKEN, KUBERNETES_TOKEN) and token.provider:
            arn = oidc_provider_arn(role.partition, role.account_id or "ACCOUNT_ID", token.issuer)
            return cluster_statement(arn, token.issuer, audiences[0], subject)
    except ValueError:
        return None  # a claim that no policy may hold as it is, say, with a *
    return None


def _other_issuer(token: Token) -> str:
    return (
        f"the policy would have to trust another issuer, {token.issuer or 'unknown'}: whoever runs it says who its"
        " tokens are; only if you mean it to, add a statement of its own"
    )


def _emails(token: Token) -> Iterator[str]:
    for name in ("email", "azp"):
        value = token.claims.get(name)
        if isinstance(value, str) and "@" in value:
            yield value


def _edits_of_principal(statement: Json, place: str, provider: str, account_id: str | None) -> Iterator[Edit]:
    """Names the token's issuer as AWS wants it, where the statement names the same issuer otherwise."""
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or not isinstance(named := principal.get("Federated"), str):
        return
    arn, found, of_provider = named.partition(":oidc-provider/")
    if not found or of_provider != provider:
        return
    right = provider
    if provider != GOOGLE_PRINCIPAL:
        if account_id is None:
            return
        right = f"{arn.rpartition(':')[0]}:{account_id}:oidc-provider/{provider}"
    if right != named:
        principal["Federated"] = right
        yield Edit(f"{place}.Principal.Federated", named, right)


def _edits(
    statement: Json, token: Token, context: RequestContext, closest: StatementResult, account_id: str | None
) -> Iterator[Edit]:
    """Makes the changes in `statement`, and tells of each."""
    place = f"Statement[{closest.position}]"
    if closest.principal.outcome is not PASS:
        yield from _edits_of_principal(statement, place, context.provider, account_id)
    if closest.action.outcome is FAIL:
        yield Edit(f"{place}.Action", statement.get("Action"), ASSUME_ROLE_WITH_WEB_IDENTITY)
        statement.pop("NotAction", None)
        statement["Action"] = ASSUME_ROLE_WITH_WEB_IDENTITY
    for condition in closest.conditions:
        if condition.outcome is not PASS:
            yield from _edits_of_condition(statement["Condition"], f"{place}.Condition", token, context, condition)


def _edits_of_condition(
    block: Json, place: str, token: Token, context: RequestContext, condition: ConditionResult
) -> Iterator[Edit]:
    keys, where = block[condition.operator], f"{place}.{condition.operator}"
    here, old = f'{where}."{condition.key}"', keys[condition.key]
    if has_audience_under_aud(token, condition):
        keys[condition.key] = _forms_of_azp(token)
        yield Edit(here, old, keys[condition.key])
        oaud = f"{GOOGLE_PRINCIPAL}:oaud"
        if oaud not in {key.lower() for each in block.values() for key in each}:
            keys[oaud] = list(token.audiences) if len(token.audiences) > 1 else token.audiences[0]
            yield Edit(f'{where}."{oaud}"', None, keys[oaud])
    elif is_other_form_of_azp(token, condition) or _names_its_email(token, condition):
        keys[condition.key] = _forms_of_azp(token)
        yield Edit(here, old, keys[condition.key])
    elif (right := rightly_spelled(condition.key, context)) is not None:
        del keys[condition.key]
        keys[right] = _one_or_list(context.lookup(right.lower()) or condition.wanted)
        yield Edit(here, old, None)
        yield Edit(f'{where}."{right}"', None, keys[right])
    else:
        yield from _edit_value(block, here, condition, old)


def _edit_value(block: Json, here: str, condition: ConditionResult, old: Any) -> Iterator[Edit]:
    operator = parse_operator(condition.operator)
    if operator is None or operator.negated or condition.given is None:
        return
    keys = block[condition.operator]
    if not condition.given or operator.name == "Null":
        del keys[condition.key]
        if not keys:
            del block[condition.operator]
        yield Edit(here, old, None)
    elif operator.name.endswith(("Equals", "Like", "EqualsIgnoreCase")) or operator.name == "Bool":
        keys[condition.key] = _one_or_list(condition.given)
        yield Edit(here, old, keys[condition.key])


def has_audience_under_aud(token: Token, condition: ConditionResult) -> bool:
    """Whether :aud wants what the token has as its audience, while for Google AWS takes azp there (D2)."""
    return (
        token.is_google
        and condition.key.lower() == f"{GOOGLE_PRINCIPAL}:aud"
        and condition.outcome is FAIL
        and token.claims.get("azp") is not None
        and not set(condition.wanted).isdisjoint(token.audiences)
    )


def is_other_form_of_azp(token: Token, condition: ConditionResult) -> bool:
    """Whether :aud wants the unique id where the token has the e-mail of the same account, or the reverse (D3)."""
    if not (token.is_google and condition.key.lower() == f"{GOOGLE_PRINCIPAL}:aud" and condition.outcome is FAIL):
        return False
    given, subject, email = _text(token, "azp"), _text(token, "sub"), _text(token, "email")
    if any(SERVICE_ACCOUNT_UNIQUE_ID.fullmatch(value) and value != subject for value in condition.wanted):
        return False  # of another account, or of an earlier one with this e-mail
    if given is not None and "@" in given:
        return subject in condition.wanted
    if given is None or given != subject:
        return False
    return email in condition.wanted if email else any("@" in value for value in condition.wanted)


def _names_its_email(token: Token, condition: ConditionResult) -> bool:
    is_azp = token.is_google and condition.key.lower() == f"{GOOGLE_PRINCIPAL}:aud"
    return is_azp and not set(condition.wanted).isdisjoint(_emails(token))


def _forms_of_azp(token: Token) -> list[str]:
    """What azp can be for the token's account: its unique id, its e-mail if known, and what it is here."""
    return list(dict.fromkeys(filter(None, [_text(token, "sub"), *_emails(token), _text(token, "azp")])))


def rightly_spelled(key: str, context: RequestContext) -> str | None:
    """The key that was meant, for one with https://, a slash too many or a claim's name; None if it is right."""
    provider, _, name = key.rpartition(":")
    bare = provider.removeprefix("https://").removeprefix("http://").rstrip("/")
    if bare.lower() != context.provider.lower().rstrip("/"):
        return None
    if bare == provider and name.lower() in CLAIM_OF_KEY:
        return None
    meant = {"subject": "sub", "audience": "oaud" if bare == GOOGLE_PRINCIPAL else "aud", "azp": "aud"}
    right = name if name.lower() in CLAIM_OF_KEY else meant.get(name.lower())
    return f"{context.provider}:{right}" if right else None


def _danger(changed: Json, position: int) -> str:
    """Why the changed statement should not be: the door it leaves open."""
    policy = parse_trust_policy(changed)
    found = [each for each in lint_trust_policy(policy, 0, "the policy") if each.id == "D27"]
    here = [
        each.said
        for each in found
        if each.subject.endswith(f"Statement[{position}]") and each.severity in ("critical", "high")
    ]
    return here[0] if here else ""


def _statement_of(document: Mapping[str, Any], position: int) -> Json:
    statements = document["Statement"]
    statement: Json = statements[position] if isinstance(statements, list) else statements
    return statement


def _text(token: Token, claim: str) -> str | None:
    value = token.claims.get(claim)
    return value if isinstance(value, str) else None


def _one_or_list(values: Values) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
