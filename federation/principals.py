"""Whom a trust policy's statement names, among the issuers of web identity tokens.

Other kinds of principals (accounts, users, services, SAML providers) never call AssumeRoleWithWebIdentity; of them only
the `*` that means everyone matters here.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

import re
from collections.abc import Mapping

from federation.aws import BUILT_IN_OIDC_HOSTS
from federation.outcome import FAIL, PASS, UNKNOWN, Outcome, opposite, some
from federation.policy import Effect, PolicyStatement, Principal

_OIDC_PROVIDER_ARN = re.compile(r"arn:[a-z-]+:iam::(?P<account>[0-9]{12}):oidc-provider/(?P<provider>.+)")

EVERY_OTHER_PROVIDER = "*"


class NamedProviders:
    """The token issuers that a statement names.

    `account_id` is the role's account: AWS looks for the IAM OIDC provider there and nowhere else. Without it, a
    provider of any account is taken for the role's own.
    """

    def __init__(self, statement: PolicyStatement, account_id: str | None) -> None:
        self._statement = statement
        self._account_id = account_id
        self._outcomes = _outcomes(statement.principals, account_id)

    def outcome(self, provider: str) -> Outcome:
        """Whether the statement is about tokens of `provider` (its issuer without https://)."""
        named = self._outcomes.get(provider, self._outcomes[EVERY_OTHER_PROVIDER])
        return _not_principal(self._statement.effect, named) if self._statement.other_principals else named

    def reason(self, provider: str) -> str:
        """Why the outcome is what it is, in one line."""
        named = self._outcomes.get(provider, self._outcomes[EVERY_OTHER_PROVIDER])
        if named is UNKNOWN and provider in BUILT_IN_OIDC_HOSTS and provider in self._outcomes:
            return (
                f"AWS has {provider} built in, and reports differ on what STS does with an IAM OIDC provider for it:"
                f' write "Federated": "{provider}"'
            )
        if self._statement.other_principals and self.outcome(provider) is UNKNOWN:
            return "IAM documents that a role's trust policy can't have NotPrincipal, so it admits nobody for certain"
        if named is UNKNOWN:
            return "what AWS makes of Federated * is not documented: name the provider"
        verb = "names everyone but" if self._statement.other_principals else "names"
        principals = ", ".join(f"{each.kind} {each.value}" for each in self._statement.principals) or "nobody"
        return f"the statement {verb} {principals}; the token is from {provider}{self._elsewhere(provider)}"

    def _elsewhere(self, provider: str) -> str:
        for principal in self._statement.principals:
            arn = _OIDC_PROVIDER_ARN.fullmatch(principal.value)
            if arn and arn["provider"] == provider and self._account_id not in (None, arn["account"]):
                return f", whose IAM OIDC provider must be in the role's account {self._account_id}"
        return ""


def _not_principal(effect: Effect, named: Outcome) -> Outcome:
    """A trust policy can't have NotPrincipal; of one that has it nevertheless, only that it refuses is certain.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    """
    refuses = PASS if effect == "Deny" else FAIL
    return refuses if opposite(named) is refuses else UNKNOWN


def _outcomes(principals: tuple[Principal, ...], account_id: str | None) -> Mapping[str, Outcome]:
    outcomes = {EVERY_OTHER_PROVIDER: FAIL}
    for principal in principals:
        provider, outcome = _named(principal, account_id)
        outcomes[provider] = some((outcomes.get(provider, FAIL), outcome))
    everyone = outcomes[EVERY_OTHER_PROVIDER]
    return {provider: some((outcome, everyone)) for provider, outcome in outcomes.items()}


def _named(principal: Principal, account_id: str | None) -> tuple[str, Outcome]:
    if principal.value == "*":
        return EVERY_OTHER_PROVIDER, {"AWS": PASS, "Federated": UNKNOWN}.get(principal.kind, FAIL)
    if principal.kind != "Federated":
        return EVERY_OTHER_PROVIDER, FAIL
    if principal.value in BUILT_IN_OIDC_HOSTS:
        return principal.value, PASS
    arn = _OIDC_PROVIDER_ARN.fullmatch(principal.value)
    if arn is None or account_id not in (None, arn["account"]):
        return EVERY_OTHER_PROVIDER, FAIL
    return arn["provider"], UNKNOWN if arn["provider"] in BUILT_IN_OIDC_HOSTS else PASS
