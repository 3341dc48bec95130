"""What pydantic found wrong, as problems for a person.

A broken `Rule` brings its own words. For the rest (a key too many, one too few, a wrong shape) they come from the JSON
Schema of the models, so that an error and an editor's hint say the same.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError

from federation.settings.errors import REMOVE, Location, Problem
from federation.settings.models import S3_FORMS, Settings
from federation.settings.rule import RULE_BROKEN, RULE_KEYWORD, kind

DOCUMENTATION = "docs/configuration.md"
"""Where the rules stand that are the program's own."""

Schema = dict[str, Any]


def problems_of(error: ValidationError) -> list[Problem]:
    """One problem for each error that pydantic collected while it validated `Settings`."""
    return [_problem(_location(found["loc"]), found) for found in error.errors(include_url=False)]


def example_at(location: Location) -> Any:
    """A value that may stand at a location, as the models' examples and defaults have it."""
    return next((_example(node) for node in _nodes(location)), None)


@cache
def settings_schema() -> Schema:
    """The JSON Schema of `Settings`, as pydantic makes it."""
    return Settings.model_json_schema()


def branches(node: Schema) -> Iterable[Schema]:
    """The schemas that a schema stands for: references followed, alternatives taken apart, nothing left out."""
    if "$ref" in node:
        target = settings_schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        yield from branches({**target, **{key: value for key, value in node.items() if key != "$ref"}})
    elif alternatives := node.get("anyOf") or node.get("oneOf"):
        about = {"description": node["description"]} if "description" in node else {}
        for alternative in alternatives:
            if alternative != {"type": "null"}:
                yield from branches({**about, **alternative})
    else:
        yield node


def _problem(location: Location, found: Mapping[str, Any]) -> Problem:
    given = found["input"]
    if found["type"] == RULE_BROKEN:
        rule, fault = found["ctx"]["rule"], found["ctx"]["fault"]
        return Problem(location, rule.text, fault.fix, fault.suggestion, given, fault.reason)
    if found["type"] == "missing":
        return Problem(location, f"is required: {_rule_at(location)}", suggestion=example_at(location))
    if found["type"] == "extra_forbidden":
        return _unknown_key(location)
    if found["type"] == "literal_error":
        return _none_of_the_choices(location, given)
    return _wrong_shape(location, given, found["msg"])


def _none_of_the_choices(location: Location, given: Any) -> Problem:
    choices = [choice for node in _nodes(location) for choice in _choices(node)]
    nearest = difflib.get_close_matches(str(given).lower(), choices, n=1, cutoff=0.5) or choices
    rule = f"one of {', '.join(choices)}. {_rule_at(location)}"
    return Problem(location, rule, suggestion=nearest[0], given=given)


def _unknown_key(location: Location) -> Problem:
    key = str(location[-1])
    known = [name for node in _nodes(location[:-1]) for name in node.get("properties", {})]
    if len(location) == 1:
        known = [name for name in known if name.startswith("gcp-aws-wif:")]
    spelled = {re.sub(r"[_-]", "", name).lower(): name for name in known}
    nearest = difflib.get_close_matches(re.sub(r"[_-]", "", key).lower(), spelled, n=1, cutoff=0.6)
    fix = f"did you mean {spelled[nearest[0]]}?" if nearest else REMOVE
    return Problem(location, f"is no key of this program. Here it knows {', '.join(known)}. {DOCUMENTATION}", fix)


def _wrong_shape(location: Location, given: Any, message: str) -> Problem:
    nodes = list(_nodes(location))
    types = {"object": "a mapping", "array": "a list", "boolean": "true or false", "string": "text"}
    wanted = _either([types[node["type"]] for node in nodes if node.get("type") in types])
    suggestion = _meant(nodes, given)
    return Problem(
        location,
        f"must be {wanted}. {_rule_at(location)}" if wanted else f"{message}. {_rule_at(location)}",
        "" if suggestion is not None else "write it as the rule says",
        suggestion,
        given,
        f"is {kind(given)}",
    )


def _meant(nodes: list[Schema], given: Any) -> Any:
    types = {node.get("type") for node in nodes}
    if "boolean" in types:
        return str(given).strip().lower() in ("true", "yes", "on", "1")
    if types == {"string"} and not nodes[0].get("examples"):
        return (
            "" if given is None or isinstance(given, Mapping | list) else str(given).encode("ascii", "ignore").decode()
        )
    if "array" in types and (alone := _alone(nodes, given)):
        return [alone]
    return _example(nodes[0]) if nodes else None


def _alone(nodes: list[Schema], given: Any) -> str | None:
    """The one entry meant by someone who left out the brackets of a list."""
    entry = given if isinstance(given, str) else json.dumps(given, default=str)
    items = [item for node in nodes if "items" in node for item in branches(node["items"])]
    fits = any(entry in _choices(item) or re.search(item.get("pattern", "(?!)"), entry) for item in items)
    return entry if fits else None


def _nodes(location: Location) -> Iterable[Schema]:
    nodes = list(branches(settings_schema()))
    for step in location:
        nodes = [branch for node in nodes if (child := _child(node, step)) for branch in branches(child)]
    return nodes


def _child(node: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        return node.get("items")
    extra = node.get("additionalProperties")
    return node.get("properties", {}).get(step) or (extra if isinstance(extra, dict) else None)


def _example(node: Schema) -> Any:
    node = next(iter(branches(node)))
    if examples := node.get("examples"):
        return examples[0]
    if choices := _choices(node):
        return choices[0]
    if node.get("type") == "array":
        return [_example(node["items"])]
    if node.get("type") == "object":
        return {key: _example(node["properties"][key]) for key in node.get("required", [])}
    return node.get("default")


def _choices(node: Schema) -> list[str]:
    return list(node["enum"]) if "enum" in node else [node["const"]] if "const" in node else []


def _rule_at(location: Location) -> str:
    node: Schema = next(iter(_nodes(location)), {})
    return str(node.get(RULE_KEYWORD) or f"{node.get('description', '')} {DOCUMENTATION}".strip())


def _location(found: Location) -> Location:
    """Without what pydantic adds: the chosen form of a union, and the mark of a mapping's key."""
    steps = [step for index, step in enumerate(found) if not (step in S3_FORMS and found[index - 1] == "s3")]
    return tuple(steps[:-1] if steps and steps[-1] == "[key]" else steps)


def _either(words: list[str]) -> str:
    return " or ".join(dict.fromkeys(words))
