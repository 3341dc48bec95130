"""A stack's configuration for tests: the guide's, and changes to it."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from federation.settings import Problem, SettingsError, load_settings

STACK_FILE: Final = Path(__file__).parents[2] / "Pulumi.sbx.yaml"
ABSENT: Final = object()
"""Stands for a key that is left out."""

CLUSTER: Final = "gcp-aws-wif:cluster"
OIDC_PROVIDER: Final = "gcp-aws-wif:awsOidcProvider"
POOL: Final = "gcp-aws-wif:workloadIdentityPool"
WORKLOADS: Final = "gcp-aws-wif:workloads"
WORKLOAD: Final = (WORKLOADS, 0)
ISSUER: Final = (
    "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
)

Config = dict[str, Any]
Path_ = tuple[str | int, ...]


def sbx() -> Config:
    """The guide's stack, as YAML has it."""
    config: Config = yaml.safe_load(STACK_FILE.read_text())["config"]
    return config


def changed(*changes: tuple[Path_, Any], config: Config | None = None) -> Config:
    """The guide's stack (or `config`) with other values at some places; ABSENT takes one away."""
    result = copy.deepcopy(sbx() if config is None else config)
    for path, value in changes:
        place: Any = result
        for step in path[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is ABSENT:
            del place[path[-1]]
        elif isinstance(place, list) and path[-1] == len(place):
            place.append(value)
        else:
            place[path[-1]] = value
    return result


def another_workload(**fields: Any) -> Config:
    """A second workload that takes nothing from the guide's; keys of YAML, ABSENT to leave one out."""
    workload: Config = {
        "name": "uploader",
        "routes": ["cluster"],
        "kubernetes": {"namespace": "default", "serviceAccount": "uploader"},
        "awsRole": {"name": "Uploader", "s3": "read-only"},
    }
    return {key: value for key, value in (workload | fields).items() if value is not ABSENT}


def as_pulumi_hands_it(config: Mapping[str, Any]) -> dict[str, str]:
    """The flat texts that the program gets of a YAML config."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


def problems(config: Mapping[str, Any]) -> tuple[Problem, ...]:
    """All that is wrong with a configuration; nothing if it loads."""
    try:
        load_settings(as_pulumi_hands_it(config))
    except SettingsError as error:
        return error.problems
    return ()


def only_problem(config: Mapping[str, Any]) -> Problem:
    """The one thing that is wrong with a configuration."""
    found = problems(config)
    assert len(found) == 1, [problem.text(None) for problem in found]
    return found[0]


def error_text(config: Mapping[str, Any]) -> str:
    """What the user is shown; empty if the configuration loads."""
    try:
        load_settings(as_pulumi_hands_it(config))
    except SettingsError as error:
        return str(error)
    return ""
