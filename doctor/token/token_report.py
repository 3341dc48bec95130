"""What `doctor token` says of a token: what it is, what each cloud reads in it, and whether it still counts.

Pure but for nothing: the signature was looked at elsewhere. It shows claims, and never the token or its signature.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from doctor.findings import Finding
from doctor.report import Report, Section
from doctor.token.token_checks import SUBJECT, duration, form_findings, moment, shown_moment, time_findings
from doctor.token.tokens import AWS_OUTBOUND_TOKEN, GKE_TOKEN, GOOGLE_ID_TOKEN, LEGACY_KUBERNETES_TOKEN, Token
from federation.claims import CLAIM_OF_KEY, context_from_claims
from federation.outcome import FAIL, PASS

_TIMES: Final = frozenset({"exp", "iat", "nbf", "auth_time"})
_KEYS: Final = ("sub", "aud", "oaud", "email", "amr")

_USE: Final = {
    GOOGLE_ID_TOKEN: "AWS has accounts.google.com built in: it needs no IAM OIDC provider.",
    GKE_TOKEN: "AWS needs an IAM OIDC provider for its issuer, in the role's account.",
    AWS_OUTBOUND_TOKEN: "It is for clouds outside AWS: Google takes it at a provider of kind oidc, AWS does not.",
    LEGACY_KUBERNETES_TOKEN: "No cloud federates it: mount a projected token instead.",
}


def token_report(token: Token, now: float, signature: Finding | None) -> Report:
    """The claims, the condition keys that AWS makes of them, the findings and one sentence.

    `now` is in seconds since 1970; `signature` is None where claims alone were given, which have none.
    """
    findings = [*form_findings(token), *time_findings(token, now)]
    if signature is not None:
        findings.append(signature)
    findings.sort(key=lambda finding: finding.outcome is not FAIL)
    if not any(each.outcome is FAIL for each in findings):
        findings.append(Finding(PASS, SUBJECT, _lifetime(token, now)))
    sections = [Section("claims", list(_claims(token))), Section("aws_condition_keys", list(_condition_keys(token)))]
    return Report(findings, sections, _verdict(token, findings))


def _claims(token: Token) -> Iterator[dict[str, Any]]:
    for name, value in token.claims.items():
        time = moment(value) if name in _TIMES else None
        yield {"claim": name, "value": _shown(value), "meaning": shown_moment(time) if time is not None else ""}


def _condition_keys(token: Token) -> Iterator[dict[str, Any]]:
    """What a trust policy can ask of this token, in the spelling of the key."""
    if token.provider is None or token.kind == AWS_OUTBOUND_TOKEN:
        return
    context = context_from_claims(token.claims, token.provider)
    for name in _KEYS:
        key = f"{token.provider}:{name}"
        values = context.lookup(key.lower())
        if values != ():
            yield {"key": key, "value": "(not known)" if values is None else values, "of": _origin(token, name)}


def _origin(token: Token, name: str) -> str:
    claim = CLAIM_OF_KEY[name]
    if name == "aud" and token.claims.get(claim) is None:
        claim = "aud"
    return f"claim {claim}"


def _lifetime(token: Token, now: float) -> str:
    expires = moment(token.claims.get("exp"))
    return "has no expiry" if expires is None else f"is valid for {duration(expires - now)} more"


def _verdict(token: Token, findings: Sequence[Finding]) -> str:
    subject = token.claims.get("email") or token.claims.get("sub") or "nobody"
    audience = " and ".join(token.audiences) or "no audience"
    article = "An" if token.kind[0] in "AEIO" else "A"
    text = f"{article} {token.kind} of {_shown(subject)} for {audience}. {_USE.get(token.kind, '')}".strip()
    if any(each.outcome is FAIL for each in findings):
        text += " No cloud takes it as it is."
    return text


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
