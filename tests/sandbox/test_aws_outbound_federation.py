"""The account's own issuer, and who gets its tokens."""

import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from federation.aws import OUTBOUND_ISSUER
from sandbox import seed
from sandbox.aws.web_identity import GOOGLE as GOOGLE_HOST
from sandbox.issuers import Issuers
from tests.sandbox.aws_support import (
    BOTH_ROUTES,
    ROLE_ARN,
    ROLE_NAME,
    SESSION_ARN,
    SESSION_NAME,
    AssumeRole,
    ClientFactory,
    Signer,
    refusal,
)

POOL_AUDIENCE = "sts.amazonaws.com"


@pytest.fixture
def allow(iam: Any) -> Callable[[dict[str, Any]], None]:
    """Lets the role ask for tokens under a condition."""

    def put(condition: dict[str, Any]) -> None:
        statement = {"Effect": "Allow", "Action": "sts:GetWebIdentityToken", "Resource": "*", "Condition": condition}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=ROLE_NAME, PolicyName="outbound", PolicyDocument=document)

    return put


@pytest.fixture
def ask(session: dict[str, Any], aws_client: ClientFactory) -> Callable[..., Any]:
    """GetWebIdentityToken, as the role."""
    sts = aws_client("sts", session)

    def get(**parameters: Any) -> Any:
        return sts.get_web_identity_token(**{"Audience": [POOL_AUDIENCE], "SigningAlgorithm": "RS256", **parameters})

    return get


@pytest.fixture
def issuer_url(iam: Any) -> str:
    url: str = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    return url


# --- the switch -----------------------------------------------------------------------------------------------------


def test_enabling_gives_the_account_an_issuer(iam: Any) -> None:
    url = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert OUTBOUND_ISSUER.fullmatch(url)
    info = iam.get_outbound_web_identity_federation_info()
    assert (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (url, True)


@pytest.mark.usefixtures("issuer_url")
def test_enabling_twice_is_refused(iam: Any) -> None:
    status, code, text = refusal(iam.enable_outbound_web_identity_federation)
    assert (status, code) == (409, "FeatureEnabled")
    assert "already enabled" in text


@pytest.mark.parametrize(
    "operation", ["get_outbound_web_identity_federation_info", "disable_outbound_web_identity_federation"]
)
def test_an_account_without_the_feature_has_nothing_to_show_or_disable(iam: Any, operation: str) -> None:
    assert refusal(getattr(iam, operation))[:2] == (404, "FeatureDisabled")


def test_an_account_keeps_its_issuer_over_disabling(iam: Any, issuer_url: str) -> None:
    iam.disable_outbound_web_identity_federation()
    assert iam.enable_outbound_web_identity_federation()["IssuerIdentifier"] == issuer_url


def test_accounts_have_issuers_of_their_own(aws_client: ClientFactory, issuer_url: str) -> None:
    other = {"AccessKeyId": "999999999999", "SecretAccessKey": seed.OPERATOR_SECRET_ACCESS_KEY}
    assert aws_client("iam", other).enable_outbound_web_identity_federation()["IssuerIdentifier"] != issuer_url


# --- tokens ---------------------------------------------------------------------------------------------------------


def test_a_token_is_the_issuers_word_for_the_role(
    issuers: Issuers, issuer_url: str, allow: Callable[..., None], ask: Callable[..., Any], session: dict[str, Any]
) -> None:
    allow({})
    answer = ask()
    issuer = issuers.find(issuer_url)
    assert issuer is not None
    key = jwt.PyJWK(issuer.jwks()["keys"][0])
    claims = jwt.decode(answer["WebIdentityToken"], key, ["RS256"], audience=POOL_AUDIENCE, issuer=issuer_url)
    assert claims["sub"] == ROLE_ARN
    assert claims["aud"] == POOL_AUDIENCE
    assert claims["exp"] - claims["iat"] == 300
    assert answer["Expiration"] == datetime.fromtimestamp(claims["exp"], UTC)
    assert re.fullmatch(r"[0-9a-f-]{36}", claims["jti"])
    assert claims["https://sts.amazonaws.com/"] == {
        "aws_account": seed.ACCOUNT_ID,
        "source_region": seed.REGION,
        "principal_id": ROLE_ARN,
        "original_session_exp": session["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "federated_provider": GOOGLE_HOST,
    }


@pytest.mark.usefixtures("issuer_url")
def test_the_subject_of_a_role_with_a_path_has_the_path(
    iam: Any, aws_client: ClientFactory, assume: AssumeRole, google_token: Signer
) -> None:
    iam.create_role(RoleName="deep", Path="/gcp/", AssumeRolePolicyDocument=BOTH_ROUTES)
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}}
    iam.put_role_policy(RoleName="deep", PolicyName="all", PolicyDocument=json.dumps(everything))
    arn = f"arn:aws:iam::{seed.ACCOUNT_ID}:role/gcp/deep"
    sts = aws_client("sts", assume(google_token(), RoleArn=arn)["Credentials"])
    token = sts.get_web_identity_token(Audience=["a"], SigningAlgorithm="RS256")["WebIdentityToken"]
    assert jwt.decode(token, options={"verify_signature": False})["sub"] == arn


@pytest.mark.usefixtures("issuer_url")
def test_several_audiences_and_the_asked_time_are_in_the_token(
    allow: Callable[..., None], ask: Callable[..., Any]
) -> None:
    allow({})
    token = ask(Audience=["a", "b"], DurationSeconds=60)["WebIdentityToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["aud"] == ["a", "b"]
    assert claims["exp"] - claims["iat"] == 60


def test_a_token_stays_good_after_disabling(
    iam: Any, issuers: Issuers, issuer_url: str, allow: Callable[..., None], ask: Callable[..., Any]
) -> None:
    allow({})
    token = ask()["WebIdentityToken"]
    iam.disable_outbound_web_identity_federation()
    issuer = issuers.find(issuer_url)
    assert issuer is not None
    assert jwt.decode(token, jwt.PyJWK(issuer.jwks()["keys"][0]), ["RS256"], audience=POOL_AUDIENCE)


def test_where_the_feature_is_off_there_is_no_token(allow: Callable[..., None], ask: Callable[..., Any]) -> None:
    allow({})
    assert refusal(ask) == (
        403,
        "OutboundWebIdentityFederationDisabledException",
        "Outbound web identity federation is disabled for your account",
    )


# --- permissions ----------------------------------------------------------------------------------------------------

JUST_THIS_TOKEN = {
    "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": [POOL_AUDIENCE]},
    "StringEquals": {"sts:SigningAlgorithm": "RS256"},
    "NumericLessThanEquals": {"sts:DurationSeconds": "600"},
}


@pytest.mark.usefixtures("issuer_url")
def test_a_role_without_the_permission_gets_no_token(ask: Callable[..., Any]) -> None:
    status, code, text = refusal(ask)
    assert (status, code) == (403, "AccessDenied")
    assert text.startswith(f"User: {SESSION_ARN} is not authorized to perform: sts:GetWebIdentityToken")


@pytest.mark.usefixtures("issuer_url")
def test_a_permission_for_just_one_token_admits_it(allow: Callable[..., None], ask: Callable[..., Any]) -> None:
    allow(JUST_THIS_TOKEN)
    assert ask()["WebIdentityToken"]


@pytest.mark.usefixtures("issuer_url")
@pytest.mark.parametrize(
    "parameters",
    [{"Audience": ["another"]}, {"Audience": [POOL_AUDIENCE, "another"]}, {"DurationSeconds": 601}],
)
def test_a_permission_for_just_one_token_admits_no_other(
    allow: Callable[..., None], ask: Callable[..., Any], parameters: dict[str, Any]
) -> None:
    allow(JUST_THIS_TOKEN)
    assert refusal(ask, **parameters)[:2] == (403, "AccessDenied")


@pytest.mark.usefixtures("issuer_url")
def test_a_plain_string_equals_on_the_audience_admits_nothing(
    allow: Callable[..., None], ask: Callable[..., Any]
) -> None:
    allow({"StringEquals": {"sts:IdentityTokenAudience": POOL_AUDIENCE}})
    assert refusal(ask)[1] == "AccessDenied"


@pytest.mark.usefixtures("issuer_url")
def test_a_token_does_not_outlive_its_session(
    allow: Callable[..., None], assume: AssumeRole, google_token: Signer, aws_client: ClientFactory
) -> None:
    allow({})
    short = assume(google_token(), DurationSeconds=900)["Credentials"]
    sts = aws_client("sts", short)
    request = {"Audience": [POOL_AUDIENCE], "SigningAlgorithm": "RS256", "DurationSeconds": 3600}
    assert refusal(sts.get_web_identity_token, **request)[:2] == (403, "SessionDurationEscalationException")


@pytest.mark.usefixtures("issuer_url")
@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"SigningAlgorithm": "ES384"}, "The sandbox signs with RS256 only, not with ES384."),
        ({"DurationSeconds": 59}, "Member must have value greater than or equal to 60"),
        ({"DurationSeconds": 3601}, "Member must have value less than or equal to 3600"),
        ({"Audience": [str(number) for number in range(11)]}, "Member must have length less than or equal to 10"),
        ({"Audience": ["a" * 1001]}, "Member must have length less than or equal to 1000"),
        ({"Tags": [{"Key": "k", "Value": "v"}]}, "The sandbox puts no request tags into tokens."),
    ],
)
def test_a_parameter_out_of_bounds_is_named(
    allow: Callable[..., None], ask: Callable[..., Any], parameters: dict[str, Any], says: str
) -> None:
    allow({})
    status, _, text = refusal(ask, **parameters)
    assert status == 400
    assert says in text


@pytest.mark.usefixtures("issuer_url")
def test_the_account_it_is_about_is_the_callers(aws_client: ClientFactory) -> None:
    sts = aws_client("sts")
    token = sts.get_web_identity_token(Audience=["a"], SigningAlgorithm="RS256")["WebIdentityToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == f"arn:aws:iam::{seed.ACCOUNT_ID}:root"
    assert SESSION_NAME not in json.dumps(claims)
    assert claims["iat"] <= time.time()
