"""The example stack in each partition of AWS: no name of another partition gets anywhere."""

import json
import re
from typing import Any

import pytest
import yaml

from tests.unit.support import PROJECT, Built, World, run_refused_stack, run_stack

REGIONS = {"aws": "eu-west-1", "aws-us-gov": "us-gov-west-1", "aws-cn": "cn-north-1"}


def example(partition: str, kind: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((PROJECT / "Pulumi.example.yaml").read_text())["config"]
    config["aws:region"] = REGIONS[partition]
    config["gcp-aws-wif:workloadIdentityPool"]["provider"]["kind"] = kind
    return config


def partitions_named(built: Built) -> set[str]:
    everything = json.dumps([[each.inputs for each in built.registered], built.exports])
    return set(re.findall(r"arn:(aws[a-z-]*):", everything))


@pytest.mark.parametrize(
    ("partition", "kind"),
    [("aws", "aws"), ("aws", "oidc"), ("aws-us-gov", "aws"), ("aws-us-gov", "oidc"), ("aws-cn", "oidc")],
)
def test_every_arn_is_of_the_partition(partition: str, kind: str) -> None:
    assert partitions_named(run_stack(example(partition, kind), World(partition=partition))) == {partition}


@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn"])
def test_the_one_route_that_aws_does_not_document_there_is_warned_of(partition: str) -> None:
    warnings = run_stack(example(partition, "oidc"), World(partition=partition)).warnings
    (warning,) = [warning for warning in warnings if "built-in identity provider" in warning]
    assert "(state-auditor)" in warning
    assert "use the route cluster" in warning


def test_what_google_cannot_verify_in_china_is_refused_with_the_reason_and_registers_nothing() -> None:
    built, error = run_refused_stack(example("aws-cn", "aws"), World(partition="aws-cn"))
    assert built.registered == []
    assert "gcp-aws-wif:workloadIdentityPool.provider.kind" in str(error)
    assert "amazonaws.com.cn" in str(error)
    assert "oidc" in str(error)
