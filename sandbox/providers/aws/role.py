"""aws.iam.Role. https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from typing_extensions import override

from federation import aws
from sandbox.providers import rules
from sandbox.providers.aws.policies import equivalent_policies, kept_if_equivalent, not_a_policy
from sandbox.providers.aws.session import TAGS, AwsSession, is_gone, refused_as, tag_list, tag_map
from sandbox.providers.properties import Property
from sandbox.providers.resource import Resource
from sandbox.providers.values import Values

NAME_CHARACTERS = 64
DESCRIPTION_CHARACTERS = 1000
PATH_CHARACTERS = 512
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""


class Role(Resource):
    """An IAM role; its id is its name."""

    inputs: Mapping[str, Property] = {
        "assumeRolePolicy": Property(str, required=True, rule=not_a_policy, same=equivalent_policies),
        "description": Property(str, rule=rules.length(0, DESCRIPTION_CHARACTERS)),
        "forceDetachPolicies": Property(bool, default=False, local=True),
        "maxSessionDuration": Property(
            int, default=aws.SESSION_SECONDS_MIN, rule=rules.between(aws.SESSION_SECONDS_MIN, aws.SESSION_SECONDS_MAX)
        ),
        "name": Property(
            str,
            autoname=NAME_CHARACTERS,
            replaces=True,
            rule=rules.matches(aws.ROLE_NAME, r"must be 1-64 characters and match [\w+=,.@-]"),
        ),
        "path": Property(str, default="/", replaces=True, rule=rules.length(0, PATH_CHARACTERS)),
        "permissionsBoundary": Property(str, rule=rules.matches(rules.ARN, "is an invalid ARN")),
        "tags": TAGS,
    }
    outputs = frozenset({"arn", "createDate", "uniqueId", "tagsAll", "managedPolicyArns", "inlinePolicies"})

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._iam = session.iam

    @override
    def fill(self, inputs: Values, old_inputs: Values, generated_name: str) -> Values:
        return self._session.with_default_tags(inputs)

    @override
    def planned(self, inputs: Values, state: Values) -> Values:
        return {"tagsAll": inputs.get("tags", {})}

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        name = inputs["name"]
        request: dict[str, Any] = {
            "RoleName": name,
            "AssumeRolePolicyDocument": inputs["assumeRolePolicy"],
            "Path": inputs["path"],
            "MaxSessionDuration": inputs["maxSessionDuration"],
            "Tags": tag_list(inputs.get("tags", {})),
        }
        if "description" in inputs:
            request["Description"] = inputs["description"]
        if "permissionsBoundary" in inputs:
            request["PermissionsBoundary"] = inputs["permissionsBoundary"]
        with refused_as(f"creating IAM Role ({name})"):
            self._iam.create_role(**request)
        return name, self._state(name, inputs)

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        with refused_as(f"reading IAM Role ({resource_id})"):
            try:
                return resource_id, self._state(resource_id, state)
            except ClientError as error:
                if is_gone(error):
                    return None
                raise

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        with refused_as(f"updating IAM Role ({resource_id})"):
            if not equivalent_policies(state["assumeRolePolicy"], inputs["assumeRolePolicy"]):
                self._iam.update_assume_role_policy(RoleName=resource_id, PolicyDocument=inputs["assumeRolePolicy"])
            if _changed(state, inputs, "description"):
                self._iam.update_role_description(RoleName=resource_id, Description=inputs.get("description", ""))
            if _changed(state, inputs, "maxSessionDuration"):
                self._iam.update_role(RoleName=resource_id, MaxSessionDuration=inputs["maxSessionDuration"])
            if _changed(state, inputs, "permissionsBoundary"):
                self._set_boundary(resource_id, inputs.get("permissionsBoundary"))
            if _changed(state, inputs, "tags"):
                self._set_tags(resource_id, state.get("tags", {}), inputs.get("tags", {}))
            return self._state(resource_id, inputs)

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        with refused_as(f"deleting IAM Role ({resource_id})"):
            try:
                if state.get("forceDetachPolicies"):
                    self._detach_policies(resource_id)
                self._iam.delete_role(RoleName=resource_id)
            except ClientError as error:
                if not is_gone(error):
                    raise

    def _state(self, name: str, known: Values) -> Values:
        role = self._iam.get_role(RoleName=name)["Role"]
        tags = tag_map(role.get("Tags", []))
        state = {
            "arn": role["Arn"],
            "assumeRolePolicy": kept_if_equivalent(known.get("assumeRolePolicy"), role["AssumeRolePolicyDocument"]),
            "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "description": role.get("Description", ""),
            "inlinePolicies": self._inline_policies(name),
            "managedPolicyArns": self._attached_policies(name),
            "maxSessionDuration": role["MaxSessionDuration"],
            "name": role["RoleName"],
            "path": role["Path"],
            "tags": tags,
            "tagsAll": tags,
            "uniqueId": role["RoleId"],
        }
        if "PermissionsBoundary" in role:
            state["permissionsBoundary"] = role["PermissionsBoundary"]["PermissionsBoundaryArn"]
        return state

    def _attached_policies(self, name: str) -> list[str]:
        pages = self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
        return sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])

    def _inline_policy_names(self, name: str) -> list[str]:
        pages = self._iam.get_paginator("list_role_policies").paginate(RoleName=name)
        return sorted(policy for page in pages for policy in page["PolicyNames"])

    def _inline_policies(self, name: str) -> list[Values]:
        documents = {
            policy: self._iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
            for policy in self._inline_policy_names(name)
        }
        return [
            {"name": policy, "policy": kept_if_equivalent(None, document)} for policy, document in documents.items()
        ]

    def _detach_policies(self, name: str) -> None:
        for arn in self._attached_policies(name):
            self._iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for policy in self._inline_policy_names(name):
            self._iam.delete_role_policy(RoleName=name, PolicyName=policy)

    def _set_boundary(self, name: str, boundary: str | None) -> None:
        if boundary:
            self._iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        else:
            self._iam.delete_role_permissions_boundary(RoleName=name)

    def _set_tags(self, name: str, old: dict[str, str], new: dict[str, str]) -> None:
        if removed := sorted(old.keys() - new.keys()):
            self._iam.untag_role(RoleName=name, TagKeys=removed)
        if new:
            self._iam.tag_role(RoleName=name, Tags=tag_list(new))


def _changed(state: Values, inputs: Values, name: str) -> bool:
    return (state.get(name) or None) != (inputs.get(name) or None)
