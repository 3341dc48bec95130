"""From a stack's flat configuration to `Settings`, or to all that is wrong with it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from federation.settings.advice import warnings
from federation.settings.documents import document_problems
from federation.settings.errors import REMOVE, WORKLOADS, Location, Problem, SettingsError
from federation.settings.explain import problems_of
from federation.settings.lists import list_problems
from federation.settings.models import Settings
from federation.settings.relations import relation_problems
from federation.settings.written import Written

NAMESPACE = "gcp-aws-wif:"
_KEYS = tuple(str(field.alias) for field in Settings.model_fields.values() if ":" in str(field.alias))
_TEXTS = ("gcp:project", "aws:region")


def load_settings(values: Mapping[str, Any]) -> Settings:
    """The settings in a stack's configuration, as Pulumi hands it to the program: mappings and lists as JSON text.

    Keys of other namespaces are the providers' business and ignored. Raises SettingsError with every problem at once.
    """
    ours = {key: _decoded(key, value) for key, value in values.items() if key in _KEYS or key.startswith(NAMESPACE)}
    stack = {key: value for key, value in ours.items() if value is not None or key not in _KEYS}
    written = Written(stack)
    problems = [*list_problems(written), *relation_problems(written), *document_problems(written)]
    try:
        settings = Settings.model_validate(stack)
    except ValidationError as error:
        raise SettingsError(_in_order([*problems_of(error), *problems]), stack.get(WORKLOADS)) from None
    if problems:
        raise SettingsError(_in_order(problems), stack.get(WORKLOADS))
    return settings.model_copy(update={"warnings": tuple(warnings(settings))})


def _decoded(key: str, value: Any) -> Any:
    """The value that YAML had. Pulumi makes an empty text of a key without a value."""
    if not isinstance(value, str) or key in _TEXTS:
        return None if value == "" else value
    try:
        return json.loads(value) if value else None
    except (ValueError, RecursionError):
        return value


def _in_order(problems: Iterable[Problem]) -> list[Problem]:
    """By place in the file. Of several about one value the first has the most basic words, the last the best advice;
    but of a key that is to be removed there is no more to say.
    """
    by_location: dict[Location, Problem] = {}
    for problem in problems:
        first = by_location.setdefault(problem.location, problem)
        if problem.fix == REMOVE:
            by_location[problem.location] = problem
        elif problem.suggestion is not None and first.fix != REMOVE:
            by_location[problem.location] = replace(first, suggestion=problem.suggestion)
    return sorted(by_location.values(), key=lambda problem: _rank(problem.location))


def _rank(location: Location) -> tuple[tuple[int, int, str], ...]:
    first = _KEYS.index(location[0]) if location[0] in _KEYS else len(_KEYS)
    return (0, first, ""), *((0, step, "") if isinstance(step, int) else (1, 0, str(step)) for step in location)
