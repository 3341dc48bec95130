"""Trust policies of AWS roles: who may call AssumeRoleWithWebIdentity, by which exact claims.

They are built here; `parse_trust_policy`, `context_from_claims` and `TrustEvaluator` read any policy and say whom it
admits, those built here included. What is built pins the subject and the audience by StringEquals: it deliberately
offers no way to write a wildcard, a pattern or a statement without a subject, so no caller can build a role that a
stranger's token opens.
"""

import json
import re
from typing import Any, Final

from federation.aws import ASSUME_ROLE_WITH_WEB_IDENTITY, issuer_host_and_path, policy_characters
from federation.claims import RequestContext, context_from_claims, provider_of_issuer
from federation.evaluation import Evaluation, TrustEvaluator
from federation.outcome import Outcome
from federation.policy import PolicyError, TrustPolicy, parse_trust_policy

__all__ = [
    "GOOGLE_PRINCIPAL",
    "Evaluation",
    "Outcome",
    "PolicyError",
    "RequestContext",
    "Statement",
    "TrustEvaluator",
    "TrustPolicy",
    "cluster_statement",
    "context_from_claims",
    "google_statement",
    "parse_trust_policy",
    "provider_of_issuer",
    "trust_policy",
    "trust_policy_characters",
]

Statement = dict[str, Any]
"""One statement of an IAM policy, as JSON has it."""

GOOGLE_PRINCIPAL: Final = "accounts.google.com"
"""The federated principal that AWS has built in for Google's ID tokens, and the prefix of their condition keys.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html"""

_PATTERN = re.compile(r"[*?\s\x00-\x1f\x7f]|\$\{")


def google_statement(unique_id: str, email: str, audience: str) -> Statement:
    """Admits ID tokens of one Google service account for one audience.

    AWS fills `:oaud` from the claim aud and `:aud` from azp, which Google writes as the account's unique id or as its
    e-mail, depending on where the token comes from. `unique_id` changes when the account is created anew, so a later
    account of the same e-mail is not admitted. Raises ValueError for a value that is empty or could be a pattern.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    _check_exact(unique_id=unique_id, email=email, audience=audience)
    return {
        "Sid": "GoogleServiceAccount",
        "Effect": "Allow",
        "Principal": {"Federated": GOOGLE_PRINCIPAL},
        "Action": ASSUME_ROLE_WITH_WEB_IDENTITY,
        "Condition": {
            "StringEquals": {
                f"{GOOGLE_PRINCIPAL}:sub": unique_id,
                f"{GOOGLE_PRINCIPAL}:oaud": audience,
                f"{GOOGLE_PRINCIPAL}:aud": [unique_id, email],
            }
        },
    }


def cluster_statement(oidc_provider_arn: str, issuer: str, audience: str, subject: str) -> Statement:
    """Admits the projected tokens of one Kubernetes service account of one cluster, for one audience.

    `subject` is `system:serviceaccount:NAMESPACE:NAME`, `issuer` the url of the IAM OIDC provider. AWS fills `:aud`
    from azp where a token has one, but a cluster's tokens have none. Raises ValueError for a value that is empty or
    could be a pattern, and for an ARN that is not the issuer's provider: its tokens would fill other condition keys
    than the ones pinned here.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html
    """
    _check_exact(oidc_provider_arn=oidc_provider_arn, issuer=issuer, audience=audience, subject=subject)
    key = issuer_host_and_path(issuer)
    if not oidc_provider_arn.endswith(f":oidc-provider/{key}"):
        raise ValueError(
            f"oidc_provider_arn {oidc_provider_arn!r} is not the provider of the issuer {issuer!r}:"
            f" it must end with :oidc-provider/{key}"
        )
    return {
        "Sid": "ClusterServiceAccount",
        "Effect": "Allow",
        "Principal": {"Federated": oidc_provider_arn},
        "Action": ASSUME_ROLE_WITH_WEB_IDENTITY,
        "Condition": {"StringEquals": {f"{key}:sub": subject, f"{key}:aud": audience}},
    }


def trust_policy(*statements: Statement) -> str:
    """The policy document of a role that trusts whom `statements` admit. Raises ValueError if that is nobody."""
    if not statements:
        raise ValueError("a trust policy needs at least one statement, else nobody can assume the role")
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)


def trust_policy_characters(policy: str) -> int:
    """The size of a trust policy as the quota `federation.aws.TRUST_POLICY_CHARACTERS` counts it."""
    return policy_characters(policy)


def _check_exact(**values: str) -> None:
    """Refuses what StringEquals, an editor's change to StringLike, or a policy variable could take for a pattern.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """
    for field, value in values.items():
        if not value:
            raise ValueError(f"{field} is empty: a trust policy pins an exact value")
        if _PATTERN.search(value):
            raise ValueError(
                f"{field} {value!r} has white space, a control character, *, ? or ${{:"
                " a trust policy pins an exact value"
            )
