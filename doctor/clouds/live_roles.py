"""Roles and IAM OIDC providers of a live account. It reads, and changes nothing."""

import os
from collections.abc import Iterator
from typing import Any

from doctor.clouds import aws_api
from doctor.clouds.aws_api import aws_errors
from doctor.clouds.cloud import CloudError
from doctor.oidc_providers import OidcProvider, provider_from_api
from doctor.roles import Role, role_from_api, role_name_and_account

IAM_REGION = "us-east-1"
"""IAM has no regions; a client needs one all the same. https://docs.aws.amazon.com/general/latest/gr/iam-service.html"""


def iam_client() -> Any:
    """A client of IAM with the environment's credentials. Raises CloudError."""
    return aws_api.client("iam", os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or IAM_REGION)


def role_of_arn(iam: Any, arn: str) -> Role | None:
    """The role of an ARN; None when its account has no such role.

    Raises CloudError, also when the credentials are of another account, and UsageError for what is no role's ARN.
    """
    name, account_id = role_name_and_account(arn)
    found = aws_api.find(iam.get_role, RoleName=name)
    if found is None:
        return None
    role = role_from_api(found["Role"], name)
    if role.account_id != account_id:
        raise CloudError(
            f"the AWS credentials are of account {role.account_id}, and the role is of {account_id}: set AWS_PROFILE"
            " to one of that account"
        )
    return role


def all_roles(iam: Any) -> Iterator[Role]:
    """Every role of the account. Raises CloudError."""
    with aws_errors():
        for page in iam.get_paginator("list_roles").paginate():
            for each in page["Roles"]:
                yield role_from_api(each, each["RoleName"])


def all_providers(iam: Any) -> list[OidcProvider]:
    """Every IAM OIDC provider of the account. Raises CloudError."""
    with aws_errors():
        arns = [each["Arn"] for each in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
        answers = [{"Arn": arn, **iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)} for arn in arns]
    return [provider_from_api(answer, "IAM") for answer in answers]
