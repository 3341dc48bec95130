"""What STS asks of a token itself, whatever the role: its times, its claims, its algorithm. The signature is not here.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.findings import Finding
from doctor.token.tokens import LEGACY_KUBERNETES_TOKEN, NotATokenError, Token
from federation.aws import WEB_IDENTITY_TOKEN_ALGORITHMS, WEB_IDENTITY_TOKEN_CHARACTERS, WEB_IDENTITY_TOKEN_CLAIMS
from federation.outcome import FAIL

SUBJECT: Final = "token"


def not_a_token(error: NotATokenError) -> Finding:
    """D28: something else was given."""
    problem = CATALOGUE["D28"]
    return Finding(FAIL, SUBJECT, str(error), problem.id, problem.fix, problem.source)


def time_findings(token: Token, now: float) -> Iterator[Finding]:
    """D18 for a token that has expired, and a clock that goes wrong; nothing for a valid one."""
    problem = CATALOGUE["D18"]
    expires, issued, not_before = (moment(token.claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is not None and expires <= now:
        said = f"it expired {duration(now - expires)} ago, at {shown_moment(expires)}"
        fix = "get a new one; let the SDK read it from its file (AWS_WEB_IDENTITY_TOKEN_FILE) at each renewal"
        yield Finding(FAIL, SUBJECT, said, problem.id, fix, problem.source)
    begins = max((each for each in (issued, not_before) if each is not None), default=now)
    if begins > now:
        said = f"it is valid in {duration(begins - now)} only, at {shown_moment(begins)}"
        yield Finding(FAIL, SUBJECT, said, "", "set this machine's clock, or the one of the issuer", problem.source)


def form_findings(token: Token) -> Iterator[Finding]:
    """Why STS would take the token for none: a claim that is missing, the algorithm, the size."""
    source = CATALOGUE["D28"].source
    missing = [name for name in WEB_IDENTITY_TOKEN_CLAIMS if token.claims.get(name) in (None, "", [])]
    if token.kind == LEGACY_KUBERNETES_TOKEN:
        said = "it is the never-expiring token of a secret, which no IAM OIDC provider can be made for"
        fix = "mount a projected token: `pod_patch` of the stack's workload, or serviceAccountToken with an audience"
        yield Finding(FAIL, SUBJECT, said, "D28", fix, source)
    elif missing:
        said = f"it lacks the claim {', '.join(missing)}, which STS requires"
        yield Finding(FAIL, SUBJECT, said, "D28", CATALOGUE["D28"].fix, source)
    if token.header is None:
        return
    if token.header.get("alg") not in WEB_IDENTITY_TOKEN_ALGORITHMS:
        said = f"STS takes a token signed by {', '.join(sorted(WEB_IDENTITY_TOKEN_ALGORITHMS))}, and this one is not"
        yield Finding(FAIL, SUBJECT, said, "D28", "let the issuer sign with RS256", source)
    if len(token.text) not in WEB_IDENTITY_TOKEN_CHARACTERS:
        said = f"it has {len(token.text)} characters, and STS takes {WEB_IDENTITY_TOKEN_CHARACTERS.stop - 1}"
        yield Finding(FAIL, SUBJECT, said, "", "ask the issuer for fewer claims", source)


def moment(value: Any) -> float | None:
    """A claim's time in seconds since 1970; None for one that is missing or no number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def shown_moment(seconds: float) -> str:
    """A time for people, in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.0f} s after 1970"


def duration(seconds: float) -> str:
    """A span for people, in its two largest units."""
    rest = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
