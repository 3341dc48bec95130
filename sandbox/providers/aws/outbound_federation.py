"""aws.iam.OutboundWebIdentityFederation: the account's one issuer of tokens for other clouds.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html
"""

from collections.abc import Mapping

from botocore.exceptions import ClientError
from typing_extensions import override

from sandbox.providers.aws.session import AwsSession, refused_as
from sandbox.providers.properties import Property
from sandbox.providers.resource import Resource
from sandbox.providers.values import Values

OFF = "FeatureDisabled"


class OutboundWebIdentityFederation(Resource):
    """The account's outbound identity federation; its id is the account's."""

    inputs: Mapping[str, Property] = {}
    outputs = frozenset({"issuerIdentifier"})

    def __init__(self, session: AwsSession) -> None:
        self._iam = session.iam
        self._account_id = session.account_id

    @override
    def create(self, inputs: Values) -> tuple[str, Values]:
        with refused_as("enabling IAM Outbound Web Identity Federation"):
            issuer = self._iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
        return self._account_id, {"issuerIdentifier": issuer}

    @override
    def read(self, resource_id: str, state: Values) -> tuple[str, Values] | None:
        with refused_as("reading IAM Outbound Web Identity Federation"):
            try:
                found = self._iam.get_outbound_web_identity_federation_info()
            except ClientError as error:
                if _is_off(error):
                    return None
                raise
        return self._account_id, {"issuerIdentifier": found["IssuerIdentifier"]}

    @override
    def update(self, resource_id: str, state: Values, inputs: Values) -> Values:
        return state

    @override
    def delete(self, resource_id: str, state: Values) -> None:
        with refused_as("disabling IAM Outbound Web Identity Federation"):
            try:
                self._iam.disable_outbound_web_identity_federation()
            except ClientError as error:
                if not _is_off(error):
                    raise


def get_outbound_web_identity_federation(session: AwsSession, arguments: Values) -> Values:  # noqa: ARG001 - it has none
    """The function of that name: the issuer; ProviderError when the feature is off."""
    with refused_as("reading IAM Outbound Web Identity Federation"):
        found = session.iam.get_outbound_web_identity_federation_info()
    return {"id": session.account_id, "issuerIdentifier": found["IssuerIdentifier"]}


def _is_off(error: ClientError) -> bool:
    return bool(error.response["Error"]["Code"].removesuffix("Exception") == OFF)
