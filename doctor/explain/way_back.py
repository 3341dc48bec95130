"""Why an AWS role gets into Google Cloud, or does not: identity, provider, and the service account's IAM policy.

Pure: what Google has is given. It deliberately verifies no signature and no signed request.
https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from doctor.catalogue import CATALOGUE
from doctor.errors import UsageError
from doctor.explain.way_back_members import member_findings
from doctor.findings import Finding
from doctor.google_files import Binding, Provider
from doctor.report import Report, Section
from doctor.token.tokens import Token
from federation import cel
from federation.attributes import (
    AWS_DEFAULT_MAPPING,
    SUBJECT,
    MappedAttributes,
    attributes_problem,
    condition_outcome,
    federated_member,
    federated_sets,
    map_attributes,
)
from federation.external_account import provider_audience
from federation.google import SUBJECT_BYTES, SUBJECT_TOKEN_ALGORITHMS
from federation.outcome import FAIL, PASS, UNKNOWN, every

Json = Mapping[str, Any]

_AWS_ARN = re.compile(r"arn:(?P<partition>[a-z-]+):(?:sts|iam)::(?P<account>[0-9]{12}):.+")
_SESSION = re.compile(r"arn:(?P<partition>[a-z-]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/[^/]+")
_PROVIDER = re.compile(
    r"(?P<pool>projects/(?P<project>[^/]+)/locations/global/workloadIdentityPools/[^/]+)/providers/[^/]+"
)
_POOL: Final = re.compile(r"projects/[^/]+/locations/global/workloadIdentityPools/[^/]+")


@dataclass(frozen=True)
class Identity:
    """Who wants in: what an `aws` provider asserts of a signed request, or an outbound token's claims."""

    arn: str | None
    claims: Json | None
    algorithm: str | None = None
    """Of the token's signature, if a token was given."""

    @property
    def account_id(self) -> str | None:
        """The AWS account of the ARN."""
        parts = _AWS_ARN.fullmatch(self.arn or "")
        return parts["account"] if parts else None


def identity_of_arn(arn: str) -> Identity:
    """An identity as `aws sts get-caller-identity` shows it. Raises UsageError."""
    if not _AWS_ARN.fullmatch(arn):
        raise UsageError(
            f"{arn!r} is not an identity's ARN; take it from `aws sts get-caller-identity`, such as"
            " arn:aws:sts::111122223333:assumed-role/NAME/SESSION"
        )
    return Identity(arn, None)


def identity_of_token(token: Token) -> Identity:
    """The identity of an outbound token, or of another OIDC token."""
    return Identity(None, token.claims, token.header.get("alg") if token.header else None)


@dataclass(frozen=True)
class Case:
    """An identity at a provider, and then at a service account; what is None is not known."""

    identity: Identity
    provider: Provider
    bindings: Sequence[Binding] | None = None
    """Of the service account's IAM policy."""
    audience: str | None = None
    """What the client asks the exchange for, as in its external_account file."""

    @property
    def pool_name(self) -> str:
        """Its pool's resource name; '' when the provider's is not known."""
        parts = _PROVIDER.fullmatch(self.provider.name)
        return parts["pool"] if parts else ""


def explain_way_back(case: Case) -> Report:
    """Whether Google admits the identity, why, and what to change. Raises UsageError for CEL that is none."""
    findings = [*_target(case)]
    assertion = _assertion(case)
    if assertion is None:
        findings.append(_wrong_kind(case))
        return Report(findings, verdict=_verdict(case, findings))
    findings += _who(case, assertion)
    attributes, mapped = _mapped(case, assertion)
    findings += mapped
    sections = [Section("attributes", [{"attribute": k, "value": v} for k, v in attributes.values.items()])]
    if every(each.outcome for each in mapped) is PASS and SUBJECT in attributes.values and case.pool_name:
        member = federated_member(case.pool_name, attributes.values)
        sections.append(Section("member", [{"member": member}]))
        if case.bindings is not None:
            findings += member_findings(member, federated_sets(case.pool_name, attributes.values), case.bindings)
    findings.sort(key=lambda finding: (FAIL, UNKNOWN, PASS).index(finding.outcome))
    return Report(findings, sections, _verdict(case, findings))


def _target(case: Case) -> Iterator[Finding]:
    """Whether the provider can be a target at all, and is named rightly (D22)."""
    problem = CATALOGUE["D22"]
    if case.provider.state != "ACTIVE" or case.provider.disabled:
        said = "is deleted or disabled: Google says that the target service indicated by the audience is invalid"
        fix = "undelete it (`gcloud iam workload-identity-pools providers undelete`), or enable it"
        yield Finding(FAIL, "provider", said, problem.id, fix, problem.source)
    if case.audience is None:
        return
    resource = case.audience.removeprefix("https:").removeprefix("//iam.googleapis.com/")
    parts = _PROVIDER.fullmatch(resource)
    right = provider_audience(case.provider.name) if _PROVIDER.fullmatch(case.provider.name) else None
    if not case.audience.startswith("//iam.googleapis.com/") or parts is None:
        which = "names a pool, not a provider" if _POOL.fullmatch(resource) else "is no provider's full resource name"
        yield Finding(FAIL, "audience", f"{case.audience} {which}", problem.id, right or problem.fix, problem.source)
    elif not parts["project"].isdigit():
        said = f"{case.audience} has the project's id, and it takes the number"
        yield Finding(FAIL, "audience", said, problem.id, right or problem.fix, problem.source)
    elif right is not None and case.audience != right:
        said = f"{case.audience} is of another provider than {case.provider.name}"
        yield Finding(FAIL, "audience", said, problem.id, right, problem.source)


def _assertion(case: Case) -> Json | None:
    """What the provider's CEL reads as `assertion`; None for an identity of the other kind."""
    identity = case.identity
    if case.provider.aws:
        return {"arn": identity.arn, "account": identity.account_id} if identity.arn else None
    if identity.claims is not None:
        return identity.claims
    session = _SESSION.fullmatch(identity.arn or "")
    # An outbound token's subject is the role of the session; its other claims are not known from an ARN.
    return {"sub": f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"} if session else None


def _wrong_kind(case: Case) -> Finding:
    kind = "aws" if case.provider.aws else "oidc"
    takes = (
        "a signed GetCallerIdentity request: give the ARN that `aws sts get-caller-identity` shows"
        if kind == "aws"
        else "an OIDC token: give the token of `aws sts get-web-identity-token`"
    )
    return Finding(FAIL, "provider", f"is of kind {kind}, which takes {takes}", source=CATALOGUE["D22"].source)


def _who(case: Case, assertion: Json) -> Iterator[Finding]:
    """The account of an `aws` provider; issuer, audience and algorithm of an `oidc` provider."""
    source = CATALOGUE["D22"].source
    if case.provider.aws:
        wanted = case.provider.aws.account_id
        if assertion["account"] != wanted:
            said = f"the identity is of account {assertion['account']}, the provider is for {wanted}"
            yield Finding(FAIL, "account", said, "D23", f"make a provider for {assertion['account']}", source)
        return
    issuer = case.provider.oidc.issuer_uri if case.provider.oidc else ""
    if "iss" in assertion and assertion["iss"] != issuer:
        said = f"the token is of {assertion['iss']}, the provider is for {issuer}"
        yield Finding(FAIL, "issuer", said, "D23", "set the provider's issuer uri to the token's iss", source)
    if case.identity.algorithm not in (None, *SUBJECT_TOKEN_ALGORITHMS):
        takes = " or ".join(SUBJECT_TOKEN_ALGORITHMS)
        said = f"the token is signed with {case.identity.algorithm}, and Google takes {takes}"
        yield Finding(FAIL, "signature", said, "", "ask GetWebIdentityToken for SigningAlgorithm=RS256", source)
    if case.identity.claims is not None:
        yield from _audience_of_token(case, assertion)


def _audience_of_token(case: Case, assertion: Json) -> Iterator[Finding]:
    problem = CATALOGUE["D22"]
    default = provider_audience(case.provider.name)
    named = case.provider.oidc.allowed_audiences if case.provider.oidc else ()
    allowed = named or (default, f"https:{default}")
    given = assertion.get("aud", [])
    if not any(each in allowed for each in (given if isinstance(given, list) else [given])):
        said = f"the token is for {given or 'no audience'}, the provider takes {' or '.join(allowed)}"
        fix = f"ask GetWebIdentityToken for --audience {allowed[0]}, or add the audience to the provider"
        yield Finding(FAIL, "audience", said, problem.id, fix, problem.source)


def _mapped(case: Case, assertion: Json) -> tuple[MappedAttributes, list[Finding]]:
    """The attributes, and the findings of condition and mapping: in Google's order, the condition first."""
    mapping = case.provider.attribute_mapping or AWS_DEFAULT_MAPPING
    condition = case.provider.attribute_condition
    try:
        attributes = map_attributes(mapping, assertion)
        admitted = condition_outcome(condition, attributes.values, assertion)
    except cel.CelError as error:
        raise UsageError(f"the provider's CEL can't be read: {error}") from None
    findings = []
    if condition:
        problem = CATALOGUE["D23"]
        said = {PASS: "holds", FAIL: "rejects the identity", UNKNOWN: "calls a function that is not known here"}[
            admitted
        ]
        fix = "" if admitted is PASS else _condition_fix(case, assertion)
        problem_id = problem.id if admitted is not PASS else ""
        findings.append(
            Finding(admitted, "attribute condition", f"{said}: {condition}", problem_id, fix, problem.source)
        )
    findings.extend(
        Finding(UNKNOWN, f"mapping of {name}", "calls a function that is not known here") for name in attributes.unknown
    )
    if (refused := attributes_problem(attributes)) is not None:
        findings.append(_mapping_refused(attributes, refused))
    elif SUBJECT in attributes.values:
        findings.append(Finding(PASS, "attribute mapping", f"{SUBJECT} is {attributes.values[SUBJECT]}"))
    return attributes, findings


def _condition_fix(case: Case, assertion: Json) -> str:
    arn = assertion.get("arn") or assertion.get("sub")
    session = _SESSION.fullmatch(arn or "")
    if case.provider.aws and session:
        prefix = arn[: arn.rindex("/") + 1] if isinstance(arn, str) else ""
        clause = f"assertion.arn.startsWith('{prefix}')"
    else:
        clause = f"assertion.sub == '{arn}'"
    return f"if it is meant to get in, add  || {clause}  (a stack of this program: `returnToGcp: true` on its workload)"


def _mapping_refused(attributes: MappedAttributes, said: str) -> Finding:
    too_long = len(str(attributes.values.get(SUBJECT, "")).encode()) > SUBJECT_BYTES
    problem = CATALOGUE["D21"]
    if too_long:
        return Finding(FAIL, "attribute mapping", said, problem.id, problem.fix, problem.source)
    fix = "map only claims that every token has; guard the others: has(assertion.x) ? assertion.x : ''"
    return Finding(FAIL, "attribute mapping", said, "", fix, problem.source)


def _verdict(case: Case, findings: Sequence[Finding]) -> str:
    outcome = every(each.outcome for each in findings)
    text = {
        PASS: "Google admits the identity.",
        FAIL: "Google does not admit the identity.",
        UNKNOWN: "Whether Google admits the identity can't be decided.",
    }[outcome]
    if case.bindings is None:
        text += " Not looked at: whether it may use a service account (--service-account EMAIL or FILE)."
    return text
