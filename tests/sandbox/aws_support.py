"""The guide's identities and role in the emulated AWS, and how its refusals read."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from federation.google import gke_issuer
from federation.trust import cluster_statement, google_statement, trust_policy
from sandbox import seed

OPERATOR = {"AccessKeyId": seed.ACCOUNT_ID, "SecretAccessKey": seed.OPERATOR_SECRET_ACCESS_KEY}

GOOGLE = "https://accounts.google.com"
SERVICE_ACCOUNT = "104851367821912345678"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"

CLUSTER = gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)
KUBERNETES_SERVICE_ACCOUNT = "system:serviceaccount:default:s3-reader"

AUDIENCE = "sts.amazonaws.com"
PROVIDER_ARN = f"arn:aws:iam::{seed.ACCOUNT_ID}:oidc-provider/{CLUSTER.removeprefix('https://')}"
ROLE_NAME = "GCPWorkloadIAMRole"
ROLE_ARN = f"arn:aws:iam::{seed.ACCOUNT_ID}:role/{ROLE_NAME}"
SESSION_NAME = "gcp-session"
SESSION_ARN = f"arn:aws:sts::{seed.ACCOUNT_ID}:assumed-role/{ROLE_NAME}/{SESSION_NAME}"
BOTH_ROUTES = trust_policy(
    google_statement(SERVICE_ACCOUNT, EMAIL, AUDIENCE),
    cluster_statement(PROVIDER_ARN, CLUSTER, AUDIENCE, KUBERNETES_SERVICE_ACCOUNT),
)

ClientFactory = Callable[..., Any]
Refusal = tuple[int, str, str]
"""HTTP status, error code, text."""


class Signer(Protocol):
    """Signs claims into a token that is valid now, unless the claims say otherwise; None takes a claim away."""

    def __call__(self, **claims: Any) -> str: ...


class AssumeRole(Protocol):
    """Asks STS for a session of the guide's role, unless the parameters name another."""

    def __call__(self, token: str, **parameters: Any) -> dict[str, Any]: ...


def trusting(principal: str, condition: Mapping[str, Any], effect: str = "Allow") -> dict[str, Any]:
    """A statement of a trust policy."""
    return {
        "Effect": effect,
        "Principal": {"Federated": principal},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def refusal(operation: Callable[..., Any], *arguments: Any, **parameters: Any) -> Refusal:
    """What AWS says to an operation that it must refuse."""
    with pytest.raises(ClientError) as refused:
        operation(*arguments, **parameters)
    response = refused.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]
