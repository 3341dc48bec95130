"""CEL as workload identity federation evaluates it: the standard functions and Google's `extract`.

Functions beyond these (`split`, `join`, …) are not known here: an expression that uses one is an UnknownFunctionError
when it is evaluated.
https://cloud.google.com/iam/docs/workload-identity-federation#mapping
"""

import functools
import re
from collections.abc import Mapping
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.celparser import CELParseError
from celpy.evaluation import CELEvalError, base_functions

_TEMPLATE = re.compile(r"(?P<prefix>[^{}]*)\{[^{}]+\}(?P<suffix>[^{}]*)")


_MACROS = frozenset({"has", "all", "exists", "exists_one", "map", "filter", "extract", "dyn"})
"""Known to CEL's grammar or to this module, and so not among the library's functions."""


class CelError(ValueError):
    """An expression that can't be parsed, or has no value for these variables (say, for want of a claim).

    The text never quotes the variables.
    """


class UnknownFunctionError(CelError):
    """An expression whose value can't be known here: Google may have a function of that name."""


def extract(value: str, template: str) -> str:
    """Google's `value.extract('prefix{name}suffix')`: what stands between the first `prefix` and the next `suffix`.

    Without a prefix it starts at the beginning, without a suffix it runs to the end; no match gives ''. Raises CelError
    for a template without exactly one `{name}`.
    https://cloud.google.com/iam/docs/conditions-attribute-reference#extract
    """
    parts = _TEMPLATE.fullmatch(template)
    if parts is None:
        raise CelError(f"extract takes one {{name}} with an optional prefix and suffix, not {template!r}")
    prefix, suffix = parts["prefix"], parts["suffix"]
    _, found, rest = value.partition(prefix) if prefix else ("", True, value)
    if not found:
        return ""
    if not suffix:
        return rest
    extracted, found, _ = rest.partition(suffix)
    return extracted if found else ""


def check(expression: str) -> None:
    """Raises CelError when `expression` is not CEL."""
    _program(expression)


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of `expression` for `variables` (JSON-like). Raises CelError."""
    program = _program(expression)
    if unknown := _functions(program.ast) - base_functions.keys() - _MACROS:
        raise UnknownFunctionError(f"the function {min(unknown)} is not known here")
    try:
        value = program.evaluate({name: json_to_cel(variable) for name, variable in variables.items()})
    except (CELEvalError, ValueError):  # ValueError for an integer past 64 bits
        # The library's text lists every variable with its value.
        raise CelError(f"{expression!r} has no value here") from None
    return _to_python(value)


def _functions(syntax_tree: Any) -> set[str]:
    """The names of the functions and methods that an expression calls."""
    methods = {str(call.children[1]) for call in syntax_tree.find_data("member_dot_arg")}
    return methods | {str(call.children[0]) for call in syntax_tree.find_data("ident_arg")}


@functools.lru_cache(maxsize=256)
def _program(expression: str) -> celpy.Runner:
    environment = celpy.Environment()
    environment.annotations.clear()  # of google.protobuf, which would hide the variable `google`
    try:
        syntax_tree = environment.compile(expression)
    except CELParseError as error:
        raise CelError(f"{expression!r} is not a CEL expression") from error
    return environment.program(syntax_tree, functions={"extract": _extract})


def _extract(value: Any, template: Any) -> Any:
    if not isinstance(value, str) or not isinstance(template, str):
        return CELEvalError("extract works on strings")
    try:
        return celtypes.StringType(extract(value, template))
    except CelError as error:
        return CELEvalError(str(error))


def _to_python(value: Any) -> Any:
    if isinstance(value, celtypes.BoolType):
        return bool(value)
    if isinstance(value, list):
        return [_to_python(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return value
