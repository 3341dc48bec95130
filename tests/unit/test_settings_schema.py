"""The schema for editors and the reference for readers say what the models say."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from federation.config_reference import DOCUMENT, MARK, reference
from federation.config_schema import stack_file_schema
from federation.settings.explain import branches, settings_schema
from tests.unit.settings_support import (
    ABSENT,
    CLUSTER,
    OIDC_PROVIDER,
    POOL,
    STACK_FILE,
    WORKLOAD,
    Config,
    Path_,
    changed,
    problems,
    sbx,
)
from tests.unit.test_settings import REQUIRED, UNKNOWN
from tests.unit.test_settings_values import WRONG

SCHEMA_FILE = STACK_FILE.parent / "docs" / "config.schema.json"
NEEDED_BY_OTHERS = ("kubernetes", "gcpServiceAccount", OIDC_PROVIDER, POOL)
"""Required only because of what stands elsewhere, which the schema leaves to the program."""


def _accepted(config: Config) -> bool:
    return bool(jsonschema.Draft202012Validator(stack_file_schema()).is_valid({"config": config}))


def test_the_committed_schema_is_that_of_the_models() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == stack_file_schema(), "stale: run `make schema`"


def test_the_committed_reference_is_that_of_the_models() -> None:
    tables = DOCUMENT.read_text().partition(MARK)[2]

    assert tables == f"\n{reference()}", "stale: run `python -m federation.config_reference`"


def test_every_key_is_in_the_reference() -> None:
    text = DOCUMENT.read_text()

    for name, section in settings_schema()["$defs"].items():
        for key in section.get("properties", {}):
            assert f"| `{key}` |" in text, f"{name}.{key}"


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(stack_file_schema())


@pytest.mark.parametrize("file", sorted(STACK_FILE.parent.glob("Pulumi.*.yaml")), ids=lambda file: file.name)
def test_a_stack_file_of_the_repository_is_accepted_by_schema_and_program(file: Path) -> None:
    stack = yaml.safe_load(file.read_text())

    jsonschema.validate(stack, stack_file_schema(), jsonschema.Draft202012Validator)
    assert problems(stack["config"]) == ()


def test_keys_of_the_providers_are_left_open() -> None:
    assert _accepted(sbx() | {"aws:profile": "x", "gcp:zone": "y", "kubernetes:context": "z"})


@pytest.mark.parametrize(("path", "_meant"), UNKNOWN)
def test_an_editor_underlines_an_unknown_key(path: Path_, _meant: str) -> None:
    assert not _accepted(changed((path, "x")))


@pytest.mark.parametrize("path", [path for path in REQUIRED if path[-1] not in NEEDED_BY_OTHERS])
def test_an_editor_underlines_what_is_missing(path: Path_) -> None:
    assert not _accepted(changed((path, ABSENT)))


@pytest.mark.parametrize(("path", "value", "_rule"), WRONG)
def test_the_schema_refuses_nothing_that_the_program_suggests(path: Path_, value: Any, _rule: str) -> None:
    config = changed((path, value))
    for problem in problems(config):
        config = changed((problem.location, problem.suggestion), config=config)

    assert _accepted(config)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*WORKLOAD, "gcpServiceAccount", "id"), "short"),
        ((*WORKLOAD, "awsRole", "maxSessionDuration"), 43201),
        ((*WORKLOAD, "awsRole", "audience"), "a*"),
        ((*WORKLOAD, "awsRole", "s3"), "read-write"),
        ((*WORKLOAD, "routes"), []),
        ((*WORKLOAD, "kubernetes", "manage"), "true"),
        ((CLUSTER, "workloadPool"), "on"),
        (("aws:allowedAccountIds",), [211125558983]),
        (("gcp-aws-wif:awsOidcProvider", "thumbprints"), ["08745487ghdud7e7eh1f2a07e452f36f6"]),
        (("gcp-aws-wif:awsOidcProvider", "url"), "https://issuer.example.com/"),
        (("gcp-aws-wif:workloadIdentityPool", "id"), "gcp-aws-pool"),
    ],
)
def test_an_editor_underlines_a_wrong_value(path: Path_, value: Any) -> None:
    assert not _accepted(changed((path, value)))


def test_every_key_is_described_and_every_limit_with_its_source() -> None:
    schema = stack_file_schema()
    sections = [*schema["$defs"].values(), schema["properties"]["config"]]

    for section in sections:
        for key, node in section.get("properties", {}).items():
            described = [
                node.get("description"),
                *(branch.get("description") for branch in branches(copy.deepcopy(node))),
            ]
            assert any(described), key
            assert all("https://" in branch["description"] for branch in branches(node) if "pattern" in branch), key
