"""Policy variables, `${key}` and `${key, 'default'}`, replaced by what the request has for their keys.

Deliberately only those whose replacement is documented: one value of a key that can't have several, in an operator on
texts, with no character that a pattern would read as its own. The others stay, which leaves the condition undecided.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Callable
from dataclasses import replace

from federation.claims import Values, is_multivalued
from federation.conditions import parse_operator
from federation.patterns import has_variable
from federation.policy import Condition

_VARIABLE = re.compile(r"\$\{(?P<key>[^\s*?$}{,']+)(?:, '(?P<default>[^*?$}{']*)')?\}")
_OF_PATTERNS = re.compile(r"[*?$]")


def depends_on_request(condition: Condition) -> bool:
    """Whether the condition wants a text that only the request completes."""
    operator = parse_operator(condition.operator)
    return operator is not None and operator.name.startswith("String") and any(map(has_variable, condition.values))


def completed(condition: Condition, lookup: Callable[[str], Values | None]) -> Condition:
    """The condition with its variables replaced; `lookup` gives the request's values of a lower-cased key."""

    def value(variable: re.Match[str]) -> str:
        key = variable["key"].lower()
        given = lookup(key)
        if given == () and variable["default"] is not None:
            return variable["default"]
        if not given or len(given) > 1 or is_multivalued(key) or _OF_PATTERNS.search(given[0]):
            return variable[0]
        return given[0]

    return replace(condition, values=tuple(_VARIABLE.sub(value, each) for each in condition.values))
