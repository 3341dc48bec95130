"""Whether an issuer's url is one that AWS and Google take, and the nearest one that is."""

from urllib.parse import urlsplit

from federation import aws
from federation.settings.rule import Fault


def check_issuer(url: str) -> Fault | None:
    """What keeps a url from being an OIDC issuer's: https, a host, perhaps a path, and nothing else.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html
    """
    reason = _reason(url)
    return Fault(reason, _repaired(url), "the full url of the issuer, as in its tokens' iss") if reason else None


def check_aws_provider(url: str) -> Fault | None:
    """As `check_issuer`, and not an issuer that AWS knows by itself."""
    if host(url) in aws.BUILT_IN_OIDC_HOSTS:
        return Fault(
            "is built into AWS: with an IAM provider for it, STS refuses its tokens with InvalidIdentityToken",
            fix="leave url out, it is the cluster's issuer then; the route google needs no provider",
        )
    return check_issuer(url)


def check_google_provider(url: str) -> Fault | None:
    """As `check_issuer`; `outbound` stands for the issuer of the AWS account's outbound identity federation."""
    if url == "outbound":
        return None
    if host(url) == aws.STS_AUDIENCE:
        return Fault(
            "issues no tokens: an account's tokens come from https://<uuid>.tokens.sts.global.api.aws",
            "outbound",
            "that is the account's own issuer, found out by the program",
        )
    if "://" not in url:
        return Fault("is neither outbound nor a url", "outbound")
    return check_issuer(url)


def host(url: str) -> str:
    """The host of a url, also of one without a scheme; empty where there is none."""
    try:
        return urlsplit(url if "://" in url else f"https://{url}").hostname or ""
    except ValueError:
        return ""


def _reason(url: str) -> str:
    try:
        parts = urlsplit(url)
        hostname, port = parts.hostname, parts.port
    except ValueError:
        return "is not a url"
    broken = (
        (len(url) > aws.OIDC_URL_CHARACTERS, f"has {len(url)} characters"),
        (not url.startswith("https://"), "does not start with https://"),
        (not hostname, "names no host"),
        ("@" in parts.netloc, "has a user name"),
        (port is not None or parts.netloc.endswith(":"), "has a port"),
        ("?" in url, "has a query"),
        ("#" in url, "has a fragment"),
        (url.endswith("/"), "ends with a slash"),
        (not aws.OIDC_URL.fullmatch(url), "does not have this form"),
    )
    return next((reason for applies, reason in broken if applies), "")


def _repaired(url: str) -> str | None:
    try:
        path = urlsplit(url if "://" in url else f"https://{url}").path
    except ValueError:
        return None
    meant = f"https://{host(url)}{path.rstrip('/')}"
    return None if _reason(meant) else meant
