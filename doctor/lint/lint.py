"""Whom a trust policy lets in beyond those it is meant for.

It asks the evaluator instead of looking for patterns: would a stranger's token of the same issuer be admitted, whatever
else it claims? So IfExists, ForAllValues, Null and wildcards need no rules of their own. It deliberately does not
judge what is granted to the role.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from doctor.catalogue import CATALOGUE
from doctor.findings import Finding, Severity
from federation.aws import BUILT_IN_OIDC_HOSTS, SILENT_ISSUERS, TRUST_POLICY_CHARACTERS
from federation.claims import CLAIM_OF_KEY, RequestContext, Values
from federation.conditions import parse_operator
from federation.evaluation import TrustEvaluator
from federation.outcome import FAIL, UNKNOWN, Outcome
from federation.policy import Condition, PolicyStatement, TrustPolicy
from federation.trust import GOOGLE_PRINCIPAL

_STRANGERS: Final = (
    "stranger",
    "000000000000000000000",
    "system:serviceaccount:stranger:stranger",
    "repo:stranger/stranger:ref:refs/heads/main",
)
"""Subjects that no policy means: of anyone, of a Google service account, of a pod, of a GitHub workflow."""
_STRANGE_AUDIENCE: Final = "https://stranger.example"

_ANYTHING: Final = 0
"""A claim of a type that it should not have, whose key the evaluator takes for unknown."""

_OIDC_PROVIDER: Final = ":oidc-provider/"


def lint_trust_policy(policy: TrustPolicy, characters: int, name: str) -> list[Finding]:
    """What is wrong with a trust policy, worst first; nothing when all is well.

    `characters` is its size as IAM counts it; `name` says in findings which policy it is.
    """
    findings = [
        finding
        for position, statement in enumerate(policy.statements)
        if statement.effect == "Allow"
        for finding in _Statement(policy, position, f"{name}, Statement[{position}]").findings()
    ]
    findings.extend(_too_long(characters, name))
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


_ORDER: Mapping[Severity, int] = {"critical": 0, "high": 1, "medium": 2, "low": 3, "": 4}


def _too_long(characters: int, name: str) -> Iterator[Finding]:
    if characters > TRUST_POLICY_CHARACTERS:
        problem = CATALOGUE["D19"]
        yield Finding(
            FAIL,
            name,
            f"has {characters} characters without white space; a role takes {TRUST_POLICY_CHARACTERS} by default",
            problem.id,
            problem.fix,
            problem.source,
            "low",
        )


@dataclass(frozen=True)
class _Statement:
    """One Allow of a policy, together with the policy's denials."""

    policy: TrustPolicy
    position: int
    subject: str

    @property
    def statement(self) -> PolicyStatement:
        return self.policy.statements[self.position]

    def findings(self) -> Iterator[Finding]:
        open_to_everyone = list(self._open_to_everyone())
        yield from open_to_everyone
        if open_to_everyone:
            return
        for provider in self._providers():
            yield from self._silent_issuer(provider)
            identities = list(self._unpinned_subject(provider))
            yield from identities
            if not identities:
                yield from self._lenient(provider)
                yield from self._unpinned_audience(provider)
        yield from self._undecidable_or_never_true()

    def _providers(self) -> list[str]:
        """The token issuers that the statement names, without https://."""
        named = [each.value for each in self.statement.principals if each.kind == "Federated"]
        hosts = [value.partition(_OIDC_PROVIDER)[2] if _OIDC_PROVIDER in value else value for value in named]
        return [host for host in dict.fromkeys(hosts) if ":" not in host]

    def _open_to_everyone(self) -> Iterator[Finding]:
        if self.statement.other_principals:
            fix = "name those who may with Principal"
            yield self._open("NotPrincipal with Allow lets in everyone who is not listed", fix, "critical")
        elif any(each.value == "*" for each in self.statement.principals):
            fix = 'name who may: "Principal": {"Federated": "…"}, with :sub and the audience under StringEquals'
            if self.statement.conditions:
                said = (
                    "Principal * means everyone: only the conditions keep strangers out, and they are not judged here"
                )
                yield self._open(said, fix, "high", UNKNOWN)
            else:
                yield self._open(
                    "anyone at all can assume the role: Principal is * and there is no condition", fix, "critical"
                )

    def _unpinned_subject(self, provider: str) -> Iterator[Finding]:
        """A stranger's subject that the statement may admit, with the other claims as the stranger chooses."""
        key = f"{provider}:sub"
        fix = self._pin(provider)
        if any(self._admits(provider, {key: (stranger,)}) is not FAIL for stranger in _STRANGERS):
            if self._judged_by_other_conditions(provider):
                said = f"no subject is pinned: whether strangers of {provider} get in hangs on other conditions"
                yield self._open(said, fix, "high", UNKNOWN)
            else:
                yield self._open(
                    f"everyone who can get a token of {provider} can assume the role: {self._why_open(provider)}",
                    fix,
                    "critical",
                )
            return
        for condition in self._conditions_on(key):
            for pattern in condition.values:
                if _has_wildcard(pattern) and self._admits(provider, {key: (_instance(pattern),)}) is not FAIL:
                    yield self._open(f"admits every subject of the form {pattern!r}, also ones made later", fix, "high")

    def _lenient(self, provider: str) -> Iterator[Finding]:
        """A condition on the identity that holds when the token lacks the claim."""
        for name in ("sub", *_audience_keys(provider)):
            key = f"{provider}:{name}"
            for condition in self._conditions_on(key):
                operator = parse_operator(condition.operator)
                lenient = operator and (operator.if_exists or operator.quantifier == "ForAllValues")
                if lenient and self._admits(provider, {key: ()}) is not FAIL:
                    said = f"{condition.operator} on {key} also holds for a token that lacks the claim"
                    yield self._open(said, self._pin(provider), "medium")

    def _unpinned_audience(self, provider: str) -> Iterator[Finding]:
        keys = {f"{provider}:{name}": (_STRANGE_AUDIENCE,) for name in _audience_keys(provider)}
        if self._admits(provider, keys) is FAIL:
            return
        if provider == GOOGLE_PRINCIPAL:
            said = (
                "the audience is not pinned: any service that the identity sends an ID token to can take that token"
                " to AWS (for Google, :aud is azp; the audience is :oaud)"
            )
            yield self._open(said, f"pin {provider}:oaud under StringEquals", "medium")
        elif not self._conditions_on(f"{provider}:aud"):
            said = "the audience is not pinned: it is left to the client ids of the account's IAM OIDC provider"
            yield self._open(said, f"pin {provider}:aud under StringEquals", "low", UNKNOWN)
        else:
            said = "a token for any audience that the IAM OIDC provider lists is admitted"
            yield self._open(said, f"pin {provider}:aud under StringEquals", "medium")

    def _silent_issuer(self, provider: str) -> Iterator[Finding]:
        if provider in SILENT_ISSUERS:
            problem = CATALOGUE["D5"]
            said = f"nothing issues tokens as https://{provider}, so this admits nobody"
            fix = "name the provider of the issuer in the tokens' iss: `python -m doctor token` shows it"
            yield Finding(FAIL, self.subject, said, problem.id, fix, problem.source, "low")
        for principal in self.statement.principals:
            host = principal.value.partition(_OIDC_PROVIDER)[2]
            if host in BUILT_IN_OIDC_HOSTS and host == provider:
                said = f"AWS has {host} built in; with an IAM OIDC provider for it, STS refuses its tokens"
                fix = f'write "Federated": "{host}", and delete the IAM OIDC provider'
                yield Finding(FAIL, self.subject, said, "D5", fix, CATALOGUE["D5"].source, "low")

    def _undecidable_or_never_true(self) -> Iterator[Finding]:
        """Operators that are not understood, and conditions that no token can meet."""
        for condition in self.statement.conditions:
            operator = parse_operator(condition.operator)
            if operator is None:
                said = f"{condition.operator} is no operator of IAM's that is known here"
                yield Finding(UNKNOWN, self.subject, said, fix="check its spelling")
            elif operator.name == "StringEquals" and condition.values and all(map(_has_wildcard, condition.values)):
                said = f"StringEquals takes * and ? literally, so the condition on {condition.key} never holds"
                yield Finding(FAIL, self.subject, said, "D1", "write the exact value", CATALOGUE["D1"].source, "low")

    def _admits(self, provider: str, values: Mapping[str, Values]) -> Outcome:
        """Whether a token with these values may be admitted, all its other claims being as it likes."""
        own = (each.key.rpartition(":")[2] for each in self.statement.conditions)
        claims = dict.fromkeys((*CLAIM_OF_KEY.values(), *own), _ANYTHING)
        others = {key.lower(): value for key, value in values.items()}
        return self._evaluator().decide(RequestContext(provider, claims, others))

    def _evaluator(self) -> TrustEvaluator:
        denials = (each for each in self.policy.statements if each.effect == "Deny")
        return TrustEvaluator(TrustPolicy(self.policy.version, (self.statement, *denials)))

    def _conditions_on(self, key: str) -> list[Condition]:
        return [each for each in self.statement.conditions if each.key.lower() == key.lower()]

    def _judged_by_other_conditions(self, provider: str) -> bool:
        """Whether a condition asks for something else than what the stranger chooses: audience and session name."""
        chosen = {f"{provider}:{name}".lower() for name in ("sub", "aud", "oaud")} | {"sts:rolesessionname"}
        return any(each.key.lower() not in chosen and _asks_for_something(each) for each in self.statement.conditions)

    def _why_open(self, provider: str) -> str:
        on_subject = self._conditions_on(f"{provider}:sub")
        if on_subject:
            return f"the condition on {provider}:sub ({on_subject[0].operator}) keeps no stranger out"
        if self.statement.conditions:
            return "no condition is on the subject, and whoever asks for a token chooses its audience"
        return "there is no condition at all"

    def _pin(self, provider: str) -> str:
        audience = f"{provider}:{_audience_keys(provider)[0]}"
        return f'pin both under StringEquals: "{provider}:sub": "SUBJECT", "{audience}": "AUDIENCE"'

    def _open(self, said: str, fix: str, severity: Severity, outcome: Outcome = FAIL) -> Finding:
        problem = CATALOGUE["D27"]
        return Finding(outcome, self.subject, said, problem.id, fix, problem.source, severity)


def _audience_keys(provider: str) -> tuple[str, ...]:
    """The condition keys with the audience; for Google's tokens, `:aud` is azp and pins no audience."""
    return ("oaud",) if provider == GOOGLE_PRINCIPAL else ("aud", "oaud")


def _asks_for_something(condition: Condition) -> bool:
    """Whether a condition needs a value of its key that not every token has."""
    operator = parse_operator(condition.operator)
    if operator is None or operator.name == "Null" or operator.if_exists or operator.negated:
        return False
    return operator.quantifier != "ForAllValues" and all(value.strip("*?") for value in condition.values)


def _has_wildcard(value: str) -> bool:
    return "*" in value or "?" in value


def _instance(pattern: str) -> str:
    """A text that a pattern admits."""
    return pattern.replace("*", "stranger").replace("?", "s")
