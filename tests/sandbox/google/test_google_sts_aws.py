"""The token exchange for AWS providers: signed GetCallerIdentity requests, mostly from the attacker's side."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from federation.google import principal_member
from federation.workload_identity import aws_attribute_condition, aws_attribute_mapping
from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.google import GoogleCloud
from sandbox.http_server import HttpServer
from tests.sandbox.aws_support import ClientFactory
from tests.sandbox.google.conftest import Api, Clock
from tests.sandbox.google.support import exchange_refusal, exchange_request, refusal

ROLE = "GCPWorkloadIAMRole"
ROLE_ARN = f"arn:aws:iam::{seed.ACCOUNT_ID}:role/{ROLE}"
OTHER_ACCOUNT = "999999999999"
POOL_NAME = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/poc-aws-pool"
PROVIDER_NAME = f"{POOL_NAME}/providers/aws-provider"
TARGET = f"//iam.googleapis.com/{PROVIDER_NAME}"
HOST = f"sts.{seed.REGION}.amazonaws.com"
QUERY = "Action=GetCallerIdentity&Version=2011-06-15"
REFUSED_BY_CONDITION = ("unauthorized_client", "The given credential is rejected by the attribute condition.")

Exchange = Callable[..., httpx.Response]
Session = Mapping[str, str]


@pytest.fixture
def provider(api: Api, google: GoogleCloud, aws: AwsServer) -> str:
    google.aws_base_url = aws.url
    return api.create_provider(
        {
            "aws": {"accountId": seed.ACCOUNT_ID},
            "attributeMapping": aws_attribute_mapping("aws", seed.ACCOUNT_ID),
            "attributeCondition": aws_attribute_condition("aws", seed.ACCOUNT_ID, [ROLE]),
        }
    )


@pytest.fixture
def assume(aws_client: ClientFactory) -> Callable[..., Session]:
    """Makes a role of an account, and a session of it."""

    def session(role: str = ROLE, account: str = seed.ACCOUNT_ID, session_name: str = "pod-1") -> Session:
        operator = {"AccessKeyId": account, "SecretAccessKey": seed.OPERATOR_SECRET_ACCESS_KEY}
        anyone = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [anyone]})
        aws_client("iam", operator).create_role(RoleName=role, AssumeRolePolicyDocument=trust)
        arn = f"arn:aws:iam::{account}:role/{role}"
        answer: Session = aws_client("sts", operator).assume_role(RoleArn=arn, RoleSessionName=session_name)[
            "Credentials"
        ]
        return answer

    return session


def signed(session: Session, *, target: str = TARGET, sign_target: bool = True) -> dict[str, Any]:
    """A GetCallerIdentity request as a client library serializes it."""
    request = AWSRequest("POST", f"https://{HOST}/?{QUERY}", headers={"Host": HOST})
    if sign_target:
        request.headers["x-goog-cloud-target-resource"] = target
    credentials = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session.get("SessionToken"))
    SigV4Auth(credentials, "sts", seed.REGION).add_auth(request)
    headers = [{"key": key, "value": value} for key, value in request.headers.items()]
    if not sign_target:
        headers.append({"key": "x-goog-cloud-target-resource", "value": target})
    return {"url": request.url, "method": "POST", "headers": headers}


def with_header(request: dict[str, Any], name: str, value: str | None) -> dict[str, Any]:
    """The request with one header replaced, or taken away with None."""
    headers = [header for header in request["headers"] if header["key"].lower() != name]
    if value is not None:
        headers.append({"key": name, "value": value})
    return request | {"headers": headers}


@pytest.fixture
def exchange(anonymous: httpx.Client) -> Exchange:
    def post(request: Any) -> httpx.Response:
        form = exchange_request(PROVIDER_NAME, quote(json.dumps(request)))
        form["subject_token_type"] = "urn:ietf:params:aws:token-type:aws4_request"
        return anonymous.post("/v1/token", data=form)

    return post


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("sign_target", [True, False])
def test_a_session_of_the_role_becomes_the_principal_of_the_role(
    exchange: Exchange, assume: Callable[..., Session], google: GoogleCloud, sign_target: bool
) -> None:
    answer = exchange(signed(assume(), sign_target=sign_target)).raise_for_status().json()
    principal = google.access_tokens.principal(answer["access_token"])
    assert principal is not None
    assert principal.member == principal_member(POOL_NAME, ROLE_ARN)
    assert answer["expires_in"] == 3600


@pytest.mark.usefixtures("provider")
def test_a_session_of_another_role_is_refused(exchange: Exchange, assume: Callable[..., Session]) -> None:
    assert exchange_refusal(exchange(signed(assume(f"{ROLE}-neighbour")))) == REFUSED_BY_CONDITION


@pytest.mark.usefixtures("provider")
def test_the_same_role_name_in_another_account_is_refused(exchange: Exchange, assume: Callable[..., Session]) -> None:
    error, description = exchange_refusal(exchange(signed(assume(account=OTHER_ACCOUNT))))
    assert error == "invalid_grant"
    assert OTHER_ACCOUNT in description


@pytest.mark.usefixtures("provider")
def test_a_user_whose_path_looks_like_the_role_is_refused(exchange: Exchange, aws_client: ClientFactory) -> None:
    iam = aws_client("iam")
    iam.create_user(UserName="attacker", Path=f"/assumed-role/{ROLE}/")
    key = iam.create_access_key(UserName="attacker")["AccessKey"]
    assert exchange_refusal(exchange(signed(key))) == REFUSED_BY_CONDITION


@pytest.mark.usefixtures("provider")
def test_the_accounts_root_is_refused(exchange: Exchange) -> None:
    root = {"AccessKeyId": seed.ACCOUNT_ID, "SecretAccessKey": seed.OPERATOR_SECRET_ACCESS_KEY}
    assert exchange_refusal(exchange(signed(root))) == REFUSED_BY_CONDITION


@pytest.mark.usefixtures("provider")
def test_a_request_signed_for_another_provider_is_refused(exchange: Exchange, assume: Callable[..., Session]) -> None:
    request = signed(assume(), target=f"{TARGET}-other")
    assert "x-goog-cloud-target-resource" in exchange_refusal(exchange(request))[1]


@pytest.mark.usefixtures("provider")
def test_a_signed_target_can_not_be_exchanged_for_another(exchange: Exchange, assume: Callable[..., Session]) -> None:
    request = with_header(signed(assume(), target=f"{TARGET}-other"), "x-goog-cloud-target-resource", TARGET)
    error, description = exchange_refusal(exchange(request))
    assert error == "invalid_grant"
    assert "SignatureDoesNotMatch" in description


@pytest.mark.usefixtures("provider")
def test_a_request_without_a_target_is_refused(exchange: Exchange, assume: Callable[..., Session]) -> None:
    request = with_header(signed(assume()), "x-goog-cloud-target-resource", None)
    assert "x-goog-cloud-target-resource" in exchange_refusal(exchange(request))[1]


@pytest.mark.usefixtures("provider")
def test_a_forged_signature_is_refused(exchange: Exchange, assume: Callable[..., Session]) -> None:
    session = dict(assume()) | {"SecretAccessKey": "guessed"}
    error, description = exchange_refusal(exchange(signed(session)))
    assert error == "invalid_grant"
    assert "SignatureDoesNotMatch" in description


@pytest.mark.usefixtures("provider")
def test_the_credentials_of_an_expired_session_are_refused(
    exchange: Exchange, assume: Callable[..., Session], aws: AwsServer
) -> None:
    request = signed(assume())
    aws.expire_sessions()
    assert "ExpiredToken" in exchange_refusal(exchange(request))[1]


@pytest.mark.usefixtures("provider")
def test_a_request_is_valid_for_15_minutes(exchange: Exchange, assume: Callable[..., Session], clock: Clock) -> None:
    request = signed(assume())
    clock.advance(16 * 60)
    assert "expired" in exchange_refusal(exchange(request))[1]


@pytest.mark.usefixtures("provider")
def test_a_request_that_was_dated_ahead_is_refused(exchange: Exchange, assume: Callable[..., Session]) -> None:
    request = with_header(signed(assume()), "x-amz-date", datetime(2100, 1, 1, tzinfo=UTC).strftime("%Y%m%dT%H%M%SZ"))
    assert "expired" in exchange_refusal(exchange(request))[1]


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"},
        {"url": f"http://{HOST}/?{QUERY}"},
        {"url": f"https://sts.attacker.example/?{QUERY}"},
        {"url": f"https://{HOST}.attacker.example/?{QUERY}"},
        {"url": f"https://attacker@{HOST}/?{QUERY}"},
        {"url": f"https://{HOST}:8443/?{QUERY}"},
        {"url": f"https://{HOST}/other?{QUERY}"},
        {"url": f"https://{HOST}/?Action=GetSessionToken&Version=2011-06-15"},
        {"url": f"https://{HOST}/?{QUERY}&Action=GetSessionToken"},
        {"url": "caller identity, please"},
    ],
)
def test_only_a_caller_identity_request_to_aws_is_forwarded(
    exchange: Exchange, assume: Callable[..., Session], changes: dict[str, str]
) -> None:
    error, description = exchange_refusal(exchange(signed(assume()) | changes))
    assert error == "invalid_grant"
    assert "POST of GetCallerIdentity" in description


@pytest.mark.usefixtures("provider")
def test_a_malformed_url_is_refused(exchange: Exchange, assume: Callable[..., Session]) -> None:
    assert exchange_refusal(exchange(signed(assume()) | {"url": "https://["}))[0] == "invalid_grant"


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(("name", "value"), [("Transfer-Encoding", "chunked"), ("content-length", "7")])
def test_a_body_can_not_be_smuggled_in_with_a_header(
    exchange: Exchange, assume: Callable[..., Session], name: str, value: str
) -> None:
    request = with_header(signed(assume()), name, value)
    assert name.lower() in exchange_refusal(exchange(request))[1]


@pytest.mark.usefixtures("provider")
def test_google_is_unavailable_while_aws_is(
    google: GoogleCloud, exchange: Exchange, assume: Callable[..., Session]
) -> None:
    request = signed(assume())
    unused = HttpServer()
    unused.stop()
    google.aws_base_url = unused.url
    assert refusal(exchange(request))[:2] == (503, "UNAVAILABLE")


@pytest.mark.usefixtures("provider")
def test_a_sandbox_without_aws_says_so(google: GoogleCloud, exchange: Exchange, assume: Callable[..., Session]) -> None:
    google.aws_base_url = None
    assert exchange_refusal(exchange(signed(assume()))) == ("invalid_grant", "This sandbox runs without AWS.")


@pytest.mark.usefixtures("provider")
def test_the_host_header_can_not_point_elsewhere(exchange: Exchange, assume: Callable[..., Session]) -> None:
    request = with_header(signed(assume()), "host", "attacker.example")
    assert "host header" in exchange_refusal(exchange(request))[1]


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize(
    "request_",
    [
        "no json",
        [],
        {},
        {"url": 7, "method": "POST", "headers": []},
        {"url": "https://x", "method": "POST", "headers": [{"key": "host", "value": 7}]},
        {"url": "https://x", "method": "POST", "headers": [{"key": "host", "value": "x\r\nx-injected: y"}]},
        {"url": "https://x", "method": "POST", "headers": [{"key": "a\nb", "value": "x"}]},
    ],
)
def test_what_is_no_serialized_request_is_refused(exchange: Exchange, request_: Any) -> None:
    assert exchange_refusal(exchange(request_)) == ("invalid_request", "Invalid format of AWS credentials.")


def test_without_a_mapping_the_subject_is_the_session(
    api: Api, google: GoogleCloud, aws: AwsServer, exchange: Exchange, assume: Callable[..., Session]
) -> None:
    google.aws_base_url = aws.url
    api.create_provider({"aws": {"accountId": seed.ACCOUNT_ID}})
    principal = google.access_tokens.principal(exchange(signed(assume())).json()["access_token"])
    assert principal is not None
    session = f"arn:aws:sts::{seed.ACCOUNT_ID}:assumed-role/{ROLE}"
    assert principal.member == principal_member(POOL_NAME, f"{session}/pod-1")
    assert f"principalSet://iam.googleapis.com/{POOL_NAME}/attribute.aws_role/{session}" in principal.included_in


def test_without_a_mapping_a_long_session_name_passes_the_limit(
    api: Api, google: GoogleCloud, aws: AwsServer, exchange: Exchange, assume: Callable[..., Session]
) -> None:
    google.aws_base_url = aws.url
    api.create_provider({"aws": {"accountId": seed.ACCOUNT_ID}})
    answer = exchange(signed(assume("r" * 40, session_name="s" * 60)))
    assert exchange_refusal(answer)[1].startswith("The size of mapped attribute google.subject exceeds the 127 bytes")
