"""IAM OIDC providers, with AWS's limits and the operations that MiniStack lacks.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
IAM's look at the provider's own host is deliberately not emulated: the sandbox's issuers have no certificate.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from federation.aws import (
    CLIENT_ID_CHARACTERS,
    CLIENT_IDS,
    OIDC_URL_CHARACTERS,
    THUMBPRINT,
    THUMBPRINTS,
    oidc_provider_arn,
)
from sandbox.aws import constraints, emulator
from sandbox.aws.query_protocol import AwsError, Call


def create_open_id_connect_provider(call: Call) -> Mapping[str, Any]:
    """CreateOpenIDConnectProvider. Without a thumbprint the provider gets one, as IAM would retrieve it."""
    url, client_ids, thumbprints = call.get("Url"), call.members("ClientIDList"), call.members("ThumbprintList")
    constraints.require(
        constraints.length("url", url, 1, OIDC_URL_CHARACTERS),
        *(constraints.length("clientIDList", client_id, 1, CLIENT_ID_CHARACTERS) for client_id in client_ids),
        *(_thumbprint_violation(thumbprint) for thumbprint in thumbprints),
    )
    host_and_path = _read_url(url or "")
    _check_counts(client_ids, thumbprints)
    arn = oidc_provider_arn("aws", emulator.account_id(), url or "")
    if arn in emulator.oidc_providers:
        raise AwsError(409, "EntityAlreadyExists", f"Provider with url {url} already exists.")
    emulator.oidc_providers[arn] = {
        "Url": host_and_path,  # GetOpenIDConnectProvider answers without the scheme
        "ClientIDList": list(dict.fromkeys(client_ids)),
        "ThumbprintList": thumbprints or [_retrieved_thumbprint(host_and_path)],
        "Arn": arn,
        "CreateDate": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "Tags": call.tags(),
    }
    return {"OpenIDConnectProviderArn": arn, "Tags": [{**tag} for tag in call.tags()]}


def add_client_id(call: Call) -> None:
    """AddClientIDToOpenIDConnectProvider: one that is there already is no error."""
    provider = _find(call)
    client_id = call.get("ClientID")
    constraints.require(constraints.length("clientID", client_id, 1, CLIENT_ID_CHARACTERS))
    if client_id not in provider["ClientIDList"]:
        _check_counts([*provider["ClientIDList"], client_id or ""], [])
        provider["ClientIDList"].append(client_id)


def remove_client_id(call: Call) -> None:
    """RemoveClientIDFromOpenIDConnectProvider: one that is not there is no error."""
    provider = _find(call)
    if call.get("ClientID") in provider["ClientIDList"]:
        provider["ClientIDList"].remove(call.get("ClientID"))


def update_thumbprint(call: Call) -> None:
    """UpdateOpenIDConnectProviderThumbprint: replaces the whole list."""
    provider = _find(call)
    thumbprints = call.members("ThumbprintList")
    constraints.require(*(_thumbprint_violation(thumbprint) for thumbprint in thumbprints))
    _check_counts([], thumbprints)
    provider["ThumbprintList"] = thumbprints


def tag_open_id_connect_provider(call: Call) -> None:
    """TagOpenIDConnectProvider: adds, and replaces values of keys that are there."""
    provider = _find(call)
    values = {tag["Key"]: tag["Value"] for tag in [*provider["Tags"], *call.tags()]}
    provider["Tags"] = [{"Key": key, "Value": value} for key, value in values.items()]


def untag_open_id_connect_provider(call: Call) -> None:
    """UntagOpenIDConnectProvider."""
    provider = _find(call)
    removed = call.members("TagKeys")
    provider["Tags"] = [tag for tag in provider["Tags"] if tag["Key"] not in removed]


def list_tags(call: Call) -> Mapping[str, Any]:
    """ListOpenIDConnectProviderTags, on one page."""
    return {"Tags": [{**tag} for tag in _find(call)["Tags"]], "IsTruncated": False}


def _find(call: Call) -> dict[str, Any]:
    arn = call.get("OpenIDConnectProviderArn")
    provider: dict[str, Any] | None = emulator.oidc_providers.get(arn)
    if provider is None:
        raise AwsError(404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def _read_url(url: str) -> str:
    """The url without its scheme; a trailing slash stays, and then only an issuer with one matches."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AwsError(400, "ValidationError", "Invalid Open ID Connect Provider URL") from None
    if not parts.scheme or not parts.hostname:
        raise AwsError(400, "ValidationError", "Invalid Open ID Connect Provider URL")
    if parts.scheme != "https":
        raise AwsError(400, "InvalidInput", "Invalid Open ID Connect Provider URL. The URL must begin with https://.")
    if parts.query or parts.fragment or parts.username is not None or ":" in parts.netloc:
        raise AwsError(400, "InvalidInput", "Invalid Open ID Connect Provider URL")
    return url.removeprefix("https://")


def _check_counts(client_ids: list[str], thumbprints: list[str]) -> None:
    if len(thumbprints) > THUMBPRINTS:
        raise AwsError(400, "InvalidInput", f"Thumbprint list must contain fewer than {THUMBPRINTS} entries.")
    if len(client_ids) > CLIENT_IDS:
        message = f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS}"
        raise AwsError(409, "LimitExceeded", message)


def _thumbprint_violation(thumbprint: str) -> str | None:
    if len(thumbprint) == 40 and not THUMBPRINT.fullmatch(thumbprint):
        return constraints.pattern("thumbprintList", thumbprint, "[0-9A-Fa-f]{40}")
    return constraints.length("thumbprintList", thumbprint, 40, 40)


def _retrieved_thumbprint(host_and_path: str) -> str:
    return hashlib.sha1(host_and_path.partition("/")[0].encode(), usedforsecurity=False).hexdigest()
