"""The AWS provider's OIDC providers, outbound federation, functions and configuration against the emulated AWS."""

import json
from typing import Any

import pytest

from sandbox import seed
from sandbox.aws import AwsServer
from sandbox.providers.aws import aws_package
from sandbox.providers.provider import EmulatedProvider
from sandbox.providers.resource import ProviderError
from sandbox.providers.values import UNKNOWN
from tests.sandbox.aws_support import CLUSTER, PROVIDER_ARN, ClientFactory
from tests.sandbox.providers.support import RefusedAtPlanError, Type, call, configured

AUDIENCE = "sts.amazonaws.com"
THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
OUTBOUND = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"
GET_OUTBOUND = "aws:iam/getOutboundWebIdentityFederation:getOutboundWebIdentityFederation"
GET_PROVIDER = "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider"


@pytest.fixture
def providers(aws_provider: EmulatedProvider) -> Type:
    return Type(aws_provider, "aws:iam/openIdConnectProvider:OpenIdConnectProvider")


@pytest.fixture
def outbound(aws_provider: EmulatedProvider) -> Type:
    return Type(aws_provider, OUTBOUND)


@pytest.fixture
def api(aws_client: ClientFactory) -> Any:
    """The operator's own IAM client, past the provider."""
    return aws_client("iam")


def test_an_oidc_provider_is_its_arn_and_its_url_comes_back_without_a_scheme(providers: Type) -> None:
    provider = providers.create(url=CLUSTER, clientIdLists=[AUDIENCE])

    assert provider.id == provider.state["arn"] == PROVIDER_ARN
    assert provider.state["url"] == CLUSTER.removeprefix("https://")


def test_the_url_without_its_scheme_is_no_change_and_stays_so_in_a_preview(providers: Type) -> None:
    provider = providers.create(url=CLUSTER, clientIdLists=[AUDIENCE])
    wanted: dict[str, Any] = {"url": CLUSTER, "clientIdLists": [AUDIENCE, "more"]}

    assert providers.changes(provider, **wanted) == {"clientIdLists[1]": "add"}
    assert providers.preview_update(provider, **wanted)["url"] == provider.state["url"]


def test_thumbprints_that_aws_chose_are_no_change(providers: Type, api: Any) -> None:
    provider = providers.create(url=CLUSTER, clientIdLists=[AUDIENCE])
    api.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=PROVIDER_ARN, ThumbprintList=[THUMBPRINT])

    refreshed = providers.refresh(provider)

    assert refreshed is not None
    assert refreshed.state["thumbprintLists"] == [THUMBPRINT]
    assert providers.changes(refreshed, url=CLUSTER, clientIdLists=[AUDIENCE]) == {}


def test_client_ids_are_added_and_taken_away_in_place(providers: Type, api: Any) -> None:
    provider = providers.create(url=CLUSTER, clientIdLists=["old", "kept"])

    updated = providers.update(provider, url=CLUSTER, clientIdLists=["kept", "new"])

    live = api.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER_ARN)
    assert sorted(live["ClientIDList"]) == ["kept", "new"]
    assert providers.changes(updated, url=CLUSTER, clientIdLists=["new", "kept"]) == {}


def test_thumbprints_and_tags_are_updated_in_place(providers: Type, api: Any) -> None:
    provider = providers.create(url=CLUSTER, clientIdLists=[AUDIENCE], tags={"a": "1", "b": "1"})

    providers.update(
        provider, url=CLUSTER, clientIdLists=[AUDIENCE], thumbprintLists=[THUMBPRINT], tags={"a": "2", "c": "3"}
    )

    live = api.get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER_ARN)
    assert live["ThumbprintList"] == [THUMBPRINT]
    assert {tag["Key"]: tag["Value"] for tag in live["Tags"]} == {"a": "2", "c": "3"}


def test_another_url_replaces_the_provider(providers: Type) -> None:
    provider = providers.create(url=CLUSTER, clientIdLists=[AUDIENCE])

    answer = providers.diff(provider, url=f"{CLUSTER}-2", clientIdLists=[AUDIENCE])

    assert (answer.replaces, answer.delete_before_replace) == (["url"], False)


def test_an_oidc_provider_is_imported_dropped_when_gone_and_deleted_twice(providers: Type, api: Any) -> None:
    provider = providers.create(url=CLUSTER, clientIdLists=[AUDIENCE])
    imported = providers.import_by(PROVIDER_ARN)
    assert imported is not None
    assert providers.changes(imported, url=CLUSTER, clientIdLists=[AUDIENCE]) == {}

    api.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER_ARN)

    assert providers.refresh(provider) is None
    providers.delete(provider)


@pytest.mark.parametrize(
    ("property_name", "value", "said"),
    [
        ("thumbprintLists", ["not hex"], r"expected the length to be in the range \(40 - 40\)"),
        ("url", "http://container.googleapis.com", 'schema of: "https"'),
        ("url", "container.googleapis.com/v1", "expected to have a host"),
        ("url", f"{CLUSTER}?a=b", "cannot contain query parameters"),
        ("clientIdLists", [""], r"expected the length to be in the range \(1 - 255\)"),
        ("clientIdLists", AUDIENCE, "expected a list"),
    ],
)
def test_a_preview_refuses_what_the_real_provider_refuses(
    providers: Type, property_name: str, value: Any, said: str
) -> None:
    with pytest.raises(RefusedAtPlanError, match=said):
        providers.check({"url": CLUSTER, "clientIdLists": [AUDIENCE], property_name: value})


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://container.googleapis.com:443/v1"},
        {"url": f"{CLUSTER}/"},
        {"thumbprintLists": [THUMBPRINT] * 6},
        {"clientIdLists": []},
        {"url": UNKNOWN, "clientIdLists": UNKNOWN},
    ],
)
def test_a_preview_passes_what_the_real_provider_does_not_look_at(providers: Type, given: dict[str, Any]) -> None:
    assert providers.check({"url": CLUSTER, "clientIdLists": [AUDIENCE], **given})


def test_an_existing_provider_is_found_by_url_or_arn(providers: Type, aws_provider: EmulatedProvider) -> None:
    providers.create(url=CLUSTER, clientIdLists=[AUDIENCE])

    by_url = call(aws_provider, GET_PROVIDER, url=CLUSTER)
    by_arn = call(aws_provider, GET_PROVIDER, arn=PROVIDER_ARN)

    assert by_url == by_arn
    assert (by_url["id"], by_url["clientIdLists"]) == (PROVIDER_ARN, [AUDIENCE])


def test_looking_up_a_provider_that_does_not_exist_names_it(aws_provider: EmulatedProvider) -> None:
    with pytest.raises(ProviderError, match=f"{CLUSTER}: couldn't find resource"):
        call(aws_provider, GET_PROVIDER, url=CLUSTER)


def test_outbound_federation_is_the_accounts_and_has_an_issuer(outbound: Type, aws_provider: EmulatedProvider) -> None:
    federation = outbound.create()

    assert federation.id == seed.ACCOUNT_ID
    assert federation.state["issuerIdentifier"].endswith(".tokens.sts.global.api.aws")
    assert call(aws_provider, GET_OUTBOUND)["issuerIdentifier"] == federation.state["issuerIdentifier"]


def test_outbound_federation_can_be_enabled_only_once(outbound: Type) -> None:
    outbound.create()

    with pytest.raises(ProviderError, match=r"enabling IAM Outbound Web Identity Federation.*FeatureEnabled"):
        outbound.create()


def test_outbound_federation_is_imported_disabled_and_then_gone(outbound: Type, aws_provider: EmulatedProvider) -> None:
    federation = outbound.create()
    assert outbound.import_by(seed.ACCOUNT_ID) is not None

    outbound.delete(federation)

    assert outbound.refresh(federation) is None
    outbound.delete(federation)
    with pytest.raises(ProviderError, match="FeatureDisabled"):
        call(aws_provider, GET_OUTBOUND)


def test_the_caller_the_region_and_the_partition_are_known(aws_provider: EmulatedProvider) -> None:
    caller = call(aws_provider, "aws:index/getCallerIdentity:getCallerIdentity")
    region = call(aws_provider, "aws:index/getRegion:getRegion")
    partition = call(aws_provider, "aws:index/getPartition:getPartition")

    assert (caller["accountId"], caller["arn"]) == (seed.ACCOUNT_ID, f"arn:aws:iam::{seed.ACCOUNT_ID}:root")
    assert (region["region"], region["description"]) == (seed.REGION, "Europe (Ireland)")
    assert (partition["partition"], partition["reverseDnsPrefix"]) == ("aws", "com.amazonaws")


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [("us-gov-west-1", "aws-us-gov", "amazonaws.com"), ("cn-north-1", "aws-cn", "amazonaws.com.cn")],
)
def test_the_partition_is_that_of_the_region(aws: AwsServer, region: str, partition: str, suffix: str) -> None:
    provider = configured("aws", aws_package(aws.url, seed.ACCOUNT_ID, "sandbox"), region=region)

    found = call(provider, "aws:index/getPartition:getPartition")

    assert (found["partition"], found["dnsSuffix"]) == (partition, suffix)


@pytest.mark.parametrize(
    "config", [{"allowedAccountIds": '["999999999999"]'}, {"forbiddenAccountIds": f'["{seed.ACCOUNT_ID}"]'}]
)
def test_another_account_than_the_allowed_ones_is_refused(aws: AwsServer, config: dict[str, str]) -> None:
    with pytest.raises(ProviderError, match=r"^AWS account ID not allowed: 211125558983$"):
        configured("aws", aws_package(aws.url, seed.ACCOUNT_ID, "sandbox"), region=seed.REGION, **config)


def test_default_tags_go_under_a_resources_own(aws: AwsServer) -> None:
    tags = json.dumps({"tags": {"team": "core", "env": "sbx"}})
    provider = configured("aws", aws_package(aws.url, seed.ACCOUNT_ID, "sandbox"), region=seed.REGION, defaultTags=tags)
    resources = Type(provider, "aws:iam/openIdConnectProvider:OpenIdConnectProvider")

    created = resources.create(url=CLUSTER, clientIdLists=[AUDIENCE], tags={"env": "prod"})

    assert created.state["tagsAll"] == {"team": "core", "env": "prod"}
