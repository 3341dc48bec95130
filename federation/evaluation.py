"""Whom a trust policy admits: one request of AssumeRoleWithWebIdentity against every statement, as AWS decides it.

The answer is three-valued and never guesses: `pass` only when AWS's documents say that the request is allowed. It
deliberately checks the policy alone; what STS checks before it (signature, expiry, the IAM OIDC provider and its client
ids) and what organizations add to it is not here.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from dataclasses import dataclass

from federation.aws import ASSUME_ROLE_WITH_WEB_IDENTITY
from federation.claims import RequestContext, Values
from federation.conditions import Decide, compile_condition
from federation.explanations import condition_reason
from federation.outcome import FAIL, PASS, UNKNOWN, Outcome, every, opposite, some
from federation.patterns import pattern_test
from federation.policy import Condition, Effect, PolicyStatement, TrustPolicy
from federation.principals import NamedProviders
from federation.variables import completed, depends_on_request


@dataclass(frozen=True)
class CheckResult:
    """The principal's or the action's answer, and why."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class ConditionResult:
    """One key of one operator: what the policy wants, what the request gives, the answer, and why."""

    operator: str
    key: str
    wanted: Values
    given: Values | None
    """() when the request lacks the key, None when that can't be known."""
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class StatementResult:
    """Whether a statement applies to the request, and the checks that make it so."""

    position: int
    """In the policy, counted from 0."""
    sid: str | None
    effect: Effect
    outcome: Outcome
    principal: CheckResult
    action: CheckResult
    conditions: tuple[ConditionResult, ...]


@dataclass(frozen=True)
class Evaluation:
    """Whether the policy admits the request, and each statement's part in it."""

    outcome: Outcome
    explicitly_denied: bool
    """A statement with Deny applies, so no Allow can help."""
    statements: tuple[StatementResult, ...]


class TrustEvaluator:
    """A trust policy, read once, that any number of requests can be held against.

    `account_id` is the role's account; without it, an IAM OIDC provider of any account is taken for the role's own.
    """

    def __init__(self, policy: TrustPolicy, account_id: str | None = None) -> None:
        statements = [
            _Statement(position, statement, policy.has_variables, account_id)
            for position, statement in enumerate(policy.statements)
        ]
        self._statements = tuple(statements)
        self._allows = tuple(each for each in statements if each.effect == "Allow")
        self._denies = tuple(each for each in statements if each.effect == "Deny")

    def decide(self, context: RequestContext) -> Outcome:
        """Whether the policy admits the request: the outcome of `explain`, without the reasons and much faster."""
        allowed = some(statement.outcome(context) for statement in self._allows)
        if allowed is FAIL or not self._denies:
            return allowed
        return _admitted(allowed, some(statement.outcome(context) for statement in self._denies))

    def explain(self, context: RequestContext) -> Evaluation:
        """Whether the policy admits the request, statement by statement and condition by condition."""
        results = tuple(statement.explain(context) for statement in self._statements)
        allowed = some(result.outcome for result in results if result.effect == "Allow")
        denied = some(result.outcome for result in results if result.effect == "Deny")
        return Evaluation(_admitted(allowed, denied), denied is PASS, results)


def _admitted(allowed: Outcome, denied: Outcome) -> Outcome:
    """A Deny that applies settles it whatever is allowed; one that may apply leaves it open."""
    return every((allowed, opposite(denied)))


class _Statement:
    """One statement with its principals, actions and wanted values read."""

    def __init__(self, position: int, statement: PolicyStatement, variables: bool, account_id: str | None) -> None:
        self.effect: Effect = statement.effect
        self._position = position
        self._statement = statement
        self._providers = NamedProviders(statement, account_id)
        self._action = _action_outcome(statement)
        self._conditions: tuple[tuple[Condition, str, Decide | None], ...] = tuple(
            (
                condition,
                condition.key.lower(),
                None
                if variables and depends_on_request(condition)
                else compile_condition(condition, variables=variables),
            )
            for condition in statement.conditions
        )
        """Each with its key in lower case and what decides it, or None if that takes the request's policy variables."""

    def outcome(self, context: RequestContext) -> Outcome:
        """Whether principal, action and every condition hold."""
        combined = every((self._providers.outcome(context.provider), self._action))
        for condition, key, known in self._conditions:
            if combined is FAIL:
                return FAIL
            decide = known or _decide_with_variables(condition, context)
            if (outcome := decide(context.lookup(key))) is not PASS:
                combined = outcome
        return combined

    def explain(self, context: RequestContext) -> StatementResult:
        """The same, with every check's part in it."""
        principal = CheckResult(self._providers.outcome(context.provider), self._providers.reason(context.provider))
        action = CheckResult(self._action, _action_reason(self._statement))
        conditions = tuple(
            _explain_condition(condition, context.lookup(key), known or _decide_with_variables(condition, context))
            for condition, key, known in self._conditions
        )
        return StatementResult(
            position=self._position,
            sid=self._statement.sid,
            effect=self._statement.effect,
            outcome=every((principal.outcome, action.outcome, *(each.outcome for each in conditions))),
            principal=principal,
            action=action,
            conditions=conditions,
        )


def _decide_with_variables(condition: Condition, context: RequestContext) -> Decide:
    return compile_condition(completed(condition, context.lookup), variables=True)


def _explain_condition(condition: Condition, given: Values | None, decide: Decide) -> ConditionResult:
    outcome = decide(given)
    reason = condition_reason(condition, given, outcome)
    return ConditionResult(condition.operator, condition.key, condition.values, given, outcome, reason)


def _action_outcome(statement: PolicyStatement) -> Outcome:
    """Actions are compared without regard to case. Wildcards are documented for an action's name, not its service; and
    an empty list nowhere.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
    """
    if not statement.actions:
        return UNKNOWN
    named = some(_action_named(pattern.lower()) for pattern in statement.actions)
    return opposite(named) if statement.other_actions else named


def _action_named(pattern: str) -> Outcome:
    action = ASSUME_ROLE_WITH_WEB_IDENTITY.lower()
    if not pattern_test(pattern, escapes=False)(action):
        return FAIL
    return PASS if pattern == "*" or pattern.startswith("sts:") else UNKNOWN


def _action_reason(statement: PolicyStatement) -> str:
    if not statement.actions:
        return "what IAM makes of an empty list is not documented"
    if _action_outcome(statement) is UNKNOWN:
        return "a wildcard in an action's service is not documented: write sts:"
    verb = "names every action but" if statement.other_actions else "names"
    return f"the statement {verb} {', '.join(statement.actions)}; the request is {ASSUME_ROLE_WITH_WEB_IDENTITY}"
