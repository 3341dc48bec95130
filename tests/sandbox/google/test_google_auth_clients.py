"""Google's own client library, unmodified, against the emulated cloud."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jwt
import pytest
from google.auth import aws as aws_credentials
from google.auth import identity_pool, impersonated_credentials
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2 import credentials as oauth2_credentials
from google.oauth2 import id_token

from federation.google import OPEN_ID_TOKEN_CREATOR, WORKLOAD_IDENTITY_USER, kubernetes_member, principal_member
from federation.workload_identity import (
    aws_attribute_condition,
    aws_attribute_mapping,
    oidc_attribute_condition,
    oidc_attribute_mapping,
)
from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.google import GoogleCloud, create_metadata_app
from sandbox.google.principals import Principal
from sandbox.http_server import HttpServer
from tests.sandbox.aws_support import ClientFactory
from tests.sandbox.google.conftest import WORKLOAD_POOL, Api

EMAIL = f"poc-gcp-to-aws-sa@{seed.PROJECT_ID}.iam.gserviceaccount.com"
SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
ROLE = "GCPWorkloadIAMRole"
ROLE_ARN = f"arn:aws:iam::{seed.ACCOUNT_ID}:role/{ROLE}"
POOL_NAME = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/poc-aws-pool"
OUTBOUND_ISSUER = "https://11111111-2222-3333-4444-555555555555.tokens.sts.global.api.aws"


@pytest.fixture
def account(api: Api) -> Any:
    return api.create_account()


@pytest.fixture
def impersonated_id_tokens(
    google: GoogleCloud, monkeypatch: pytest.MonkeyPatch
) -> impersonated_credentials.IDTokenCredentials:
    """The operator's ID tokens of the account. Of all its endpoints the library lets nobody set this one."""
    endpoint = f"{google.base_url}/v1/projects/-/serviceAccounts/{{}}:generateIdToken"
    monkeypatch.setattr("google.auth.iam._IAM_IDTOKEN_ENDPOINT", endpoint)
    target = impersonated_credentials.Credentials(  # type: ignore[no-untyped-call]
        source_credentials=oauth2_credentials.Credentials(google.operator_token),  # type: ignore[no-untyped-call]
        target_principal=EMAIL,
        target_scopes=SCOPES,
    )
    return impersonated_credentials.IDTokenCredentials(target, target_audience="sts.amazonaws.com", include_email=True)  # type: ignore[no-untyped-call]


def test_impersonation_gives_an_id_token_that_google_verifies(
    api: Api,
    account: Any,
    impersonated_id_tokens: impersonated_credentials.IDTokenCredentials,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("google.oauth2.id_token._GOOGLE_OAUTH2_CERTS_URL", f"{api.url}/oauth2/v1/certs")
    api.grant(EMAIL, OPEN_ID_TOKEN_CREATOR, seed.OPERATOR)
    impersonated_id_tokens.refresh(Request())
    claims = id_token.verify_oauth2_token(impersonated_id_tokens.token, Request(), audience="sts.amazonaws.com")  # type: ignore[no-untyped-call]
    assert (claims["sub"], claims["email"]) == (account["uniqueId"], EMAIL)


@pytest.mark.usefixtures("account")
def test_impersonation_without_a_grant_fails_with_googles_text(
    impersonated_id_tokens: impersonated_credentials.IDTokenCredentials,
) -> None:
    with pytest.raises(RefreshError, match=r"iam\.serviceAccounts\.getOpenIdToken.* denied on resource"):
        impersonated_id_tokens.refresh(Request())


def fetch_id_token(metadata: HttpServer) -> subprocess.CompletedProcess[str]:
    """Prints the ID token that google-auth fetches in a pod with this metadata server."""
    program = (
        "from google.auth.transport.requests import Request\n"
        "from google.oauth2.id_token import fetch_id_token\n"
        "print(fetch_id_token(Request(), 'sts.amazonaws.com'))"
    )
    host = metadata.url.removeprefix("http://")
    environment = {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "NO_PROXY": "127.0.0.1"}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_a_bound_pod_fetches_an_id_token_from_its_metadata_server(api: Api, google: GoogleCloud, account: Any) -> None:
    api.enable_workload_pool()
    api.grant(EMAIL, WORKLOAD_IDENTITY_USER, kubernetes_member(WORKLOAD_POOL, "default", "s3-reader"))
    server = HttpServer()
    server.start(create_metadata_app(google, "default", "s3-reader", lambda: EMAIL))
    fetched = fetch_id_token(server)
    server.stop()
    claims = jwt.decode(fetched.stdout.strip(), options={"verify_signature": False})
    assert claims["sub"] == claims["azp"] == account["uniqueId"]
    assert (claims["aud"], claims["email"]) == ("sts.amazonaws.com", EMAIL)


@pytest.mark.usefixtures("account")
def test_a_pod_of_another_service_account_fetches_nothing(api: Api, google: GoogleCloud) -> None:
    api.enable_workload_pool()
    api.grant(EMAIL, WORKLOAD_IDENTITY_USER, kubernetes_member(WORKLOAD_POOL, "default", "s3-reader"))
    server = HttpServer()
    server.start(create_metadata_app(google, "default", "neighbour", lambda: EMAIL))
    fetched = fetch_id_token(server)
    server.stop()
    assert fetched.stdout == ""
    assert "Unable to generate ID token; IAM returned 403 Forbidden" in fetched.stderr


def external_account(google: GoogleCloud, kind: str, source: dict[str, Any]) -> dict[str, Any]:
    """An `external_account` file, as `gcloud iam workload-identity-pools create-cred-config` writes it."""
    return {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{POOL_NAME}/providers/aws-provider",
        "subject_token_type": kind,
        "token_url": f"{google.base_url}/v1/token",
        "service_account_impersonation_url": (
            f"{google.base_url}/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"
        ),
        "credential_source": source,
    }


@pytest.fixture
def bound_role(api: Api, account: Any) -> str:
    """The guide's role, allowed to act as the account; returns the account's e-mail. Needs the pool to exist."""
    api.grant(account["email"], WORKLOAD_IDENTITY_USER, principal_member(POOL_NAME, ROLE_ARN))
    return EMAIL


@pytest.fixture
def aws_provider(api: Api, google: GoogleCloud, aws: AwsServer) -> str:
    google.aws_base_url = aws.url
    return api.create_provider(
        {
            "aws": {"accountId": seed.ACCOUNT_ID},
            "attributeMapping": aws_attribute_mapping("aws", seed.ACCOUNT_ID),
            "attributeCondition": aws_attribute_condition("aws", seed.ACCOUNT_ID, [ROLE]),
        }
    )


@pytest.fixture
def aws_role_environment(aws_client: ClientFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a process that runs with the guide's role."""
    operator = {"Effect": "Allow", "Principal": {"AWS": seed.ACCOUNT_ID}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [operator]})
    aws_client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust)
    session = aws_client("sts").assume_role(RoleArn=ROLE_ARN, RoleSessionName="pod-1")["Credentials"]
    monkeypatch.setenv("AWS_REGION", seed.REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", session["SessionToken"])


AWS_SOURCE = {
    "environment_id": "aws1",
    "regional_cred_verification_url": (
        "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    ),
}


@pytest.mark.usefixtures("aws_provider", "bound_role", "aws_role_environment")
def test_an_aws_roles_credentials_become_the_accounts_access_token(google: GoogleCloud) -> None:
    file = external_account(google, "urn:ietf:params:aws:token-type:aws4_request", AWS_SOURCE)
    credentials = aws_credentials.Credentials.from_info(file, scopes=SCOPES)  # type: ignore[no-untyped-call]
    credentials.refresh(Request())
    assert google.access_tokens.principal(credentials.token) == Principal(f"serviceAccount:{EMAIL}")


@pytest.mark.usefixtures("aws_provider", "account", "aws_role_environment")
def test_an_aws_role_without_a_binding_is_refused_by_the_account(google: GoogleCloud) -> None:
    file = external_account(google, "urn:ietf:params:aws:token-type:aws4_request", AWS_SOURCE)
    credentials = aws_credentials.Credentials.from_info(file, scopes=SCOPES)  # type: ignore[no-untyped-call]
    with pytest.raises(RefreshError, match=r"iam\.serviceAccounts\.getAccessToken.* denied on resource"):
        credentials.refresh(Request())


@pytest.fixture
def oidc_provider(api: Api) -> str:
    return api.create_provider(
        {
            "oidc": {"issuerUri": OUTBOUND_ISSUER, "allowedAudiences": ["sts.amazonaws.com"]},
            "attributeMapping": oidc_attribute_mapping(),
            "attributeCondition": oidc_attribute_condition("aws", seed.ACCOUNT_ID, [ROLE]),
        }
    )


@pytest.mark.usefixtures("oidc_provider", "bound_role")
def test_an_outbound_aws_token_in_a_file_becomes_the_accounts_access_token(google: GoogleCloud, tmp_path: Path) -> None:
    now = int(google.clock())
    claims = {"sub": ROLE_ARN, "aud": "sts.amazonaws.com", "iat": now, "exp": now + 300}
    token_file = tmp_path / "token"
    token_file.write_text(google.issuers.create(OUTBOUND_ISSUER).sign(claims))
    file = external_account(google, "urn:ietf:params:oauth:token-type:jwt", {"file": str(token_file)})
    credentials = identity_pool.Credentials.from_info(file, scopes=SCOPES)  # type: ignore[no-untyped-call]
    credentials.refresh(Request())
    assert google.access_tokens.principal(credentials.token) == Principal(f"serviceAccount:{EMAIL}")
