"""Forged tokens by the ten thousand against the policies that the program builds: no stranger is admitted."""

import random
from collections.abc import Callable
from typing import Any

from federation.google import gke_issuer, service_account_email
from federation.kubernetes import service_account_subject
from federation.outcome import PASS
from federation.trust import (
    TrustEvaluator,
    cluster_statement,
    context_from_claims,
    google_statement,
    parse_trust_policy,
    provider_of_issuer,
    trust_policy,
)

ACCOUNT = "211125558983"
WORKLOADS = 200
TOKENS_OF_EACH_WORKLOAD = 200
REFUSED_AT_LEAST = 30_000

Claims = dict[str, Any]
Mutation = Callable[[random.Random, Any], Any]

PINNED = ("iss", "sub", "aud")

TEXT_MUTATIONS: list[Mutation] = [
    lambda _, text: text.upper(),
    lambda _, text: text.swapcase(),
    lambda chance, text: (
        text + chance.choice(["/", " ", "\n", "\0", ".evil.example", "*", "?", "-2", "@evil", "#", "\u200b"])
    ),
    lambda chance, text: chance.choice([" ", "*", "https://evil.example/", "\ufeff", "x"]) + text,
    lambda chance, text: text[: chance.randrange(len(text))],
    lambda chance, text: text[1 + chance.randrange(len(text)) :],
    lambda chance, text: text.replace(chance.choice(text), chance.choice("*?ax0\u0430"), 1),
    lambda _, text: text.replace("a", "\u0430"),
    lambda _, text: text.replace(".", "*"),
    lambda chance, _: chance.choice(["", "*", "?", "${accounts.google.com:sub}", "null", "true", "0"]),
    lambda _, text: text[::-1],
]
SHAPE_MUTATIONS: list[Mutation] = [
    lambda _, value: [value],
    lambda _, value: [value, "another"],
    lambda _, value: ["another", value],
    lambda _, value: {"value": value},
    lambda chance, _: chance.choice([None, True, 0, 1.5, [], {}, [None], [[]]]),
]


class Workload:
    """A workload's policy and the two tokens that it is for."""

    def __init__(self, chance: random.Random) -> None:
        project = f"project-{chance.randrange(100)}"
        self.unique_id = str(chance.randrange(10**20, 10**21))
        self.email = service_account_email(f"reader-{chance.randrange(100)}", project)
        self.audience = chance.choice(["sts.amazonaws.com", f"https://aws.example/{chance.randrange(100)}"])
        self.issuer = gke_issuer(project, "europe-west1", f"cluster-{chance.randrange(100)}")
        self.subject = service_account_subject("default", f"app-{chance.randrange(100)}")
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider_of_issuer(self.issuer)}"
        policy = trust_policy(
            google_statement(self.unique_id, self.email, self.audience),
            cluster_statement(provider, self.issuer, self.audience, self.subject),
        )
        self.evaluator = TrustEvaluator(parse_trust_policy(policy), ACCOUNT)

    def google_token(self, chance: random.Random) -> Claims:
        azp = chance.choice([self.unique_id, self.email])
        return {
            "iss": "https://accounts.google.com",
            "sub": self.unique_id,
            "aud": self.audience,
            "azp": azp,
            "email": self.email,
        }

    def cluster_token(self, chance: random.Random) -> Claims:
        audience = chance.choice([self.audience, [self.audience]])
        return {"iss": self.issuer, "sub": self.subject, "aud": audience, "kubernetes.io": {"namespace": "default"}}

    def is_its_own(self, claims: Claims) -> bool:
        """Whether issuer, subject and audience are those of one of its two tokens, to the letter.

        The audience of a cluster's token with an azp is its azp, to AWS; clusters write none.
        """
        identity = (claims.get("iss"), claims.get("sub"))
        if identity == ("https://accounts.google.com", self.unique_id):
            return claims.get("aud") in (self.audience, [self.audience])
        authorized_party = claims.get("azp")
        audience = claims.get("aud") if authorized_party is None else authorized_party
        return identity == (self.issuer, self.subject) and audience in (self.audience, [self.audience])

    def admits(self, claims: Claims) -> bool:
        """Whether the policy certainly admits the token, if its issuer can have an IAM OIDC provider at all."""
        try:
            provider = provider_of_issuer(claims["iss"]) if isinstance(claims.get("iss"), str) else ""
        except ValueError:
            return False
        return self.evaluator.decide(context_from_claims(claims, provider)) is PASS


def mutated(chance: random.Random, claims: Claims, other: Claims) -> Claims:
    """The claims with one to three changes; `other` is a token to take claims from."""
    forged = dict(claims)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice([*PINNED, *PINNED, "azp", "email"])
        value = forged.get(name)
        kind = chance.randrange(5)
        if kind == 0:
            forged.pop(name, None)
        elif kind == 1:
            forged[name] = other.get(chance.choice([name, *PINNED]))
        elif kind == 2:
            forged[name] = chance.choice(SHAPE_MUTATIONS)(chance, value)
        elif isinstance(value, str) and value:
            forged[name] = chance.choice(TEXT_MUTATIONS)(chance, value)
        elif isinstance(value, list) and value and isinstance(value[0], str) and value[0]:
            forged[name] = [chance.choice(TEXT_MUTATIONS)(chance, value[0]), *value[1:]]
    return forged


def test_a_workload_s_own_tokens_are_admitted() -> None:
    chance = random.Random(1)
    for _ in range(WORKLOADS):
        workload = Workload(chance)
        assert workload.admits(workload.google_token(chance))
        assert workload.admits(workload.cluster_token(chance))


def test_no_token_that_differs_in_issuer_subject_or_audience_is_admitted() -> None:
    chance = random.Random(2)
    workloads = [Workload(chance) for _ in range(WORKLOADS)]
    refused = 0
    for workload in workloads:
        for _ in range(TOKENS_OF_EACH_WORKLOAD):
            neighbour = chance.choice(workloads)
            token = chance.choice([workload.google_token, workload.cluster_token])(chance)
            other = chance.choice([neighbour.google_token, neighbour.cluster_token, workload.google_token])(chance)
            forged = mutated(chance, token, other)
            if not workload.is_its_own(forged):
                assert not workload.admits(forged), forged
                refused += 1
    assert refused >= REFUSED_AT_LEAST


def test_no_workload_admits_another_s_tokens() -> None:
    chance = random.Random(3)
    workloads = [Workload(chance) for _ in range(WORKLOADS)]
    for workload in workloads:
        for neighbour in workloads:
            for token in (neighbour.google_token(chance), neighbour.cluster_token(chance)):
                assert workload.admits(token) == workload.is_its_own(token)
