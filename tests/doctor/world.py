"""A healthy world for the doctor, as files have it: each test breaks one thing in it."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from federation.google import gke_issuer
from federation.kubernetes import service_account_subject
from federation.trust import cluster_statement, google_statement, trust_policy

Json = dict[str, Any]

ACCOUNT_ID = "211125558983"
UNIQUE_ID = "104300000000000000001"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"
AUDIENCE = "sts.amazonaws.com"
ISSUER = gke_issuer("mgr-product-sbx", "europe-west1", "mgr-main-sbx")
PROVIDER = ISSUER.removeprefix("https://")
PROVIDER_ARN = f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/{PROVIDER}"
SUBJECT = service_account_subject("default", "s3-reader")
ROLE_ARN = f"arn:aws:iam::{ACCOUNT_ID}:role/GCPWorkloadIAMRole"
POOL_NAME = "projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool"
MEMBER = f"principal://iam.googleapis.com/{POOL_NAME}/subject/{ROLE_ARN}"
SESSION_ARN = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/GCPWorkloadIAMRole/pod-1"

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY_ID = "key-of-the-test"


def google_claims(**changes: Any) -> Json:
    """Of a Google ID token, as the metadata server gives it; a claim that is None is left out."""
    claims = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "azp": UNIQUE_ID,
        "sub": UNIQUE_ID,
        "email": EMAIL,
        "email_verified": True,
        **_times(),
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def cluster_claims(**changes: Any) -> Json:
    """Of a projected token of the cluster."""
    claims = {"iss": ISSUER, "aud": [AUDIENCE], "sub": SUBJECT, **_times()}
    return {name: value for name, value in (claims | changes).items() if value is not None}


def _times() -> Json:
    now = int(time.time())
    return {"iat": now, "exp": now + 3600}


def signed(claims: Mapping[str, Any], key_id: str = KEY_ID) -> str:
    """A token of these claims."""
    return jwt.encode(dict(claims), KEY, algorithm="RS256", headers={"kid": key_id})


def key_set() -> Json:
    """The public key of the tokens of this world."""
    return {"keys": [{**json.loads(RSAAlgorithm.to_jwk(KEY.public_key())), "kid": KEY_ID, "alg": "RS256"}]}


def built_policy() -> Json:
    """The trust policy that the program builds for both routes."""
    policy: Json = json.loads(
        trust_policy(
            google_statement(UNIQUE_ID, EMAIL, AUDIENCE), cluster_statement(PROVIDER_ARN, ISSUER, AUDIENCE, SUBJECT)
        )
    )
    return policy


def google_policy(conditions: Json, **changes: Any) -> Json:
    """A hand-written policy for Google's tokens."""
    return policy_of({"Federated": "accounts.google.com"}, conditions, **changes)


def cluster_policy(conditions: Json, **changes: Any) -> Json:
    """A hand-written policy for the cluster's tokens."""
    return policy_of({"Federated": PROVIDER_ARN}, conditions, **changes)


def policy_of(principal: Any, conditions: Json, **changes: Any) -> Json:
    """A policy of one statement."""
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": conditions,
        **changes,
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def get_role(policy: Json, **changes: Any) -> Json:
    """What `aws iam get-role` prints."""
    role = {
        "RoleName": "GCPWorkloadIAMRole",
        "Arn": ROLE_ARN,
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "MaxSessionDuration": 3600,
        "AssumeRolePolicyDocument": policy,
    }
    return {"Role": role | changes}


def oidc_provider(url: str = PROVIDER, client_ids: Sequence[str] = (AUDIENCE,), account_id: str = ACCOUNT_ID) -> Json:
    """What `aws iam get-open-id-connect-provider` prints, with the ARN."""
    return {
        "Arn": f"arn:aws:iam::{account_id}:oidc-provider/{url}",
        "Url": url,
        "ClientIDList": list(client_ids),
        "ThumbprintList": [],
    }
