"""IAM's condition operators, each three-valued: an operator, a value or a key that is not understood is `unknown`.

It deliberately knows no policy and no token, only one condition and the values that the request has for its key.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from federation import readers
from federation.claims import Values, is_multivalued
from federation.outcome import FAIL, PASS, UNKNOWN, Outcome, every, opposite, some
from federation.patterns import TextTest
from federation.policy import Condition


@dataclass(frozen=True)
class Operator:
    """How a given value is compared with a wanted one: both are read, then compared.

    A reader returns None or UNCLEAR for what it can't read. A negated operator holds when no wanted value matches.
    """

    read_wanted: Callable[[str, bool], Any]
    """The flag says whether `${…}` is a policy variable."""
    read_given: Callable[[str], Any]
    matches: Callable[[Any, Any], bool | None]
    """Of the given and the wanted value, in this order; None where IAM's rule is not documented."""
    negated: bool = False


def _alike(read: Callable[[str], Any], matches: Callable[[Any, Any], bool]) -> Operator:
    """An operator that reads both sides alike and knows no policy variables."""
    return Operator(lambda value, _: read(value), read, matches)


def _same_but_for_case(given: str, wanted: str) -> bool | None:
    """What every usual way of folding case agrees on: they differ beyond ASCII, and IAM does not document its own."""
    answers = {fold(given) == fold(wanted) for fold in (str.lower, str.upper, str.casefold, _fold_each_letter)}
    return answers.pop() if len(answers) == 1 else None


def _fold_each_letter(text: str) -> str:
    """As Java compares: one letter for each, upper and then lower, so that İ becomes i and ß stays."""
    return "".join((upper if len(upper := letter.upper()) == 1 else letter).lower()[0] for letter in text)


def _matches_pattern(given: str, wanted: TextTest) -> bool:
    return wanted(given)


def _matches_arn(given: Sequence[str], wanted: Sequence[TextTest]) -> bool:
    return all(test(part) for part, test in zip(given, wanted, strict=True))


def _is_within(given: readers.Address, wanted: readers.Network) -> bool:
    return given in wanted


def _with_negation(name: str, negation: str, positive: Operator) -> dict[str, Operator]:
    negated = Operator(positive.read_wanted, positive.read_given, positive.matches, negated=True)
    return {name: positive, negation: negated}


def _comparisons(kind: str, read: Callable[[str], Any]) -> dict[str, Operator]:
    return {
        **_with_negation(f"{kind}Equals", f"{kind}NotEquals", _alike(read, operator.eq)),
        f"{kind}LessThan": _alike(read, operator.lt),
        f"{kind}LessThanEquals": _alike(read, operator.le),
        f"{kind}GreaterThan": _alike(read, operator.gt),
        f"{kind}GreaterThanEquals": _alike(read, operator.ge),
    }


_TEXT = Operator(readers.wanted_text, readers.text, operator.eq)
_TEXT_IGNORING_CASE = Operator(readers.wanted_text, readers.text, _same_but_for_case)
_PATTERN = Operator(readers.wanted_pattern, readers.text, _matches_pattern)
_ARN = Operator(readers.wanted_arn, readers.arn, _matches_arn)

OPERATORS: Mapping[str, Operator] = {
    **_with_negation("StringEquals", "StringNotEquals", _TEXT),
    **_with_negation("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _TEXT_IGNORING_CASE),
    **_with_negation("StringLike", "StringNotLike", _PATTERN),
    **_comparisons("Numeric", readers.number),
    **_comparisons("Date", readers.moment),
    "Bool": _alike(readers.boolean, operator.eq),
    "BinaryEquals": _alike(readers.base64_bytes, operator.eq),
    **_with_negation(
        "IpAddress", "NotIpAddress", Operator(lambda value, _: readers.network(value), readers.address, _is_within)
    ),
    **_with_negation("ArnEquals", "ArnNotEquals", _ARN),
    **_with_negation("ArnLike", "ArnNotLike", _ARN),
}
"""All operators but Null. ArnEquals and ArnLike are the same, also by the document."""

_NAME = re.compile(r"(?:(?P<quantifier>ForAllValues|ForAnyValue):)?(?P<operator>[A-Za-z]+?)(?P<if_exists>IfExists)?")

Decide = Callable[[Values | None], Outcome]
"""Whether a condition holds for the request's values of its key: () when it lacks the key, None when unknown."""


@dataclass(frozen=True)
class OperatorName:
    """An operator as a policy writes it, such as ForAllValues:StringLikeIfExists, in its parts."""

    name: str
    quantifier: str
    """ForAllValues, ForAnyValue or nothing."""
    if_exists: bool

    @property
    def negated(self) -> bool:
        """Whether it holds when nothing matches."""
        return self.name in OPERATORS and OPERATORS[self.name].negated


def parse_operator(written: str) -> OperatorName | None:
    """The parts of an operator's name; None for one that IAM's documents don't have."""
    parts = _NAME.fullmatch(written)
    if written == "Null":
        return OperatorName(written, "", if_exists=False)
    if parts is None or parts["operator"] not in OPERATORS:
        return None
    return OperatorName(parts["operator"], parts["quantifier"] or "", parts["if_exists"] is not None)


def compile_condition(condition: Condition, *, variables: bool) -> Decide:
    """What decides the condition, with its values read once. `variables`: whether `${…}` is a policy variable."""
    name = parse_operator(condition.operator)
    if name is None:
        return lambda _: UNKNOWN
    if name.name == "Null":
        return _null(condition)
    known = OPERATORS[name.name]
    holds = _holds_for_one(known, [known.read_wanted(value, variables) for value in condition.values])
    if not name.quantifier:
        decide = _single(holds, negated=known.negated, multivalued=is_multivalued(condition.key))
    else:
        decide = _for_all_values(holds) if name.quantifier == "ForAllValues" else _for_any_value(holds)
    if not name.if_exists:
        return decide
    without_key = UNKNOWN if name.quantifier == "ForAnyValue" else PASS  # IfExists says true, ForAnyValue false
    return lambda given: without_key if given == () else decide(given)


def _holds_for_one(known: Operator, wanted: Sequence[Any]) -> Callable[[str], Outcome]:
    """Whether the operator holds for one given value: some wanted value matches it, or if negated, none does.

    A given value of another type matches nothing; but whether IAM then takes a negated operator for true is not said.
    Nor is what an empty list of wanted values means: the grammar has none.
    """
    of_another_type = UNKNOWN if known.negated else FAIL

    def holds(given: str) -> Outcome:
        read = known.read_given(given)
        if read is readers.UNCLEAR:
            return UNKNOWN
        if read is None:
            return of_another_type
        matched = some(_match(known, read, each) for each in wanted)
        return opposite(matched) if known.negated else matched

    return holds if wanted else lambda _: UNKNOWN


def _match(known: Operator, given: Any, wanted: Any) -> Outcome:
    if wanted is None or wanted is readers.UNCLEAR:
        return UNKNOWN
    matched = known.matches(given, wanted)
    if matched is None:
        return UNKNOWN
    return PASS if matched else FAIL


def _single(holds: Callable[[str], Outcome], *, negated: bool, multivalued: bool) -> Decide:
    """Without a quantifier the key should have one value, and be none that can have several: those require one. If it
    is otherwise, it is only certain that all fail or it's open.
    """

    def decide(given: Values | None) -> Outcome:
        if given is None:
            return UNKNOWN
        if not given:
            return PASS if negated else FAIL
        if len(given) == 1 and not multivalued:
            return holds(given[0])
        return FAIL if some(map(holds, given)) is FAIL else UNKNOWN

    return decide


def _for_all_values(holds: Callable[[str], Outcome]) -> Decide:
    """Holds also when the request lacks the key or has only empty texts for it: the trap of ForAllValues."""

    def decide(given: Values | None) -> Outcome:
        if given is None:
            return UNKNOWN
        return every(map(holds, given)) if any(given) else PASS

    return decide


def _for_any_value(holds: Callable[[str], Outcome]) -> Decide:
    """Fails when the request lacks the key or has only empty texts for it, even with a negated operator."""

    def decide(given: Values | None) -> Outcome:
        if given is None:
            return UNKNOWN
        return some(map(holds, given)) if any(given) else FAIL

    return decide


def _null(condition: Condition) -> Decide:
    """Null: true wants the key absent, false wants it there."""
    wanted = [readers.boolean(value) for value in condition.values]

    def decide(given: Values | None) -> Outcome:
        if given is None:
            return UNKNOWN
        if not wanted:
            return UNKNOWN
        absent = given == ()
        return some(UNKNOWN if value is None else PASS if value == absent else FAIL for value in wanted)

    return decide
