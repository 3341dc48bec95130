"""aws.iam.RolePolicy and aws.iam.RolePolicyAttachment: what a role may do.
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role_policy
"""

from collections.abc import Mapping

from botocore.exceptions import ClientError
from typing_extensions import override

from federation import aws
from sandbox.providers import rules
from sandbox.providers.aws.policies import equivalent_policies, kept_if_equivalent, not_a_policy
from sandbox.providers.aws.session import AwsSession, is_gone, refused_as
from sandbox.providers.properties import Property
from sandbox.providers.resource import ProviderError, Resource
from sandbox.providers.values import Values

NAME_CHARACTERS = 128
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html"""


def not_a_role_name(value: str) -> str | None:
    """Why the real provider refuses a role reference at plan time."""
    if rules.ARN.fullmatch(value):
        return "must be the role's name not its ARN"
    return None if aws.ROLE_NAME.fullmatch(value) else f"must be 1-64 characters and match [\\w+=,.@-], got {value!r}"


class RolePolicy(Resource):
    """An inline policy; its id is `role:name`."""

    inputs: Mapping[str, Property] = {
        "name": Property(
            str,
            autoname=NAME_CHARACTERS,
            replaces=True,
            rule=rules.matches(rules.POLICY_NAME, r"must be 1-128 characters and match [\w+=,.@-]"),
        ),
        "policy": Property(str, required=True, rule=not_a_policy, same=equivalent_policies),
        "role": Property(str, required=True, replaces=True, rule=not_a_role_name),
    }
    outputs: frozenset[str] = frozenset()

    def __init__(self, session: AwsSession) -> None:
        self._iam = session.iam

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        return f"{inputs['role']}:{inputs['name']}", self._put(inputs)

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        role, separator, name = resource_id.partition(":")
        if not separator:
            raise ProviderError(f"the id of an inline policy is ROLE:POLICY, got {resource_id!r}")
        with refused_as(f"reading IAM Role Policy ({resource_id})"):
            try:
                live = self._iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            except ClientError as error:
                if is_gone(error):
                    return None
                raise
        return resource_id, {"name": name, "role": role, "policy": kept_if_equivalent(state.get("policy"), live)}

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        return self._put(inputs)

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        with refused_as(f"deleting IAM Role Policy ({resource_id})"):
            try:
                self._iam.delete_role_policy(RoleName=state["role"], PolicyName=state["name"])
            except ClientError as error:
                if not is_gone(error):
                    raise

    def _put(self, inputs: Values) -> Values:
        role, name, policy = inputs["role"], inputs["name"], inputs["policy"]
        with refused_as(f"putting IAM Role ({role}) Policy ({name})"):
            self._iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
        return {"name": name, "role": role, "policy": policy}


class RolePolicyAttachment(Resource):
    """A managed policy on a role; its id is `role/arn`."""

    inputs: Mapping[str, Property] = {
        "policyArn": Property(str, required=True, replaces=True, rule=rules.matches(rules.ARN, "is an invalid ARN")),
        "role": Property(str, required=True, replaces=True),
    }
    outputs: frozenset[str] = frozenset()

    def __init__(self, session: AwsSession) -> None:
        self._iam = session.iam

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        role, arn = inputs["role"], inputs["policyArn"]
        with refused_as(f"attaching IAM Policy ({arn}) to IAM Role ({role})"):
            self._iam.attach_role_policy(RoleName=role, PolicyArn=arn)
        return f"{role}/{arn}", {"role": role, "policyArn": arn}

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        role, separator, arn = resource_id.partition("/")
        if not separator:
            raise ProviderError(f"the id of a policy attachment is ROLE/POLICY_ARN, got {resource_id!r}")
        with refused_as(f"reading IAM Role Policy Attachment ({resource_id})"):
            try:
                pages = list(self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role))
            except ClientError as error:
                if is_gone(error):
                    return None
                raise
        attached = {policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]}
        return (resource_id, {"role": role, "policyArn": arn}) if arn in attached else None

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        return state

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        with refused_as(f"detaching IAM Policy ({resource_id})"):
            try:
                self._iam.detach_role_policy(RoleName=state["role"], PolicyArn=state["policyArn"])
            except ClientError as error:
                if not is_gone(error):
                    raise
