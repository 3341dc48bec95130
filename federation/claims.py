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

_MULTIVALUED_KEYS = ("aws:calledvia", "aws:principalorgpaths", "aws:tagkeys", "sts:transitivetagkeys")
_LIST_CLAIMS = frozenset({"amr", "aud"})
_NAME_SEPARATOR = re.compile(r"[/:.]")


@dataclass(frozen=True)
class RequestContext:
    """What a request of AssumeRoleWithWebIdentity brings to the conditions; see `context_from_claims`."""

    provider: str
    """The token's issuer without https://, which prefixes its condition keys."""
    claims: Mapping[str, Any] = field(repr=False)
    others: Mapping[str, Values | None]
    """By key in lower case: what is known from elsewhere, with None for what could be anything. Beats the claims."""

    def lookup(self, key: str) -> Values | None:
        """The values of a lower-cased condition key; () when the request lacks it, None when that can't be known.

        Keys of AWS itself (`aws:SourceIp`, `sts:RoleSessionName`, …) are known only if the caller gave them. A key of
        the token's own provider that AWS documents nowhere is unknown if the token has a claim of that name.
        """
        if key in self.others:
            return self.others[key]
        provider, _, name = key.rpartition(":")
        if provider != self.provider.lower():
            return () if "." in provider else None
        if name in CLAIM_OF_KEY:
            return self._claimed(name)
        return None if self._has_claim_like(name) else ()

    def _claimed(self, name: str) -> Values | None:
        """A documented key's values; None for a type that its claim should not have: what AWS makes of that is not."""
        claim = CLAIM_OF_KEY[name]
        value = self.claims.get(claim)
        if value is None and name == "aud":
            claim, value = name, self.claims.get(name)
        if value is None:
            return ()
        if isinstance(value, str):
            return (value,) if value else None
        if claim in _LIST_CLAIMS and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        return None

    def _has_claim_like(self, name: str) -> bool:
        """Whether a claim could be meant by the key's name: `kubernetes.io/namespace` by the claim `kubernetes.io`."""
        return _first_part(name) in {_first_part(claim) for claim in self.claims}


def is_multivalued(key: str) -> bool:
    """Whether a condition key can have several values, so that IAM requires ForAnyValue or ForAllValues for it.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    name = key.lower()
    return name in _MULTIVALUED_KEYS or name.endswith(":amr")


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
    known = {key.lower(): tuple(values) for key, values in others.items()} if others else {}
    return RequestContext(provider, claims, known)


def _first_part(name: str) -> str:
    return _NAME_SEPARATOR.split(name.lower(), maxsplit=1)[0]
