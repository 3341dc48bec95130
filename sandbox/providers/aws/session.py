"""The AWS provider's connection to the cloud, by its configuration."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox import seed
from sandbox.providers.properties import Property
from sandbox.providers.resource import ProviderError
from sandbox.providers.values import Values, contains_unknown

TAGS = Property(dict, items=Property(str))
"""The input `tags` of every taggable resource."""


@dataclass(frozen=True)
class AwsSession:
    """What the resources of one configured provider share."""

    iam: Any
    sts: Any
    region: str
    partition: str
    account_id: str
    default_tags: Mapping[str, str]

    def with_default_tags(self, inputs: Values) -> Values:
        """As the real provider: the stack's default tags under the resource's own."""
        tags = inputs.get("tags", {})
        if not self.default_tags or not isinstance(tags, dict):
            return inputs
        return {**inputs, "tags": {**self.default_tags, **tags}}


def connect(url: str, access_key_id: str, secret_access_key: str, config: Values) -> AwsSession:
    """A session at `url` by the provider's configuration; ProviderError when the account is not an allowed one."""
    region = config.get("region", seed.REGION)
    boto = boto3.Session(
        aws_access_key_id=config.get("accessKey", access_key_id),
        aws_secret_access_key=config.get("secretKey", secret_access_key),
        aws_session_token=config.get("token"),
        region_name=region,
    )
    retries = Config(retries={"mode": "standard", "total_max_attempts": int(config.get("maxRetries", 4)) + 1})
    iam, sts = (boto.client(service, endpoint_url=url, config=retries) for service in ("iam", "sts"))
    with refused_as("retrieving AWS account details"):
        account_id = sts.get_caller_identity()["Account"]
    if (allowed := decoded(config.get("allowedAccountIds"))) and account_id not in allowed:
        raise ProviderError(f"AWS account ID not allowed: {account_id}")
    if account_id in (decoded(config.get("forbiddenAccountIds")) or []):
        raise ProviderError(f"AWS account ID not allowed: {account_id}")
    default_tags = (decoded(config.get("defaultTags")) or {}).get("tags", {})
    partition = boto.get_partition_for_region(region)
    return AwsSession(iam, sts, region, partition, account_id, {} if contains_unknown(default_tags) else default_tags)


def decoded(value: Any) -> Any:
    """A configuration value; the engine hands lists and objects over as JSON text."""
    return json.loads(value) if isinstance(value, str) and value.startswith(("[", "{")) else value


@contextmanager
def refused_as(doing: str) -> Iterator[None]:
    """Turns the cloud's refusal into the error that the real provider shows: what it was doing, and what AWS said."""
    try:
        yield
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        said = error.response["Error"]
        raise ProviderError(
            f"{doing}: operation error {error.operation_name}, https response error StatusCode: {status},"
            f" {said['Code']}: {said['Message']}"
        ) from error
    except BotoCoreError as error:
        raise ProviderError(f"{doing}: {error}") from error


def is_gone(error: ClientError) -> bool:
    """Whether AWS says that the thing does not exist."""
    return bool(error.response["Error"]["Code"] in ("NoSuchEntity", "NoSuchEntityException"))


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as IAM takes them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_map(tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags as IAM gives them, without AWS's own."""
    return {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")}
