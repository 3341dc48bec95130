from collections.abc import Iterator
from typing import Any, cast

import boto3
import pulumi
import pytest
from botocore.stub import Stubber

from components.added_client_ids import AddedClientIdsProvider
from components.aws_oidc_provider import AwsOidcProvider, AwsOidcProviderArgs
from tests.unit.support import ADDED_CLIENT_IDS, OIDC_PROVIDER, Built, build

TOKEN = "gcpawswif:aws:OidcProvider"
ISSUER = "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
ARN = f"arn:aws:iam::211125558983:oidc-provider/{ISSUER.removeprefix('https://')}"
PROPS = {"provider_arn": ARN, "client_ids": ["sts.amazonaws.com", "other"], "region": "eu-west-1"}


def build_provider(**overrides: Any) -> Built:
    args: dict[str, Any] = {"mode": "create", "url": ISSUER, "client_ids": ["sts.amazonaws.com"]}
    return build(lambda: AwsOidcProvider("aws-oidc-provider", cast(AwsOidcProviderArgs, args | overrides)))


def test_it_is_made_for_the_issuer_and_the_client_ids_without_a_thumbprint() -> None:
    assert build_provider(tags={"team": "data"}).one(OIDC_PROVIDER).inputs == {
        "url": ISSUER,
        "clientIdLists": ["sts.amazonaws.com"],
        "tags": {"team": "data"},
    }


def test_a_configured_thumbprint_is_given() -> None:
    thumbprint = "0" * 40
    assert build_provider(thumbprints=[thumbprint]).one(OIDC_PROVIDER).inputs["thumbprintLists"] == [thumbprint]


@pytest.mark.parametrize("mode", ["create", "lookup"])
def test_its_outputs_are_the_same_whoever_made_it(mode: str) -> None:
    assert build_provider(mode=mode).outputs_of(TOKEN) == {"arn": ARN, "url": ISSUER}


def test_it_belongs_to_the_component_and_makes_room_for_its_replacement() -> None:
    built = build_provider()
    assert built.one(OIDC_PROVIDER).parent == built.one(TOKEN).urn
    assert built.one(OIDC_PROVIDER).delete_before_replace


def test_another_stacks_provider_gets_client_ids_added_and_is_not_owned() -> None:
    pulumi.runtime.set_all_config({"aws:region": "eu-west-1", "aws:profile": "sbx"})
    built = build_provider(mode="lookup")
    assert built.all(OIDC_PROVIDER) == []
    added = built.one(ADDED_CLIENT_IDS, "aws-oidc-provider-client-ids")
    assert added.parent == built.one(TOKEN).urn
    assert {name: value for name, value in added.inputs.items() if name != "__provider"} == {
        "provider_arn": ARN,
        "client_ids": ["sts.amazonaws.com"],
        "region": "eu-west-1",
        "profile": "sbx",
    }


def test_a_client_id_that_the_owner_does_not_list_is_a_warning_that_names_the_remedy() -> None:
    (warning,) = build_provider(mode="lookup", client_ids=["another-stacks", "mine"]).warnings
    assert "does not list mine;" in warning
    assert "Add it to `clientIds` of the stack that owns the provider" in warning


def test_client_ids_that_the_owner_lists_are_no_warning() -> None:
    assert build_provider(mode="lookup", client_ids=["another-stacks"]).warnings == []


@pytest.fixture
def iam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client("iam", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    monkeypatch.setattr(boto3.Session, "client", lambda *_: client)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def listed(iam: Stubber, *client_ids: str) -> None:
    iam.add_response(
        "get_open_id_connect_provider", {"ClientIDList": list(client_ids)}, {"OpenIDConnectProviderArn": ARN}
    )


def to_be_added(iam: Stubber, *client_ids: str) -> None:
    for client_id in client_ids:
        asked = {"OpenIDConnectProviderArn": ARN, "ClientID": client_id}
        iam.add_response("add_client_id_to_open_id_connect_provider", {}, asked)


def test_every_client_id_is_added_and_no_other_call_is_made(iam: Stubber) -> None:
    to_be_added(iam, "sts.amazonaws.com", "other")
    result = AddedClientIdsProvider().create({**PROPS, "__provider": "…"})
    assert (result.id, result.outs) == (ARN, PROPS)


def test_a_client_id_removed_outside_is_noticed_by_refresh_and_added_by_the_next_up(iam: Stubber) -> None:
    provider = AddedClientIdsProvider()
    listed(iam, "another-stacks", "other")
    refreshed = provider.read(ARN, PROPS).outs
    assert refreshed == {**PROPS, "client_ids": ["other"]}
    assert provider.diff(ARN, refreshed, PROPS).changes
    to_be_added(iam, *PROPS["client_ids"])
    assert provider.update(ARN, refreshed, PROPS).outs == PROPS


def test_a_provider_deleted_outside_is_gone_after_refresh(iam: Stubber) -> None:
    iam.add_client_error("get_open_id_connect_provider", "NoSuchEntity")
    assert AddedClientIdsProvider().read(ARN, PROPS).id == ""


def test_a_profile_of_the_stacks_config_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[dict[str, Any]] = []

    class Session:
        def __init__(self, **arguments: Any) -> None:
            sessions.append(arguments)

        def client(self, _: str) -> Any:
            client = boto3.client("iam", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
            stubber = Stubber(client)
            listed(stubber, *PROPS["client_ids"])
            stubber.activate()
            return client

    monkeypatch.setattr(boto3, "Session", Session)
    AddedClientIdsProvider().read(ARN, {**PROPS, "profile": "sbx"})
    assert sessions == [{"profile_name": "sbx", "region_name": "eu-west-1"}]


@pytest.mark.usefixtures("iam")
def test_destroy_removes_no_client_id() -> None:
    AddedClientIdsProvider().delete(ARN, PROPS)


@pytest.mark.parametrize("client_ids", [["sts.amazonaws.com", "other"], ["other"]])
def test_the_same_or_fewer_client_ids_are_no_change(client_ids: list[str]) -> None:
    assert AddedClientIdsProvider().diff(ARN, PROPS, {**PROPS, "client_ids": client_ids}).changes is False


def test_another_provider_is_a_replacement() -> None:
    assert AddedClientIdsProvider().diff(ARN, PROPS, {**PROPS, "provider_arn": f"{ARN}-2"}).replaces == ["provider_arn"]
