"""The condition keys that AWS fills from a web identity token's claims.

It deliberately neither verifies a token nor decodes one; it takes claims that were verified elsewhere.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Values = tuple[str, ...]

CLAIM_OF_KEY: Mapping[str, str] = {"amr": "amr", "aud": "azp", "email": "email", "oaud": "aud", "sub": "sub"}
"""Condition key, without its provider, to claim. `aud` takes the claim aud when the token has no azp. Google, GKE and
every issuer without a list of its own in AWS's reference have these."""

_LIST_CLAIMS = frozenset({"amr", "aud"})
_NAME_SEPARATOR = re.compile(r"[/:.]")


@dataclass(frozen=True)
class RequestContext:
    """What a request of AssumeRoleWithWebIdentity brings to the conditions.

    `provider` is the token's issuer without https://, which prefixes its condition keys. `values` are by lower-cased
    key; () says that the request certainly lacks the key, None that its value can't be known from the token.
    """

    provider: str
    values: Mapping[str, Values | None]
    claim_names: tuple[str, ...] = field(default=(), repr=False)
    """Of all claims of the token, those that fill no key included."""

    def lookup(self, key: str) -> Values | None:
        """The values of a lower-cased condition key; () when the request lacks it, None when that can't be known.

        Keys of AWS itself (`aws:SourceIp`, `sts:RoleSessionName`, …) are known only if the caller gave them. A key of
        the token's own provider that AWS documents nowhere is unknown if the token has a claim of that name.
        """
        if key in self.values:
            return self.values[key]
        provider, _, name = key.rpartition(":")
        if "." not in provider:
            return None
        if provider == self.provider.lower() and self._has_claim_like(name):
            return None
        return ()

    def _has_claim_like(self, name: str) -> bool:
        """Whether a claim could be meant by the key's name: `kubernetes.io/namespace` by the claim `kubernetes.io`."""
        return _first_part(name) in {_first_part(claim) for claim in self.claim_names}


def provider_of_issuer(issuer: str) -> str:
    """The issuer as IAM writes it in ARNs and condition keys. Raises ValueError for one that is no https url: IAM knows
    no such provider.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
    """
    provider = issuer.removeprefix("https://")
    if provider == issuer or not provider:
        raise ValueError(f"the issuer {issuer!r} does not begin with https://, so no IAM OIDC provider can be its own")
    return provider


def context_from_claims(
    claims: Mapping[str, Any], provider: str, others: Mapping[str, Sequence[str]] | None = None
) -> RequestContext:
    """The context of a request with a token of `claims` from `provider` (see `provider_of_issuer`).

    `others` are keys known from elsewhere, such as {"sts:RoleSessionName": ["app"]}; an empty sequence says that the
    request lacks the key.
    """
    prefix = provider.lower()
    has_authorized_party = claims.get("azp") is not None
    values: dict[str, Values | None] = {
        f"{prefix}:{key}": _values(claims, "aud" if key == "aud" and not has_authorized_party else claim)
        for key, claim in CLAIM_OF_KEY.items()
    }
    if others:
        values.update((key.lower(), tuple(given)) for key, given in others.items())
    return RequestContext(provider, values, tuple(claims))


def _values(claims: Mapping[str, Any], name: str) -> Values | None:
    """A claim's values; None for a type that it should not have, as what AWS makes of that is not documented."""
    claim = claims.get(name)
    if claim is None:
        return ()
    if isinstance(claim, str):
        return (claim,) if claim else None
    if name in _LIST_CLAIMS and isinstance(claim, list) and all(isinstance(each, str) for each in claim):
        return tuple(claim)
    return None


def _first_part(name: str) -> str:
    return _NAME_SEPARATOR.split(name.lower(), maxsplit=1)[0]
