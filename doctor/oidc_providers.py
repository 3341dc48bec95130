"""What AWS checks before any condition: the IAM OIDC provider of the token's issuer, in the role's account.

Pure: which providers the account has is read from a file here, or asked for by `doctor.clouds.live_roles`.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from doctor.catalogue import CATALOGUE
from doctor.errors import UsageError
from doctor.findings import Finding
from doctor.token.tokens import AWS_OUTBOUND_TOKEN, Token
from federation.aws import BUILT_IN_OIDC_HOSTS, THUMBPRINT, issuer_host_and_path
from federation.outcome import FAIL, UNKNOWN

_ARN = re.compile(r"arn:[a-z-]+:iam::(?P<account>[0-9]{12}):oidc-provider/(?P<provider>.+)")
_GIVE = "give what the AWS CLI prints, in a list"


@dataclass(frozen=True)
class OidcProvider:
    """An IAM OIDC provider; what is None is not known."""

    provider: str
    """Its url without https://."""
    client_ids: tuple[str, ...] | None = None
    thumbprints: tuple[str, ...] = ()
    account_id: str | None = None


def providers_from_text(text: str, where: str) -> list[OidcProvider]:
    """The providers in what `aws iam list-open-id-connect-providers` or `get-open-id-connect-provider` prints.

    Several answers may stand in a list, or by ARN in an object. Raises UsageError.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"{where} is not JSON; give what `aws iam get-open-id-connect-provider` prints") from None
    if isinstance(content, dict):
        content = content.get("OpenIDConnectProviderList", content)
    if isinstance(content, dict) and content and all(_ARN.fullmatch(name) for name in content):
        content = [{"Arn": arn, **each} for arn, each in content.items() if isinstance(each, dict)]
    return [provider_from_api(each, where) for each in (content if isinstance(content, list) else [content])]


def provider_from_api(answer: Mapping[str, Any], where: str) -> OidcProvider:
    """A provider as IAM answers with it, with its Arn added if known. Raises UsageError."""
    if not isinstance(answer, Mapping):
        raise UsageError(f"{where} has an entry that is no object; {_GIVE}")
    arn_text, url, client_ids = answer.get("Arn"), answer.get("Url"), answer.get("ClientIDList")
    arn = _ARN.fullmatch(arn_text) if isinstance(arn_text, str) else None
    url = url if isinstance(url, str) else arn["provider"] if arn else None
    if url is None:
        raise UsageError(f"{where} has an entry without Url and Arn; {_GIVE}")
    return OidcProvider(
        provider=url.removeprefix("https://"),
        client_ids=_texts(client_ids) if isinstance(client_ids, list) else None,
        thumbprints=_texts(answer.get("ThumbprintList")),
        account_id=arn["account"] if arn else None,
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def provider_findings(token: Token, providers: Sequence[OidcProvider], account_id: str | None) -> Iterator[Finding]:
    """Why STS would refuse the token before it looks at the role; nothing when it would not.

    `providers` are all of the account, or of several when `account_id` tells which counts.
    """
    in_account = [each for each in providers if account_id in (None, each.account_id) or each.account_id is None]
    subject = f"IAM OIDC providers of account {account_id}" if account_id else "IAM OIDC providers"
    own = next((each for each in in_account if each.provider == token.provider), None)
    if token.provider in BUILT_IN_OIDC_HOSTS:
        if own is not None:
            yield _built_in(subject, own.provider)
    elif token.kind == AWS_OUTBOUND_TOKEN:
        yield outbound_refused(subject)
    elif own is None:
        yield _missing(subject, token, [each for each in providers if each not in in_account], in_account)
    else:
        yield from _wrong_client_id(subject, token, own)
        yield from _bad_thumbprints(subject, own)


def outbound_refused(subject: str) -> Finding:
    """AWS takes no outbound token of its own back."""
    return Finding(
        FAIL,
        subject,
        "the token is of AWS's own outbound identity federation, which can't be used to get into AWS",
        "D5",
        "assume the role with AWS credentials (sts:AssumeRole); the token is for clouds outside AWS",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html",
    )


def _built_in(subject: str, provider: str) -> Finding:
    return Finding(
        FAIL,
        subject,
        f"there is a provider for {provider}, which AWS has built in: STS then refuses its tokens with"
        " InvalidIdentityToken",
        "D5",
        f"delete it: `aws iam delete-open-id-connect-provider --open-id-connect-provider-arn ARN`; name {provider} in"
        " trust policies",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
    )


def _missing(
    subject: str, token: Token, elsewhere: Sequence[OidcProvider], in_account: Sequence[OidcProvider]
) -> Finding:
    problem = CATALOGUE["D5"]
    said = f"there is none for the token's issuer {token.issuer}"
    other = next((each for each in elsewhere if each.provider == token.provider), None)
    if other is not None:
        said += f"; account {other.account_id} has one, but it must be in the role's account"
    elif (near := _near(token.provider or "", in_account)) is not None:
        said += f"; https://{near.provider} is another url, and AWS compares to the letter"
    audience = token.audiences[0] if token.audiences else "AUDIENCE"
    fix = (
        "in the role's account: `aws iam create-open-id-connect-provider"
        f" --url {token.issuer} --client-id-list {audience}`"
    )
    return Finding(FAIL, subject, said, problem.id, fix, problem.source)


def _near(provider: str, providers: Sequence[OidcProvider]) -> OidcProvider | None:
    def bare(name: str) -> str:
        return issuer_host_and_path(f"https://{name}").lower().replace("/zones/", "/locations/")

    same = next((each for each in providers if bare(each.provider) == bare(provider)), None)
    host = provider.partition("/")[0]
    return same or next((each for each in providers if each.provider.partition("/")[0] == host), None)


def _wrong_client_id(subject: str, token: Token, own: OidcProvider) -> Iterator[Finding]:
    problem = CATALOGUE["D4"]
    authorized_party = token.claims.get("azp")
    wanted = (authorized_party,) if isinstance(authorized_party, str) else token.audiences
    if own.client_ids is None:
        said = f"which client ids the provider of {own.provider} lists is not known"
        fix = "give what `aws iam get-open-id-connect-provider` prints for it"
        yield Finding(UNKNOWN, subject, said, problem.id, fix, problem.source)
    elif set(own.client_ids).isdisjoint(wanted):
        listed = ", ".join(own.client_ids) or "nothing"
        said = (
            f"the token is for {' and '.join(wanted) or 'no audience'}; the provider of {own.provider} lists {listed}"
        )
        yield Finding(FAIL, subject, said, problem.id, _client_id_fix(own.client_ids, wanted), problem.source)


def _client_id_fix(listed: Sequence[str], wanted: Sequence[str]) -> str:
    """Asking for the right audience is better than listing a misspelt one."""
    ask = f"ask for a token for {listed[0]} (`audience:` of the token volume or of the request)" if listed else ""
    add = (
        "`aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ARN --client-id"
        f" {wanted[0]}`"
        if wanted
        else ""
    )
    return "; or, if the audience is meant, ".join(filter(None, [ask, add]))


def _bad_thumbprints(subject: str, own: OidcProvider) -> Iterator[Finding]:
    problem = CATALOGUE["D7"]
    if any(not THUMBPRINT.fullmatch(thumbprint) for thumbprint in own.thumbprints):
        said = f"the provider of {own.provider} has a thumbprint that is not 40 hex digits"
        yield Finding(FAIL, subject, said, problem.id, problem.fix, problem.source)


def wrongly_created(providers: Sequence[OidcProvider]) -> Iterator[Finding]:
    """Providers that an account should not have, whatever the token."""
    for each in providers:
        if each.provider in BUILT_IN_OIDC_HOSTS:
            yield _built_in("IAM OIDC providers", each.provider)
