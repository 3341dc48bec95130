"""Why a condition holds, fails or can't be decided, in one line for someone who knows neither cloud's rules.

It deliberately decides nothing: it is told the outcome, and says which rule of IAM led there.
"""

from federation.claims import Values, is_multivalued
from federation.conditions import parse_operator
from federation.outcome import FAIL, PASS, UNKNOWN, Outcome
from federation.policy import Condition


def condition_reason(condition: Condition, given: Values | None, outcome: Outcome) -> str:
    """The reason of one condition's outcome for the request's values of its key."""
    operator = parse_operator(condition.operator)
    if operator is None:
        return f"{condition.operator} is no operator of IAM's that is known here"
    if given is None:
        return _unknown_key(condition.key)
    if outcome is UNKNOWN and not condition.values:
        return "what IAM makes of an empty list is not documented"
    if operator.name == "Null":
        return f"the request {'has' if given else 'lacks'} the key"
    if not given or (operator.quantifier and not any(given)):
        return _missing_key(operator.quantifier, operator.if_exists, outcome)
    if outcome is UNKNOWN and len(given) > 1 and not operator.quantifier:
        return "the key has several values here, which takes ForAnyValue or ForAllValues"
    if outcome is UNKNOWN and is_multivalued(condition.key) and not operator.quantifier:
        return "the key can have several values, which takes ForAnyValue or ForAllValues"
    if outcome is UNKNOWN:
        return _undecided(condition)
    if operator.negated:
        return "no value is matched" if outcome is PASS else "a value that must not match does"
    return "matches" if outcome is PASS else _mismatch(condition, given)


def _unknown_key(key: str) -> str:
    if key.lower().startswith(("aws:", "sts:")):
        return "the request decides this key, not the token"
    return "AWS documents no such key for tokens of this issuer"


def _missing_key(quantifier: str, if_exists: bool, outcome: Outcome) -> str:
    if outcome is FAIL:
        return "the token gives no such key"
    if outcome is UNKNOWN:
        return "the token gives no such key, and IAM's documents of ForAnyValue and of IfExists differ on that"
    because = "IfExists" if if_exists else quantifier or "a negated operator"
    return f"the token gives no such key, and {because} lets that pass"


def _undecided(condition: Condition) -> str:
    if any("${" in value for value in condition.values):
        return "a policy variable's value is not known here"
    return "a value can't be read as the operator's type"


def _mismatch(condition: Condition, given: Values) -> str:
    lowered = {value.lower() for value in given}
    if any(value.lower() in lowered for value in condition.values):
        return "differs in upper and lower case"
    if condition.operator.endswith(("StringEquals", "StringEqualsIfExists")) and any(
        "*" in value or "?" in value for value in condition.values
    ):
        return "does not match: StringEquals takes * and ? literally"
    return "does not match"
