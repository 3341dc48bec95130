"""Patterns as IAM writes them: `*` for any text, `?` for any one character, and `${…}`.

Matching takes time in proportion to the text whatever the pattern, so a hostile policy can't stall whoever reads it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

import re
from collections.abc import Callable

TextTest = Callable[[str], bool]

ESCAPES = {"${*}": "*", "${?}": "?", "${$}": "$"}
"""Policy variables whose value is the character itself."""

_TOKENS = re.compile(r"\*+|\?|[^*?]+")
_TOKENS_AND_ESCAPES = re.compile(r"\$\{[*?$]\}|\*+|\?|[^*?$]+|\$")
_VARIABLE = re.compile(r"\$\{(?![*?$]\})")


def has_variable(text: str) -> bool:
    """Whether the text has a policy variable whose value only the request knows."""
    return _VARIABLE.search(text) is not None


def unescaped(text: str) -> str:
    """A text without patterns, with its escapes replaced by what they stand for."""
    return text.replace("${*}", "*").replace("${?}", "?").replace("${$}", "$") if "${" in text else text


def pattern_test(pattern: str, *, escapes: bool) -> TextTest:
    """A test whether a whole text matches `pattern`; `escapes`: whether `${*}`, `${?}` and `${$}` are read as such."""
    parts: list[list[str]] = [[]]
    for token in (_TOKENS_AND_ESCAPES if escapes else _TOKENS).findall(pattern):
        if token.startswith("*"):
            parts.append([])
        elif token == "?":
            parts[-1].append(".")
        else:
            parts[-1].append(re.escape(ESCAPES.get(token, token)))
    match = re.compile(_expression(["".join(part) for part in parts]), re.DOTALL).fullmatch
    return lambda text: match(text) is not None


def _expression(parts: list[str]) -> str:
    """The parts between stars, each found at its first place: atomic groups keep the regex from trying later ones."""
    first, *others = parts
    if not others:
        return first
    *middle, last = others
    return first + "".join(f"(?>.*?{part})" for part in middle) + f".*{last}"
