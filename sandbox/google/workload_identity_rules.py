"""What IAM accepts as a workload identity pool and as a provider.

Texts that start with "Invalid OIDC issuer URI" are Google's; of the others only the status is known.
https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import jwt

from federation import cel
from federation.attributes import GROUPS, SUBJECT
from federation.aws import ACCOUNT_ID
from federation.google import (
    ALLOWED_AUDIENCE_CHARACTERS,
    ALLOWED_AUDIENCES,
    ATTRIBUTE_CONDITION_CHARACTERS,
    ATTRIBUTE_MAPPING_CHARACTERS,
    CUSTOM_ATTRIBUTE_NAME,
    CUSTOM_ATTRIBUTES,
    WORKLOAD_IDENTITY_DESCRIPTION_CHARACTERS,
    WORKLOAD_IDENTITY_DISPLAY_NAME_CHARACTERS,
    WORKLOAD_IDENTITY_ID,
)
from sandbox.google.errors import Json, invalid_argument

_CUSTOM = re.compile(rf"attribute\.(?:{CUSTOM_ATTRIBUTE_NAME.pattern})")


def check_id(identifier: str) -> None:
    """Raises INVALID_ARGUMENT for an id that no pool or provider can have."""
    if not WORKLOAD_IDENTITY_ID.fullmatch(identifier):
        raise invalid_argument(
            f"Invalid ID {identifier!r}: it must be 4-32 characters of [a-z0-9-] and can't start with gcp-."
        )


def check_texts(resource: Json) -> None:
    """Raises INVALID_ARGUMENT for a display name or description that is too long."""
    if len(resource.get("displayName", "")) > WORKLOAD_IDENTITY_DISPLAY_NAME_CHARACTERS:
        raise invalid_argument(
            f"The display name can't be longer than {WORKLOAD_IDENTITY_DISPLAY_NAME_CHARACTERS} characters."
        )
    if len(resource.get("description", "")) > WORKLOAD_IDENTITY_DESCRIPTION_CHARACTERS:
        raise invalid_argument(
            f"The description can't be longer than {WORKLOAD_IDENTITY_DESCRIPTION_CHARACTERS} characters."
        )


def check_provider(provider: Json) -> None:
    """Raises INVALID_ARGUMENT for a provider that IAM would refuse."""
    check_texts(provider)
    kinds = {"aws", "oidc"} & provider.keys()
    if len(kinds) != 1:
        raise invalid_argument("A provider must have exactly one of aws and oidc (the sandbox knows no others).")
    mapping = provider.get("attributeMapping") or {}
    _check_mapping(mapping)
    _check_condition(provider.get("attributeCondition", ""))
    if "oidc" in kinds:
        if SUBJECT not in mapping:
            raise invalid_argument(f"The attribute mapping of an OIDC provider must have {SUBJECT}.")
        _check_oidc(provider["oidc"])
    else:
        if mapping and SUBJECT not in mapping:
            raise invalid_argument(f"An attribute mapping must have {SUBJECT}.")
        _check_aws(provider["aws"])


def _check_mapping(mapping: Mapping[str, str]) -> None:
    custom = [target for target in mapping if target not in {SUBJECT, GROUPS}]
    if len(custom) > CUSTOM_ATTRIBUTES:
        raise invalid_argument(f"There can't be more than {CUSTOM_ATTRIBUTES} custom attributes.")
    for target in custom:
        if not _CUSTOM.fullmatch(target):
            raise invalid_argument(
                f"Invalid attribute {target!r}: it must be {SUBJECT}, {GROUPS} or attribute. and 1-100 of [a-z0-9_]."
            )
    for target, expression in mapping.items():
        if not expression or len(expression) > ATTRIBUTE_MAPPING_CHARACTERS:
            raise invalid_argument(f"The mapping of {target} must have 1 to {ATTRIBUTE_MAPPING_CHARACTERS} characters.")
        _check_cel(expression, f"mapping of {target}")


def _check_condition(condition: str) -> None:
    if len(condition) > ATTRIBUTE_CONDITION_CHARACTERS:
        raise invalid_argument(
            f"The attribute condition can't be longer than {ATTRIBUTE_CONDITION_CHARACTERS} characters."
        )
    if condition:
        _check_cel(condition, "attribute condition")


def _check_cel(expression: str, where: str) -> None:
    try:
        cel.check(expression)
    except cel.CelError as error:
        raise invalid_argument(f"The {where} is invalid: {error}.") from error


def _check_aws(aws: Json) -> None:
    account_id = aws.get("accountId", "")
    if not ACCOUNT_ID.fullmatch(account_id):
        raise invalid_argument(f"Invalid AWS account ID {account_id!r}: it must be 12 digits.")


def _check_oidc(oidc: Json) -> None:
    try:
        issuer = urlsplit(oidc.get("issuerUri", ""))
    except ValueError as error:
        raise invalid_argument("Invalid OIDC issuer URI.") from error
    if issuer.scheme and issuer.scheme != "https":
        raise invalid_argument("Invalid OIDC issuer URI. The scheme must be https.")
    if not issuer.scheme or not issuer.hostname or issuer.query or issuer.fragment:
        raise invalid_argument("Invalid OIDC issuer URI.")
    audiences = oidc.get("allowedAudiences") or []
    if len(audiences) > ALLOWED_AUDIENCES:
        raise invalid_argument(f"There can't be more than {ALLOWED_AUDIENCES} allowed audiences.")
    if any(not audience or len(audience) > ALLOWED_AUDIENCE_CHARACTERS for audience in audiences):
        raise invalid_argument(f"An allowed audience must have 1 to {ALLOWED_AUDIENCE_CHARACTERS} characters.")
    if jwks := oidc.get("jwksJson"):
        try:
            jwt.PyJWKSet.from_json(jwks)
        except (jwt.PyJWTError, json.JSONDecodeError, AttributeError) as error:
            raise invalid_argument("Input JWK is not in a valid json format.") from error
