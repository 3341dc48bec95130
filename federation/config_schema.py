"""The JSON Schema of a stack file, for editors: `python -m federation.config_schema > docs/config.schema.json`.

It says what a schema can say of one file; `load_settings` knows more, and has the last word.
"""

import json
from typing import Any

from federation.settings.explain import settings_schema
from federation.settings.rule import RULE_KEYWORD

Schema = dict[str, Any]


def stack_file_schema() -> Schema:
    """The schema of `Pulumi.<stack>.yaml`: the program's keys strictly, those of the providers left open."""
    schema = _described(settings_schema())
    ours = [key for key in schema["properties"] if key.startswith("gcp-aws-wif:")]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack of gcp-aws-wif",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "description": schema["description"],
                "type": "object",
                "required": schema["required"],
                "properties": schema["properties"],
                "propertyNames": {"anyOf": [{"enum": ours}, {"not": {"pattern": "^gcp-aws-wif:"}}]},
            }
        },
        "$defs": schema["$defs"],
    }


def _described(node: Any) -> Any:
    """The schema with each rule as part of the description, which is what an editor shows."""
    if isinstance(node, list):
        return [_described(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    described = {key: _described(value) for key, value in node.items() if key not in (RULE_KEYWORD, "title")}
    if rule := node.get(RULE_KEYWORD):
        described["description"] = " ".join(filter(None, (node.get("description"), rule[0].upper() + rule[1:])))
    return described


if __name__ == "__main__":
    print(json.dumps(stack_file_schema(), indent=2))  # noqa: T201 - a command's output
