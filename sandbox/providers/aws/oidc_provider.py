"""aws.iam.OpenIdConnectProvider.
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_openid_connect_provider
"""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from typing_extensions import override

from federation import aws
from sandbox.providers import rules
from sandbox.providers.aws.policies import equivalent_urls, not_an_oidc_url
from sandbox.providers.aws.session import TAGS, AwsSession, is_gone, refused_as, tag_list, tag_map
from sandbox.providers.properties import Property
from sandbox.providers.resource import ProviderError, Resource
from sandbox.providers.values import Values

THUMBPRINT_CHARACTERS = 40


def same_set(left: list[str], right: list[str]) -> bool:
    """Whether two lists of strings are the same but for order."""
    return sorted(left) == sorted(right)


class OpenIdConnectProvider(Resource):
    """An IAM OIDC provider; its id is its ARN."""

    inputs: Mapping[str, Property] = {
        "clientIdLists": Property(
            list, required=True, same=same_set, items=Property(str, rule=rules.length(1, aws.CLIENT_ID_CHARACTERS))
        ),
        "tags": TAGS,
        "thumbprintLists": Property(
            list,
            computed=True,
            items=Property(str, rule=rules.length(THUMBPRINT_CHARACTERS, THUMBPRINT_CHARACTERS)),
        ),
        "url": Property(str, required=True, replaces=True, rule=not_an_oidc_url, same=equivalent_urls),
    }
    outputs = frozenset({"arn", "tagsAll"})

    def __init__(self, session: AwsSession) -> None:
        self._session = session
        self._iam = session.iam

    @override
    def fill(self, inputs: Values, old_inputs: Values, generated_name: str) -> Values:
        return self._session.with_default_tags(inputs)

    @override
    def planned(self, inputs: Values, state: Values) -> Values:
        return {"tagsAll": inputs.get("tags", {})}

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        request: dict[str, Any] = {
            "Url": inputs["url"],
            "ClientIDList": inputs["clientIdLists"],
            "Tags": tag_list(inputs.get("tags", {})),
        }
        if inputs.get("thumbprintLists"):
            request["ThumbprintList"] = inputs["thumbprintLists"]
        with refused_as("creating IAM OIDC Provider"):
            arn = self._iam.create_open_id_connect_provider(**request)["OpenIDConnectProviderArn"]
            return arn, provider_state(self._iam, arn)

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        with refused_as(f"reading IAM OIDC Provider ({resource_id})"):
            try:
                return resource_id, provider_state(self._iam, resource_id)
            except ClientError as error:
                if is_gone(error):
                    return None
                raise

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        known: dict[str, Any] = {"OpenIDConnectProviderArn": resource_id}
        with refused_as(f"updating IAM OIDC Provider ({resource_id})"):
            thumbprints = inputs.get("thumbprintLists")
            if thumbprints and thumbprints != state.get("thumbprintLists"):
                self._iam.update_open_id_connect_provider_thumbprint(**known, ThumbprintList=thumbprints)
            old, new = set(state.get("clientIdLists", [])), set(inputs["clientIdLists"])
            for client_id in sorted(new - old):
                self._iam.add_client_id_to_open_id_connect_provider(**known, ClientID=client_id)
            for client_id in sorted(old - new):
                self._iam.remove_client_id_from_open_id_connect_provider(**known, ClientID=client_id)
            self._set_tags(known, state.get("tags", {}), inputs.get("tags", {}))
            return provider_state(self._iam, resource_id)

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        with refused_as(f"deleting IAM OIDC Provider ({resource_id})"):
            try:
                self._iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=resource_id)
            except ClientError as error:
                if not is_gone(error):
                    raise

    def _set_tags(self, known: dict[str, Any], old: dict[str, str], new: dict[str, str]) -> None:
        if removed := sorted(old.keys() - new.keys()):
            self._iam.untag_open_id_connect_provider(**known, TagKeys=removed)
        if new != old and new:
            self._iam.tag_open_id_connect_provider(**known, Tags=tag_list(new))


def provider_state(iam: Any, arn: str) -> Values:
    """An OIDC provider as AWS knows it; the url comes without its scheme."""
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    tags = tag_map(found.get("Tags", []))
    return {
        "arn": arn,
        "clientIdLists": sorted(found.get("ClientIDList", [])),
        "tags": tags,
        "tagsAll": tags,
        "thumbprintLists": found.get("ThumbprintList", []),
        "url": found["Url"],
    }


def get_open_id_connect_provider(session: AwsSession, arguments: Values) -> Values:
    """The function of that name: an existing provider by `arn` or `url`; ProviderError when there is none."""
    with refused_as("reading IAM OIDC Provider"):
        arns = [
            provider["Arn"] for provider in session.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        ]
        states = [provider_state(session.iam, arn) for arn in arns if arguments.get("arn", arn) == arn]
    for state in states:
        if "url" not in arguments or equivalent_urls(state["url"], arguments["url"]):
            return {**state, "id": state["arn"]}
    raise ProviderError(
        f"reading IAM OIDC Provider: {arguments.get('arn') or arguments.get('url')}: couldn't find resource"
    )
