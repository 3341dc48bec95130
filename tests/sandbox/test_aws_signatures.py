"""Who a request comes from: nobody gets in without the right secret, not even as root."""

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import httpx
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from google.auth import aws as google_auth_aws

from sandbox import seed
from sandbox.aws import AwsServer
from tests.sandbox.aws_support import OPERATOR, ROLE_NAME, SESSION_ARN, ClientFactory, refusal

TARGET = (
    "//iam.googleapis.com/projects/960144414359/locations/global/workloadIdentityPools/poc-aws-pool/providers/"
    "aws-provider"
)
STS_HOST = "sts.eu-west-1.amazonaws.com"


def code_and_arn(answer: httpx.Response) -> tuple[int, str | None, str | None]:
    document = ET.fromstring(answer.text)
    return answer.status_code, document.findtext(".//{*}Code"), document.findtext(".//{*}Arn")


def signed_by_google_auth(credentials: Mapping[str, str]) -> dict[str, Any]:
    """A GetCallerIdentity request as google-auth makes it for Google's STS."""
    signer = google_auth_aws.RequestSigner(seed.REGION)  # type: ignore[no-untyped-call]
    security = google_auth_aws.AwsSecurityCredentials(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken")
    )
    url = f"https://{STS_HOST}?Action=GetCallerIdentity&Version=2011-06-15"
    signed: dict[str, Any] = signer.get_request_options(  # type: ignore[no-untyped-call]
        security, url, "POST", "", {"x-goog-cloud-target-resource": TARGET}
    )
    return signed


def deliver(aws: AwsServer, signed: dict[str, Any], **changed_headers: str) -> httpx.Response:
    """Send a request signed for AWS's host to the sandbox's port, as Google's STS does here."""
    headers = {**signed["headers"], "host": STS_HOST, **changed_headers}
    url = f"{aws.url}?Action=GetCallerIdentity&Version=2011-06-15"
    return httpx.post(url, headers=headers, trust_env=False)


def test_a_request_that_google_auth_signed_proves_the_role(aws: AwsServer, session: dict[str, Any]) -> None:
    assert code_and_arn(deliver(aws, signed_by_google_auth(session))) == (200, None, SESSION_ARN)


def test_a_request_signed_with_another_secret_proves_nothing(aws: AwsServer, session: dict[str, Any]) -> None:
    signed = signed_by_google_auth({**session, "SecretAccessKey": "guessed"})
    assert code_and_arn(deliver(aws, signed)) == (403, "SignatureDoesNotMatch", None)


def test_a_request_without_its_session_token_proves_nothing(aws: AwsServer, session: dict[str, Any]) -> None:
    keys_only = {name: session[name] for name in ("AccessKeyId", "SecretAccessKey")}
    assert code_and_arn(deliver(aws, signed_by_google_auth(keys_only)))[:2] == (403, "InvalidClientTokenId")


def test_a_request_with_another_session_token_proves_nothing(aws: AwsServer, session: dict[str, Any]) -> None:
    signed = signed_by_google_auth({**session, "SessionToken": "FwoGZXguessed"})
    assert code_and_arn(deliver(aws, signed))[:2] == (403, "InvalidClientTokenId")


@pytest.mark.parametrize(
    "change", [{"x-goog-cloud-target-resource": TARGET + "2"}, {"host": "sts.us-east-1.amazonaws.com"}]
)
def test_a_request_with_a_signed_header_changed_proves_nothing(
    aws: AwsServer, session: dict[str, Any], change: dict[str, str]
) -> None:
    assert code_and_arn(deliver(aws, signed_by_google_auth(session), **change))[:2] == (403, "SignatureDoesNotMatch")


def test_a_request_signed_too_long_ago_proves_nothing(
    aws: AwsServer, session: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=16)
    monkeypatch.setattr("google.auth._helpers.utcnow", lambda: long_ago)
    status, code, _ = code_and_arn(deliver(aws, signed_by_google_auth(session)))
    assert (status, code) == (403, "SignatureDoesNotMatch")


def test_an_expired_session_proves_nothing(aws: AwsServer, session: dict[str, Any]) -> None:
    aws.expire_sessions()
    status, code, _ = code_and_arn(deliver(aws, signed_by_google_auth(session)))
    assert (status, code) == (403, "ExpiredToken")


def test_a_session_of_a_deleted_role_may_do_nothing(
    iam: Any, session: dict[str, Any], aws_client: ClientFactory
) -> None:
    iam.attach_role_policy(RoleName=ROLE_NAME, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    s3 = aws_client("s3", session)
    assert s3.list_buckets()["Buckets"]
    iam.detach_role_policy(RoleName=ROLE_NAME, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    iam.delete_role(RoleName=ROLE_NAME)
    assert refusal(s3.list_buckets)[:2] == (403, "AccessDenied")


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("secret", ["guessed", "test", ""])
def test_root_is_asked_for_its_secret(aws_client: ClientFactory, secret: str) -> None:
    guessed = {**OPERATOR, "SecretAccessKey": secret or "0"}
    assert refusal(aws_client("sts", guessed).get_caller_identity)[1] == "SignatureDoesNotMatch"
    assert refusal(aws_client("iam", guessed).list_roles)[1] == "SignatureDoesNotMatch"
    assert refusal(aws_client("s3", guessed).list_buckets)[1] == "SignatureDoesNotMatch"


def test_a_workloads_key_in_the_environment_does_not_become_roots(
    session: dict[str, Any], aws_client: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", session["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", session["SecretAccessKey"])
    assert aws_client("sts", session).get_caller_identity()["Arn"] == SESSION_ARN
    assert refusal(aws_client("iam", session).list_users)[1] == "AccessDenied"


@pytest.mark.parametrize("key", ["test", "AKIAIOSFODNN7EXAMPLE"])
def test_a_key_that_nobody_has_is_refused(aws_client: ClientFactory, key: str) -> None:
    unknown = {"AccessKeyId": key, "SecretAccessKey": "test"}
    assert refusal(aws_client("sts", unknown).get_caller_identity)[:2] == (403, "InvalidClientTokenId")


def test_an_unsigned_request_is_refused_by_every_api(aws: AwsServer, aws_client: ClientFactory) -> None:
    assert refusal(aws_client("sts", signature_version=UNSIGNED).get_caller_identity)[0] == 403
    assert refusal(aws_client("iam", signature_version=UNSIGNED).list_roles)[0] == 403
    s3 = aws_client("s3", signature_version=UNSIGNED)
    assert refusal(s3.list_buckets)[0] == 403
    assert refusal(s3.put_object, Bucket=seed.BUCKETS[0], Key="k", Body=b"x")[0] == 403
    assert httpx.get(f"{aws.url}/{seed.BUCKETS[0]}", trust_env=False).status_code == 403


def test_a_presigned_url_works_until_it_is_changed(aws_client: ClientFactory) -> None:
    s3 = aws_client("s3")
    s3.put_object(Bucket=seed.BUCKETS[0], Key="report.csv", Body=io.BytesIO(b"1,2"))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": seed.BUCKETS[0], "Key": "report.csv"})
    assert httpx.get(url, trust_env=False).content == b"1,2"
    assert httpx.get(url.replace("report.csv", "other.csv"), trust_env=False).status_code == 403


# --- one request, two readings --------------------------------------------------------------------------------------


def send(
    aws: AwsServer, credentials: Mapping[str, str], query: str, body: str, **headers: str
) -> tuple[int, str | None]:
    """A correctly signed IAM request with whatever query string, body and headers."""
    request = AWSRequest("POST", f"{aws.url}/?{query}", data=body, headers=headers)
    keys = Credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken"))
    SigV4Auth(keys, "iam", seed.REGION).add_auth(request)
    prepared = request.prepare()
    answer = httpx.post(prepared.url, content=body, headers=dict(prepared.headers), trust_env=False)
    return answer.status_code, ET.fromstring(answer.text).findtext(".//{*}Code")


CREATE_USER = urlencode({"Action": "CreateUser", "UserName": "backdoor", "Version": "2010-05-08"})
FORM = {"content-type": "application/x-www-form-urlencoded"}
JSON = {"content-type": "application/x-amz-json-1.1"}


@pytest.fixture
def may_list_roles(iam: Any, session: dict[str, Any]) -> dict[str, Any]:
    statement = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}}'
    iam.put_role_policy(RoleName=ROLE_NAME, PolicyName="list", PolicyDocument=statement)
    return session


@pytest.mark.parametrize(
    ("query", "body", "headers"),
    [
        ("Action=ListRoles&Version=2010-05-08", CREATE_USER, FORM),
        ("", f"Action=&{CREATE_USER}", FORM),
        ("", f"Action=ListRoles&{CREATE_USER}", FORM),
        ("", CREATE_USER, {"content-type": "text/plain"}),
        ("", CREATE_USER, {"content-type": "text/plain", "x-amz-target": "IAM.ListRoles"}),
        (
            "Action=ListRoles",
            '{"UserName": "backdoor"}',
            {"x-amz-target": "IAM.CreateUser", **JSON},
        ),
        (CREATE_USER.replace("CreateUser", "ListRoles"), "", {"x-amz-target": "IAM.CreateUser", **JSON}),
        ("", CREATE_USER, FORM),
    ],
)
def test_what_one_may_do_does_not_open_what_one_may_not(
    aws: AwsServer, iam: Any, may_list_roles: dict[str, Any], query: str, body: str, headers: dict[str, str]
) -> None:
    assert send(aws, may_list_roles, "Action=ListRoles&Version=2010-05-08", "") == (200, None)
    status, _ = send(aws, may_list_roles, query, body, **headers)
    assert status in (400, 403)
    assert iam.list_users()["Users"] == []


def test_sts_verifies_a_token_whatever_protocol_carries_it(aws: AwsServer, iam: Any) -> None:
    role = iam.list_roles()["Roles"][0]["Arn"]
    answer = httpx.post(
        aws.url,
        json={"RoleArn": role, "RoleSessionName": "ab", "WebIdentityToken": "a.b.c"},
        headers={
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "AWSSecurityTokenServiceV20110615.AssumeRoleWithWebIdentity",
            "host": STS_HOST,
        },
        trust_env=False,
    )
    assert answer.status_code in (400, 403)
    assert "SessionToken" not in answer.text
