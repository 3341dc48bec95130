"""The AWS provider: IAM as far as federation needs it, through boto3."""

from functools import partial

import botocore.session

from sandbox.providers.aws.oidc_provider import OpenIdConnectProvider, get_open_id_connect_provider
from sandbox.providers.aws.outbound_federation import (
    OutboundWebIdentityFederation,
    get_outbound_web_identity_federation,
)
from sandbox.providers.aws.role import Role
from sandbox.providers.aws.role_policies import RolePolicy, RolePolicyAttachment
from sandbox.providers.aws.session import AwsSession, connect, refused_as
from sandbox.providers.resource import Connect, Package
from sandbox.providers.values import Values

__all__ = ["aws_package"]


def aws_package(url: str, access_key_id: str, secret_access_key: str) -> Connect:
    """The AWS provider at one endpoint, for whatever configuration the engine gives it."""

    def configured(config: Values) -> Package:
        session = connect(url, access_key_id, secret_access_key, config)
        return Package(
            resources={
                "aws:iam/openIdConnectProvider:OpenIdConnectProvider": OpenIdConnectProvider(session),
                "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation": OutboundWebIdentityFederation(
                    session
                ),
                "aws:iam/role:Role": Role(session),
                "aws:iam/rolePolicy:RolePolicy": RolePolicy(session),
                "aws:iam/rolePolicyAttachment:RolePolicyAttachment": RolePolicyAttachment(session),
            },
            functions={
                "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": partial(
                    get_open_id_connect_provider, session
                ),
                "aws:iam/getOutboundWebIdentityFederation:getOutboundWebIdentityFederation": partial(
                    get_outbound_web_identity_federation, session
                ),
                "aws:index/getCallerIdentity:getCallerIdentity": partial(_get_caller_identity, session),
                "aws:index/getPartition:getPartition": partial(_get_partition, session),
                "aws:index/getRegion:getRegion": partial(_get_region, session),
            },
        )

    return configured


def _get_caller_identity(session: AwsSession, arguments: Values) -> Values:  # noqa: ARG001 - it has none
    with refused_as("reading STS Caller Identity"):
        found = session.sts.get_caller_identity()
    return {"accountId": found["Account"], "arn": found["Arn"], "id": found["Account"], "userId": found["UserId"]}


def _get_partition(session: AwsSession, arguments: Values) -> Values:  # noqa: ARG001 - it has none
    suffix = _partition_facts(session)["dnsSuffix"]
    return {
        "dnsSuffix": suffix,
        "id": session.partition,
        "partition": session.partition,
        "reverseDnsPrefix": ".".join(reversed(suffix.split("."))),
    }


def _get_region(session: AwsSession, arguments: Values) -> Values:
    name = arguments.get("region") or arguments.get("name") or session.region
    facts = _partition_facts(session)
    return {
        "description": facts["regions"][name]["description"],
        "endpoint": f"ec2.{name}.{facts['dnsSuffix']}",
        "id": name,
        "name": name,
        "region": name,
    }


def _partition_facts(session: AwsSession) -> Values:
    partitions = botocore.session.get_session().get_data("endpoints")["partitions"]
    return next(facts for facts in partitions if facts["partition"] == session.partition)
