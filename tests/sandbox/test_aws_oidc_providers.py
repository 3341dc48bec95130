"""IAM OIDC providers: what IAM takes, fills in and refuses."""

import re
from typing import Any

import pytest

from sandbox import seed
from tests.sandbox.aws_support import AUDIENCE, CLUSTER, AssumeRole, ClientFactory, Signer, refusal

URL = "https://issuer.example.com/tenant"
ARN = f"arn:aws:iam::{seed.ACCOUNT_ID}:oidc-provider/issuer.example.com/tenant"


@pytest.fixture
def plain_iam(aws_client: ClientFactory) -> Any:
    """The operator's IAM client in an account without providers."""
    return aws_client("iam")


@pytest.fixture
def provider(plain_iam: Any) -> str:
    arn: str = plain_iam.create_open_id_connect_provider(Url=URL, ClientIDList=[AUDIENCE])["OpenIDConnectProviderArn"]
    return arn


def read(iam: Any, arn: str) -> dict[str, Any]:
    answer: dict[str, Any] = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return answer


def test_a_provider_is_read_as_it_was_made_and_without_its_scheme(plain_iam: Any) -> None:
    arn = plain_iam.create_open_id_connect_provider(
        Url=URL, ClientIDList=["a", "b"], ThumbprintList=["0" * 40], Tags=[{"Key": "team", "Value": "sre"}]
    )["OpenIDConnectProviderArn"]
    assert arn == ARN
    provider = read(plain_iam, arn)
    assert provider["Url"] == "issuer.example.com/tenant"
    assert provider["ClientIDList"] == ["a", "b"]
    assert provider["ThumbprintList"] == ["0" * 40]
    assert provider["Tags"] == [{"Key": "team", "Value": "sre"}]
    assert [found["Arn"] for found in plain_iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]] == [arn]


def test_without_a_thumbprint_the_provider_gets_one(plain_iam: Any, provider: str) -> None:
    thumbprints = read(plain_iam, provider)["ThumbprintList"]
    assert len(thumbprints) == 1
    assert re.fullmatch("[0-9a-f]{40}", thumbprints[0])


def test_a_url_is_taken_once(plain_iam: Any, provider: str) -> None:
    assert provider == ARN
    assert refusal(plain_iam.create_open_id_connect_provider, Url=URL) == (
        409,
        "EntityAlreadyExists",
        f"Provider with url {URL} already exists.",
    )


def test_a_trailing_slash_makes_no_second_provider_but_another_issuer(
    plain_iam: Any, assume: AssumeRole, cluster_token: Signer
) -> None:
    plain_iam.create_open_id_connect_provider(Url=CLUSTER + "/", ClientIDList=[AUDIENCE])
    assert refusal(plain_iam.create_open_id_connect_provider, Url=CLUSTER)[1] == "EntityAlreadyExists"
    text = f"No OpenIDConnect provider found in your account for {CLUSTER}"
    assert refusal(assume, cluster_token()) == (400, "InvalidIdentityToken", text)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("issuer.example.com", "ValidationError"),
        ("https://", "ValidationError"),
        ("https://[", "ValidationError"),
        ("http://issuer.example.com", "InvalidInput"),
        ("https://issuer.example.com:8443", "InvalidInput"),
        ("https://issuer.example.com?tenant=1", "InvalidInput"),
        ("https://user@issuer.example.com", "InvalidInput"),
    ],
)
def test_a_url_that_iam_refuses_is_refused(plain_iam: Any, url: str, code: str) -> None:
    status, given_code, text = refusal(plain_iam.create_open_id_connect_provider, Url=url)
    assert (status, given_code) == (400, code)
    assert "Invalid Open ID Connect Provider URL" in text


@pytest.mark.parametrize(
    ("parameters", "status", "code", "says"),
    [
        (
            {"ClientIDList": [str(n) for n in range(101)]},
            409,
            "LimitExceeded",
            "ClientIdsPerOpenIdConnectProvider: 100",
        ),
        ({"ClientIDList": ["c" * 256]}, 400, "ValidationError", "length less than or equal to 255"),
        ({"ThumbprintList": ["0" * 40] * 6}, 400, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."),
        ({"ThumbprintList": ["g" * 40]}, 400, "ValidationError", "[0-9A-Fa-f]{40}"),
    ],
)
def test_lists_have_limits(plain_iam: Any, parameters: dict[str, Any], status: int, code: str, says: str) -> None:
    refused = refusal(plain_iam.create_open_id_connect_provider, Url=URL, **parameters)
    assert refused[:2] == (status, code)
    assert says in refused[2]


def test_client_ids_are_added_and_removed_one_by_one(plain_iam: Any, provider: str) -> None:
    for client_id in ("second", "second"):
        plain_iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID=client_id)
    assert read(plain_iam, provider)["ClientIDList"] == [AUDIENCE, "second"]
    for client_id in (AUDIENCE, "never there"):
        plain_iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=provider, ClientID=client_id)
    assert read(plain_iam, provider)["ClientIDList"] == ["second"]


def test_a_removed_client_id_is_no_audience_any_more(iam: Any, assume: AssumeRole, cluster_token: Signer) -> None:
    assert assume(cluster_token())["Credentials"]
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=AUDIENCE)
    assert refusal(assume, cluster_token())[2] == "Incorrect token audience"


def test_a_deleted_provider_admits_nobody(iam: Any, assume: AssumeRole, cluster_token: Signer) -> None:
    arn = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"][0]["Arn"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refusal(assume, cluster_token())[1] == "InvalidIdentityToken"


def test_thumbprints_are_replaced_as_a_whole(plain_iam: Any, provider: str) -> None:
    plain_iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=provider, ThumbprintList=["1" * 40, "2" * 40]
    )
    assert read(plain_iam, provider)["ThumbprintList"] == ["1" * 40, "2" * 40]


def test_tags_are_added_replaced_and_removed(plain_iam: Any, provider: str) -> None:
    plain_iam.tag_open_id_connect_provider(
        OpenIDConnectProviderArn=provider, Tags=[{"Key": "team", "Value": "a"}, {"Key": "env", "Value": "sbx"}]
    )
    plain_iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=provider, Tags=[{"Key": "team", "Value": "b"}])
    plain_iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=provider, TagKeys=["env"])
    tags = plain_iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=provider)["Tags"]
    assert tags == [{"Key": "team", "Value": "b"}]


def test_a_provider_that_is_not_there_is_named(plain_iam: Any) -> None:
    status, code, text = refusal(
        plain_iam.add_client_id_to_open_id_connect_provider, OpenIDConnectProviderArn=ARN, ClientID="x"
    )
    assert (status, code) == (404, "NoSuchEntity")
    assert ARN in text
