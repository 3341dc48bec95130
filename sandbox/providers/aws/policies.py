"""IAM policy documents as the real AWS provider compares them: by what they mean, not by how they are written.

It deliberately evaluates nothing. https://github.com/hashicorp/awspolicyequivalence
"""

import json
from typing import Any
from urllib.parse import urlsplit


def not_a_policy(text: str) -> str | None:
    """Why the real provider refuses a policy document at plan time: it looks no further than for a JSON object."""
    try:
        document = json.loads(text)
    except ValueError as error:
        return f"contains an invalid JSON policy: {error}"
    if not isinstance(document, dict):
        return f"contains an invalid JSON policy: expected a JSON object, got {text[:40]!r}"
    return None


def equivalent_policies(left: str, right: str) -> bool:
    """Whether two documents grant the same: lists are sets, and a list of one is that one."""
    try:
        return bool(_normal(json.loads(left)) == _normal(json.loads(right)))
    except ValueError:
        return left == right


def kept_if_equivalent(known: str | None, live: dict[str, Any]) -> str:
    """The text for the state: the known one while the live document means the same, so that nothing seems changed."""
    text = json.dumps(live)
    return known if known is not None and equivalent_policies(known, text) else text


def equivalent_urls(left: str, right: str) -> bool:
    """Whether two OIDC provider urls are the same to AWS, which gives them back without the scheme."""
    return _without_https(left) == _without_https(right)


def not_an_oidc_url(url: str) -> str | None:
    """Why the real provider refuses an OIDC provider's url at plan time."""
    parts = urlsplit(url)
    if not parts.netloc:
        return f"expected to have a host, got {url}"
    if parts.scheme != "https":
        return f'expected to have a url with schema of: "https", got {url}'
    if parts.query:
        return "cannot contain query parameters per the OIDC standard"
    return None


def _without_https(url: str) -> str:
    return url.removeprefix("https://")


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    if isinstance(value, list):
        items = sorted((_normal(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
        return items[0] if len(items) == 1 else items
    return value
