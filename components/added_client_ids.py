"""A dynamic resource: client ids added to an IAM OIDC provider that another stack owns.

The AWS provider cannot do it: its resource owns a provider's whole list and would overwrite the other stack's. This
deliberately never removes a client id, not even one it added, because nobody can tell who else relies on it by now.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddClientIDToOpenIDConnectProvider.html

`pulumi.dynamic` runs the provider class in a process of its own, which imports this module by name.
"""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import dynamic


class AddedClientIdsProvider(dynamic.ResourceProvider):
    """Creates, reads and updates `AddedClientIds`.

    Credentials come from boto3's usual places (environment, profile); none passes through the inputs or the state.
    """

    serialize_as_secret_always = False  # nothing in it is secret; the state stays readable

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        """Another provider is another resource; ids that the list lacks are to be added."""
        replaces = [] if olds["provider_arn"] == news["provider_arn"] else ["provider_arn"]
        missing = set(news["client_ids"]) - set(olds["client_ids"])
        moved = any(olds.get(name) != news.get(name) for name in ("region", "profile"))
        return dynamic.DiffResult(changes=bool(missing or moved or replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Add the ids. Raises botocore's ClientError."""
        return dynamic.CreateResult(props["provider_arn"], self._add(props))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        """Add the ids. Raises botocore's ClientError."""
        return dynamic.UpdateResult(self._add(news))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """The ids of ours that are still listed, for `pulumi refresh`. Raises botocore's ClientError."""
        iam = self._iam(props)
        try:
            listed = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=id_)["ClientIDList"]
        except iam.exceptions.NoSuchEntityException:
            return dynamic.ReadResult("", {})
        ours = [client_id for client_id in props["client_ids"] if client_id in listed]
        return dynamic.ReadResult(id_, {**_inputs(props), "client_ids": ours})

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Nothing: another stack's tokens may have these audiences, too."""

    def _add(self, props: dict[str, Any]) -> dict[str, Any]:
        iam = self._iam(props)
        for client_id in props["client_ids"]:  # adding one that is there changes nothing and is no error
            iam.add_client_id_to_open_id_connect_provider(
                OpenIDConnectProviderArn=props["provider_arn"], ClientID=client_id
            )
        return _inputs(props)

    def _iam(self, props: dict[str, Any]) -> Any:
        import boto3

        return boto3.Session(profile_name=props.get("profile"), region_name=props.get("region")).client("iam")


def _inputs(props: dict[str, Any]) -> dict[str, Any]:
    """The properties without Pulumi's own; one that is None does not come over the wire."""
    return {name: props[name] for name in ("provider_arn", "client_ids", "region", "profile") if name in props}


class AddedClientIds(dynamic.Resource, module="aws", name="AddedClientIds"):
    """Client ids that an IAM OIDC provider of this account lists, whoever owns it."""

    provider_arn: pulumi.Output[str]
    """Available once the ids are listed."""
    client_ids: pulumi.Output[Sequence[str]]

    def __init__(
        self,
        name: str,
        *,
        provider_arn: pulumi.Input[str],
        client_ids: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "provider_arn": provider_arn,
            "client_ids": list(client_ids),
            "region": aws.config.region,  # as the AWS provider's, from aws:region and aws:profile
            "profile": aws.config.profile,
        }
        super().__init__(AddedClientIdsProvider(), name, props, opts)
