"""What a token is: its kind, its claims, and what AWS calls its issuer. It verifies nothing.

It decodes by hand, as PyJWT takes half of the time that `explain` has to answer in; signatures are verified by PyJWT in
`doctor.token.signature`. Nothing here ever shows a token, or a part of one.
https://www.rfc-editor.org/rfc/rfc7519
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from federation.aws import OUTBOUND_ISSUER
from federation.claims import provider_of_issuer
from federation.google import CONTAINER_API, GOOGLE_ISSUERS
from federation.trust import GOOGLE_PRINCIPAL

GOOGLE_ID_TOKEN: Final = "Google ID token"
GKE_TOKEN: Final = "GKE service account token"
KUBERNETES_TOKEN: Final = "Kubernetes service account token"
LEGACY_KUBERNETES_TOKEN: Final = "Kubernetes service account token of a secret"
AWS_OUTBOUND_TOKEN: Final = "AWS outbound identity token"
OTHER_TOKEN: Final = "ID token of another issuer"

_KNOWN_ISSUERS: Mapping[str, str] = {
    "https://token.actions.githubusercontent.com": "GitHub Actions token",
    "https://gitlab.com": "GitLab token",
    "https://app.terraform.io": "HCP Terraform token",
    "https://api.pulumi.com/oidc": "Pulumi Cloud token",
    "https://agent.buildkite.com": "Buildkite token",
}
_ISSUER_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"https://oidc\.circleci\.com/org/.+"), "CircleCI token"),
    (re.compile(r"https://(?:sts\.windows\.net|login\.microsoftonline\.com)/.+"), "Microsoft Entra token"),
    (re.compile(r"https://cognito-idp\.[a-z0-9-]+\.amazonaws\.com/.+"), "Amazon Cognito token"),
    (re.compile(r"https://oidc\.eks\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/id/.+"), "EKS service account token"),
    (OUTBOUND_ISSUER, AWS_OUTBOUND_TOKEN),
)

_ACCESS_TOKENS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"ya29\.|1//0"), "a Google access or refresh token"),
    (re.compile(r"gh[a-z]_|github_pat_"), "a GitHub access token"),
    (re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{16}\Z"), "an AWS access key id"),
    (re.compile(r"(?:IQoJ|FwoG|FQoG)[A-Za-z0-9+/=]{100,}\Z"), "an AWS session token"),
)
_PATH = re.compile(r"(?:file://|/|~/|\.{1,2}/)[^\s{}]*")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


class NotATokenError(ValueError):
    """Something else than a token was given. Its text says what that is, and never quotes it."""


@dataclass(frozen=True)
class Token:
    """A token's claims, decoded and not verified; `header` is None when claims alone were given."""

    claims: Mapping[str, Any]
    header: Mapping[str, Any] | None
    text: str = field(default="", repr=False)
    """The token itself, to verify its signature with; never to be shown."""

    @property
    def issuer(self) -> str:
        """The claim iss; '' for one that is missing or no text."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""

    @property
    def provider(self) -> str | None:
        """The issuer as IAM writes it in ARNs and condition keys; None if IAM can know no such issuer."""
        if self.issuer in GOOGLE_ISSUERS:
            return GOOGLE_PRINCIPAL
        try:
            return provider_of_issuer(self.issuer)
        except ValueError:
            return None

    @property
    def is_google(self) -> bool:
        """Whether it is an ID token of Google itself, for which AWS needs no IAM OIDC provider."""
        return self.provider == GOOGLE_PRINCIPAL

    @property
    def kind(self) -> str:
        """What it is, in words."""
        if self.is_google:
            return GOOGLE_ID_TOKEN
        subject = self.claims.get("sub")
        of_service_account = isinstance(subject, str) and subject.startswith("system:serviceaccount:")
        if self.issuer == "kubernetes/serviceaccount":
            return LEGACY_KUBERNETES_TOKEN
        if self.issuer.startswith(f"{CONTAINER_API}/"):
            return GKE_TOKEN
        known = _KNOWN_ISSUERS.get(self.issuer) or next(
            (name for pattern, name in _ISSUER_PATTERNS if pattern.fullmatch(self.issuer)), None
        )
        return known or (KUBERNETES_TOKEN if of_service_account else OTHER_TOKEN)

    @property
    def audiences(self) -> tuple[str, ...]:
        """The claim aud, one or several."""
        audience = self.claims.get("aud")
        each = audience if isinstance(audience, list) else [audience]
        return tuple(one for one in each if isinstance(one, str))


def parse_token(text: str) -> Token:
    """The token in a text: a JWT, the JSON of a command that prints one, or claims as a JSON object.

    Raises NotATokenError, which says what was given instead.
    """
    text = text.strip()
    if not text:
        raise NotATokenError("nothing was given: the token is empty")
    if text.startswith("{"):
        return _from_json(text)
    if text.lower().startswith(("bearer ", "authorization:")) or text[0] in "\"'":
        raise NotATokenError("what was given has a quote or the word Bearer in front: give the token alone")
    if (name := _name_of_other_secret(text)) is not None:
        raise NotATokenError(f"what was given is {name}, not an ID token")
    if _PATH.fullmatch(text):
        raise NotATokenError("what was given is a path: the token is the content of the file that it names")
    return _from_jwt(text)


def _name_of_other_secret(text: str) -> str | None:
    return next((name for pattern, name in _ACCESS_TOKENS if pattern.match(text)), None)


def _from_jwt(text: str) -> Token:
    parts = text.split(".")
    if len(parts) == 5:
        raise NotATokenError("what was given is an encrypted token (JWE), which nobody but its audience can read")
    if len(parts) != 3:
        raise NotATokenError(
            "what was given is no JWT, which has three parts with dots between: it may be an opaque access token"
        )
    header, claims = (_json_part(part) for part in parts[:2])
    return Token(claims, header, text)


def _json_part(part: str) -> Mapping[str, Any]:
    broken = "what was given looks like a JWT, but its parts are not base64url JSON: was it cut off or changed?"
    if not _BASE64URL.fullmatch(part):
        raise NotATokenError(broken)
    try:
        decoded = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise NotATokenError(broken) from None
    if not isinstance(decoded, dict):
        raise NotATokenError(broken)
    return decoded


def _from_json(text: str) -> Token:
    """Claims, or what kubectl, gcloud and AWS print around a token."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise NotATokenError("what was given starts like a JSON object, and is none") from None
    _refuse_credential_file(content)
    status = content.get("status")
    around = status if isinstance(status, dict) else content
    for name in ("token", "id_token", "idToken", "WebIdentityToken"):
        if isinstance(around.get(name), str):
            return parse_token(around[name])
    if isinstance(content.get("access_token"), str) or isinstance(content.get("accessToken"), str):
        raise NotATokenError("what was given is the answer with an access token, not an ID token")
    if not {"iss", "sub", "aud"} & content.keys():
        raise NotATokenError("what was given is JSON, but neither claims (iss, sub, aud) nor an answer with a token")
    return Token(content, None)


def _refuse_credential_file(content: Mapping[str, Any]) -> None:
    if content.get("type") == "service_account":
        raise NotATokenError(
            "what was given is a service account's key file: it is no token, and with impersonation no key is needed"
        )
    if content.get("type") in ("external_account", "authorized_user", "impersonated_service_account"):
        raise NotATokenError("what was given is a credential configuration of Google's libraries, not a token")
    if "AccessKeyId" in content or "Credentials" in content:
        raise NotATokenError("what was given is a set of AWS credentials, not a token")
