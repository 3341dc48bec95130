"""Whom a workload identity provider or a service account's IAM policy lets in beyond those it is meant for.

It deliberately does not judge what the service account may do.
https://cloud.google.com/iam/docs/best-practices-for-using-workload-identity-federation
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from doctor.catalogue import CATALOGUE
from doctor.findings import Finding, Severity
from doctor.google_files import IamPolicy, Provider
from federation.aws import OUTBOUND_ISSUER
from federation.google import CONTAINER_API, EVERYONE, TOKEN_CREATOR, WORKLOAD_IDENTITY_USER
from federation.outcome import FAIL

_SOURCE: Final = "https://cloud.google.com/iam/docs/best-practices-for-using-workload-identity-federation"
_STARTS_WITH: Final = re.compile(r"""\.startsWith\(\s*(?P<quote>['"])(?P<prefix>[^'"]*)(?P=quote)\s*\)""")
_MATCHES: Final = re.compile(r"""\.matches\(\s*r?(?P<quote>['"])(?P<pattern>.*?)(?P=quote)\s*\)""")
_ENDS_A_NAME: Final = ("/", ":")
_GRANTS: Final = (WORKLOAD_IDENTITY_USER, TOKEN_CREATOR)


def lint_provider(provider: Provider, name: str) -> list[Finding]:
    """What is wrong with a workload identity provider; nothing when all is well."""
    condition = provider.attribute_condition.strip()
    findings = [*_no_condition(provider, condition, name), *_loose_condition(condition, name)]
    findings += _fragile_mapping(provider.attribute_mapping, name)
    return findings


def lint_service_account_policy(policy: IamPolicy, name: str) -> list[Finding]:
    """What is wrong with who may use a service account; nothing when all is well."""
    return [
        finding
        for binding in policy.bindings
        if binding.role in _GRANTS
        for member in binding.members
        for finding in _wide_member(member, binding.role, name)
    ]


def _no_condition(provider: Provider, condition: str, name: str) -> Iterator[Finding]:
    if condition not in ("", "true"):
        return
    fix = "admit the role alone, such as assertion.arn.startsWith('arn:aws:sts::ACCOUNT:assumed-role/ROLE/')"
    if provider.aws:
        said = f"no attribute condition: every identity of AWS account {provider.aws.account_id} gets in"
        yield _open(name, said, "high", fix)
        return
    issuer = provider.oidc.issuer_uri if provider.oidc else "the issuer"
    fix = "admit the subject alone: assertion.sub == 'SUBJECT'"
    if OUTBOUND_ISSUER.fullmatch(issuer) or issuer.startswith(f"{CONTAINER_API}/"):
        yield _open(name, f"no attribute condition: every identity of {issuer} gets in", "high", fix)
    else:
        said = f"no attribute condition: everyone who can get a token of {issuer} gets in"
        yield _open(name, said, "critical", fix)


def _loose_condition(condition: str, name: str) -> Iterator[Finding]:
    if ".contains(" in condition:
        said = "the condition searches with contains(): a user's path or another role's name can hold the text"
        yield _open(name, said, "high", "compare the whole value with ==, or startsWith() to the / that ends the name")
    for each in _STARTS_WITH.finditer(condition):
        if not each["prefix"].endswith(_ENDS_A_NAME):
            said = f"startsWith('{each['prefix']}') also admits names that begin like it"
            yield _open(name, said, "high", f"end it: startsWith('{each['prefix']}/')")
    for each in _MATCHES.finditer(condition):
        if not (each["pattern"].startswith("^") and each["pattern"].endswith("$")):
            said = f"matches('{each['pattern']}') searches anywhere in the text"
            yield _open(name, said, "high", "anchor it with ^ and $, or compare with ==")


def _fragile_mapping(mapping: Mapping[str, str], name: str) -> Iterator[Finding]:
    if mapping.get("google.groups") == "assertion.groups":
        said = "google.groups=assertion.groups fails the whole exchange for a token without the claim groups"
        yield Finding(FAIL, name, said, "", "remove the mapping, as AWS's tokens have no groups", _SOURCE, "low")


def _wide_member(member: str, role: str, name: str) -> Iterator[Finding]:
    if member in EVERYONE:
        yield _open(name, f"{role} is given to {member}", "critical", "name the principal: principal://…/subject/…")
    elif member.startswith("principalSet://") and member.endswith("/*"):
        said = f"{role} is given to a whole pool, {member}: to whoever any provider of it admits, now or later"
        yield _open(name, said, "high", "name the principal: principal://…/subject/arn:aws:iam::ACCOUNT:role/ROLE")
    elif member.startswith("deleted:"):
        problem = CATALOGUE["D11"]
        said = f"{role} is given to a deleted identity, {member}"
        yield Finding(FAIL, name, said, problem.id, problem.fix, problem.source, "low")


def _open(name: str, said: str, severity: Severity, fix: str) -> Finding:
    return Finding(FAIL, name, said, "D27", fix, _SOURCE, severity)
