"""Step 2 of the guide: the IAM OIDC provider by which AWS knows the cluster's tokens.

Deliberately not for Google's own tokens (accounts.google.com), which AWS knows without one and refuses with one.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.added_client_ids import AddedClientIds
from components.lookups import looked_up


class AwsOidcProviderArgs(TypedDict):
    """The issuer, and the audiences that its tokens may have."""

    mode: Literal["create", "lookup"]
    """An account has one provider a url: `create` owns it, `lookup` adds client ids to another stack's."""
    url: pulumi.Input[str]
    """The issuer, with https://."""
    client_ids: Sequence[str]
    thumbprints: NotRequired[Sequence[str]]
    """Only for an issuer whose certificate no public authority signed; AWS looks at none otherwise."""
    tags: NotRequired[Mapping[str, str]]


class AwsOidcProvider(pulumi.ComponentResource):
    """An IAM OIDC provider that lists at least the given client ids."""

    arn: pulumi.Output[str]
    url: pulumi.Output[str]
    """The issuer, with https://; its host and path begin the condition keys of a trust policy."""

    def __init__(self, name: str, args: AwsOidcProviderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gcpawswif:aws:OidcProvider", name, None, opts)
        self.url = pulumi.Output.from_input(args["url"])
        if args["mode"] == "lookup":
            self.arn = self._looked_up(name, args["client_ids"])
        else:
            self.arn = aws.iam.OpenIdConnectProvider(
                f"{name}-provider",
                url=self.url,
                client_id_lists=list(args["client_ids"]),
                thumbprint_lists=list(args.get("thumbprints", ())) or None,
                tags=args.get("tags"),
                # An account takes no second provider of the same url, so the first must go before its replacement.
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            ).arn
        self.register_outputs({"arn": self.arn, "url": self.url})

    def _looked_up(self, name: str, client_ids: Sequence[str]) -> pulumi.Output[str]:
        found = self.url.apply(self._existing)
        found.apply(lambda provider: self._warn_of_client_ids_to_add(provider, client_ids))
        return AddedClientIds(
            f"{name}-client-ids",
            provider_arn=found.arn,
            client_ids=client_ids,
            opts=pulumi.ResourceOptions(parent=self),
        ).provider_arn

    def _existing(self, url: str) -> aws.iam.GetOpenIdConnectProviderResult:
        return looked_up(
            lambda: aws.iam.get_open_id_connect_provider(url=url, opts=pulumi.InvokeOptions(parent=self)),
            "With mode lookup another stack owns the provider. Bring that one up first, or make the provider here with"
            " `mode: create` in gcp-aws-wif:awsOidcProvider.",
        )

    def _warn_of_client_ids_to_add(
        self, found: aws.iam.GetOpenIdConnectProviderResult, client_ids: Sequence[str]
    ) -> None:
        """The owner's list is its own: what is added here looks to the owner like drift, to be mended."""
        missing = [client_id for client_id in client_ids if client_id not in found.client_id_lists]
        if missing:
            pulumi.log.warn(
                f"{found.arn} does not list {', '.join(missing)}; this run adds it. Add it to `clientIds` of the stack"
                " that owns the provider, too, else that stack removes it again after its next `pulumi refresh`.",
                self,
            )
