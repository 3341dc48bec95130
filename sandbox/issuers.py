"""The sandbox's token issuers: signing keys by issuer url, shared by the clouds that sign and the clouds that verify.

It deliberately holds no claims policy: who may get a token, and what a verifier makes of one, is each cloud's own.
"""

import json
import threading
import uuid
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sandbox.certificates import self_signed_certificate


class Issuer:
    """One issuer with one current RS256 key; `rotate` replaces it, as clouds do."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.rotate()

    def rotate(self) -> None:
        """Replace the key; tokens signed before no longer verify."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = uuid.uuid4().hex

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact RS256 JWT of `claims`; `iss` is this issuer's url unless the claims say otherwise."""
        return jwt.encode({"iss": self.url, **claims}, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        key = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        return {"keys": [{**key, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}

    def certificates(self) -> dict[str, str]:
        """The public keys as PEM certificates by key id, which is how Google publishes them too."""
        return {self.key_id: self_signed_certificate("federated-signon.system.gserviceaccount.com", self._key)}


class Issuers:
    """Every issuer that the sandbox's clouds can resolve, by exact url. Safe to share between threads."""

    def __init__(self) -> None:
        self._issuers: dict[str, Issuer] = {}
        self._lock = threading.Lock()

    def create(self, url: str) -> Issuer:
        """The issuer of `url`, made on first use."""
        with self._lock:
            if url not in self._issuers:
                self._issuers[url] = Issuer(url)
            return self._issuers[url]

    def find(self, url: str) -> Issuer | None:
        """The issuer of `url`, or None: nothing answers at that url."""
        return self._issuers.get(url)
