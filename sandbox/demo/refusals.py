"""What must not work: each attempt presents a token that is almost right, and returns the error it met."""

import jwt
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

from federation.google import OPEN_ID_TOKEN_CREATOR, service_account_email
from sandbox import seed
from sandbox.demo.tour import NotAsExpected, Tour, expect

NEIGHBOUR = "neighbour-of-the-poc"
OTHER_AUDIENCE = "another.example.com"


def another_service_account(tour: Tour) -> str:
    """A genuine Google token, for the right audience, of another service account of the same project."""
    accounts = f"/v1/projects/{seed.PROJECT_ID}/serviceAccounts"
    email = service_account_email(NEIGHBOUR, seed.PROJECT_ID)
    expect(200, tour.google("POST", accounts, {"accountId": NEIGHBOUR}).status_code)
    try:
        binding = {"role": OPEN_ID_TOKEN_CREATOR, "members": [seed.OPERATOR]}
        policy = {"policy": {"bindings": [binding]}}
        expect(200, tour.google("POST", f"{accounts}/{email}:setIamPolicy", policy).status_code)
        path = f"/v1/projects/-/serviceAccounts/{email}:generateIdToken"
        made = tour.google("POST", path, {"audience": tour.workload["audience"], "includeEmail": True})
        expect(200, made.status_code)
        return _refused(tour, made.json()["token"], "AccessDenied")
    finally:
        tour.google("DELETE", f"{accounts}/{email}")


def another_kubernetes_service_account(tour: Tour) -> str:
    """A genuine token of the same cluster and namespace, of another service account."""
    namespace, _ = tour.kubernetes_service_account()
    return _refused(tour, tour.cluster_token(namespace, "default"), "AccessDenied")


def google_token_for_another_audience(tour: Tour) -> str:
    """The right service account, a token meant for somebody else."""
    return _refused(tour, tour.google_token(OTHER_AUDIENCE), "AccessDenied")


def cluster_token_for_another_audience(tour: Tour) -> str:
    """The right Kubernetes service account, a token meant for somebody else."""
    token = tour.cluster_token(*tour.kubernetes_service_account(), OTHER_AUDIENCE)
    return _refused(tour, token, "InvalidIdentityToken")


def forged_signature(tour: Tour) -> str:
    """The right claims and the right key id, signed with a key of one's own."""
    genuine = tour.google_token()
    forged = jwt.encode(
        jwt.decode(genuine, options={"verify_signature": False}),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        algorithm="RS256",
        headers={"kid": jwt.get_unverified_header(genuine)["kid"]},
    )
    return _refused(tour, forged, "InvalidIdentityToken")


ATTEMPTS = (
    ("another service account", another_service_account),
    ("another KSA", another_kubernetes_service_account),
    ("another audience, google", google_token_for_another_audience),
    ("another audience, cluster", cluster_token_for_another_audience),
    ("forged signature", forged_signature),
)


def _refused(tour: Tour, token: str, code: str) -> str:
    try:
        response = tour.assume_role(token)
    except ClientError as error:
        expect(code, error.response["Error"]["Code"])
        return f"{code}: {error.response['Error']['Message']}"
    raise NotAsExpected(code, f"credentials of {response['AssumedRoleUser']['Arn']}")
