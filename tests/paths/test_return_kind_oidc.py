"""From the role back to Google Cloud with tokens of the AWS account's own issuer, by google-auth."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from google.auth import identity_pool
from google.auth.exceptions import OAuthError, RefreshError
from google.auth.transport.requests import Request

from federation.google import principal_member, service_account_email
from sandbox import seed
from sandbox.engine import Engine
from sandbox.server import Sandbox
from tests.engine.conftest import MakeEngine, stack_config
from tests.paths.support import (
    PROJECT,
    Outputs,
    assume_role,
    aws_client,
    documented_program,
    google,
    in_the_sandbox,
    let_browse,
    make_pod,
    refusal,
    service_account_token,
)

AUDIENCE = "sts.amazonaws.com"
EMAIL = service_account_email("image-exporter", seed.PROJECT_ID)
ACCOUNT = f"{PROJECT}/serviceAccounts/{EMAIL}"
ROLE_ARN = f"arn:aws:iam::{seed.ACCOUNT_ID}:role/ImageExporter"
REJECTED_BY_CONDITION = "The given credential is rejected by the attribute condition."
NUMBER_OF_THE_PROJECT = f"""
from google.auth.transport.requests import AuthorizedSession
answer = AuthorizedSession(credentials).get(os.environ["GOOGLE_APIS"] + "{PROJECT}")
print(answer.status_code, answer.json()["projectNumber"])
"""


@pytest.fixture(scope="module")
def engine(make_engine: MakeEngine) -> Engine:
    """The example, with its provider of the other kind."""
    config = stack_config("example")
    config["gcp-aws-wif:workloadIdentityPool"]["provider"] = {
        "id": "aws-tokens",
        "kind": "oidc",
        "issuer": "outbound",
        "outboundFederation": "create",
    }
    return make_engine("oidc", config)


@pytest.fixture(scope="module")
def outputs(engine: Engine, sandbox: Sandbox) -> Outputs:
    engine.update("up")
    let_browse(sandbox, EMAIL)
    return engine.outputs()


@pytest.fixture(scope="module")
def external_account(sandbox: Sandbox, outputs: Outputs) -> dict[str, Any]:
    return in_the_sandbox(sandbox, outputs["workloads"]["image-exporter"]["external_account"])


@pytest.fixture(scope="module")
def issuer_url(sandbox: Sandbox, outputs: Outputs) -> str:
    assert outputs
    url: str = aws_client(sandbox, "iam").get_outbound_web_identity_federation_info()["IssuerIdentifier"]
    return url


@pytest.fixture
def sts(sandbox: Sandbox, outputs: Outputs) -> Any:
    """STS with the role's credentials."""
    assert outputs
    token = service_account_token(sandbox, "default", "image-exporter")
    return aws_client(sandbox, "sts", assume_role(sandbox, ROLE_ARN, token))


def outbound_token(sts: Any, audience: str = AUDIENCE, algorithm: str = "RS256") -> str:
    token: str = sts.get_web_identity_token(Audience=[audience], SigningAlgorithm=algorithm)["WebIdentityToken"]
    return token


class Known(identity_pool.SubjectTokenSupplier):
    """A token that is there already."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_subject_token(self, _context: object, _request: object) -> str:
        return self._token


def exchange(external_account: Mapping[str, Any], token: str) -> str:
    """A Google access token of the service account for an AWS token. Raises google-auth's errors."""
    credentials = identity_pool.Credentials.from_info(  # type: ignore[no-untyped-call]
        external_account,
        subject_token_supplier=Known(token),
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )
    credentials.refresh(Request())
    access_token: str = credentials.token
    return access_token


def test_the_documented_program_calls_an_api_as_the_service_account(
    sandbox: Sandbox, outputs: Outputs, external_account: Mapping[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "external-account.json"
    file.write_text(json.dumps(external_account))
    pod = make_pod(sandbox, outputs["workloads"]["image-exporter"], "cluster", tmp_path)
    pod.project_token()
    pod.variables = {"EXTERNAL_ACCOUNT": str(file), "GOOGLE_APIS": sandbox.endpoints.google}
    program = documented_program("from google.auth import identity_pool") + NUMBER_OF_THE_PROJECT
    assert pod.run(program).split() == ["200", seed.PROJECT_NUMBER]


def test_the_provider_takes_the_accounts_own_issuer(sandbox: Sandbox, outputs: Outputs, issuer_url: str) -> None:
    provider = google(sandbox, "GET", f"/v1/{outputs['workload_identity_provider']}")
    assert provider["oidc"] == {"issuerUri": issuer_url, "allowedAudiences": [AUDIENCE]}


def test_the_guides_member_is_that_of_the_other_kind_to_the_letter(sandbox: Sandbox, outputs: Outputs) -> None:
    (binding,) = google(sandbox, "POST", f"{ACCOUNT}:getIamPolicy")["bindings"]
    assert binding["members"] == [principal_member(outputs["workload_identity_pool"], ROLE_ARN)]


def test_a_second_up_changes_nothing(engine: Engine, outputs: Outputs) -> None:
    assert outputs
    assert engine.update("up").changed() == {}


def test_the_role_gets_no_token_for_another_audience(sts: Any) -> None:
    code, message = refusal(lambda: outbound_token(sts, audience="vault.example.com"))
    assert code == "AccessDenied"
    assert "is not authorized to perform: sts:GetWebIdentityToken" in message


def test_the_role_gets_no_token_for_another_audience_besides(sts: Any) -> None:
    audiences = [AUDIENCE, "vault.example.com"]
    code, _ = refusal(lambda: sts.get_web_identity_token(Audience=audiences, SigningAlgorithm="RS256"))
    assert code == "AccessDenied"


def test_the_role_gets_no_token_of_an_algorithm_that_google_does_not_take(sts: Any) -> None:
    code, message = refusal(lambda: outbound_token(sts, algorithm="ES384"))
    assert code == "AccessDenied"
    assert "is not authorized to perform: sts:GetWebIdentityToken" in message


def test_a_workload_that_does_not_return_gets_no_token(sandbox: Sandbox, outputs: Outputs) -> None:
    token = service_account_token(sandbox, "default", "report-reader")
    neighbour = assume_role(sandbox, outputs["workloads"]["report-reader"]["aws_role_arn"], token)
    code, _ = refusal(lambda: outbound_token(aws_client(sandbox, "sts", neighbour)))
    assert code == "AccessDenied"


def test_another_roles_token_is_refused(sandbox: Sandbox, external_account: Mapping[str, Any]) -> None:
    account = {"Effect": "Allow", "Principal": {"AWS": seed.ACCOUNT_ID}, "Action": "sts:AssumeRole"}
    may_ask = {"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*"}
    iam = aws_client(sandbox, "iam")
    role = iam.create_role(RoleName="ImageExporter2", AssumeRolePolicyDocument=policy(account))["Role"]
    iam.put_role_policy(RoleName="ImageExporter2", PolicyName="tokens", PolicyDocument=policy(may_ask))
    answer = aws_client(sandbox, "sts").assume_role(RoleArn=role["Arn"], RoleSessionName="attacker")
    token = outbound_token(aws_client(sandbox, "sts", answer["Credentials"]))
    with pytest.raises(OAuthError, match=REJECTED_BY_CONDITION):
        exchange(external_account, token)


def policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def claims(issuer_url: str, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": issuer_url, "sub": ROLE_ARN, "aud": AUDIENCE, "iat": now, "exp": now + 300, **changes}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "vault.example.com"}, r"invalid_grant.*does not match the expected audience"),
        ({"exp": int(time.time()) - 120}, r"invalid_grant.*stale to sign-in"),
        ({"sub": "arn:aws:iam::999999999999:role/ImageExporter"}, f"unauthorized_client.*{REJECTED_BY_CONDITION}"),
        ({"sub": f"{ROLE_ARN}2"}, f"unauthorized_client.*{REJECTED_BY_CONDITION}"),
    ],
    ids=["another audience", "expired", "another account's role of that name", "a longer role name"],
)
def test_a_genuine_token_that_claims_something_else_is_refused(
    sandbox: Sandbox, external_account: Mapping[str, Any], issuer_url: str, changes: dict[str, Any], error: str
) -> None:
    token = sandbox.issuers.create(issuer_url).sign(claims(issuer_url, **changes))
    with pytest.raises(OAuthError, match=error):
        exchange(external_account, token)


def test_an_es384_token_is_refused(external_account: Mapping[str, Any], issuer_url: str) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    token = jwt.encode(claims(issuer_url), key, algorithm="ES384", headers={"kid": "one"})
    with pytest.raises(OAuthError, match=r"invalid_grant.*RS256 or ES256"):
        exchange(external_account, token)


def test_another_accounts_issuer_is_refused(
    sandbox: Sandbox, external_account: Mapping[str, Any], issuer_url: str
) -> None:
    theirs = "https://00000000-0000-4000-8000-000000000000.tokens.sts.global.api.aws"
    token = sandbox.issuers.create(theirs).sign(claims(theirs))
    with pytest.raises(OAuthError, match=f"invalid_grant.*does not match the expected one in config: {issuer_url}"):
        exchange(external_account, token)


def test_a_stolen_token_is_worth_nothing_once_the_binding_is_gone(
    sandbox: Sandbox, external_account: Mapping[str, Any], sts: Any
) -> None:
    stolen = outbound_token(sts)
    assert exchange(external_account, stolen)
    google(sandbox, "POST", f"{ACCOUNT}:setIamPolicy", {"policy": {"bindings": []}})
    with pytest.raises(RefreshError, match=r"iam\.serviceAccounts\.getAccessToken.* denied on resource"):
        exchange(external_account, stolen)


def test_no_token_is_given_once_the_federation_is_off(sandbox: Sandbox, sts: Any) -> None:
    aws_client(sandbox, "iam").disable_outbound_web_identity_federation()
    code, message = refusal(lambda: outbound_token(sts))
    assert code == "OutboundWebIdentityFederationDisabledException"
    assert "disabled for your account" in message
