"""How many tokens a second the evaluator decides on one core: `python -m tests.bench_evaluator`.

From a token's claims to the answer, with the policy read once; the exit status is 1 below the rate that is promised.
"""

import itertools
import sys
import time
from typing import Any

from federation.outcome import FAIL, PASS
from federation.trust import (
    TrustEvaluator,
    cluster_statement,
    context_from_claims,
    google_statement,
    parse_trust_policy,
    provider_of_issuer,
    trust_policy,
)

PROMISED_PER_SECOND = 50_000
TOKENS = 200_000

UNIQUE_ID = "104857600000000000001"
EMAIL = "poc-gcp-to-aws-sa@mgr-product-sbx.iam.gserviceaccount.com"
ISSUER = "https://container.googleapis.com/v1/projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
PROVIDER_ARN = f"arn:aws:iam::211125558983:oidc-provider/{provider_of_issuer(ISSUER)}"
SUBJECT = "system:serviceaccount:default:s3-reader"
AUDIENCE = "sts.amazonaws.com"

GOOGLE_TOKEN = {
    "iss": "https://accounts.google.com",
    "sub": UNIQUE_ID,
    "azp": EMAIL,
    "aud": AUDIENCE,
    "email": EMAIL,
    "email_verified": True,
    "iat": 1795392000,
    "exp": 1795395600,
}
CLUSTER_TOKEN = {
    "iss": ISSUER,
    "sub": SUBJECT,
    "aud": [AUDIENCE],
    "kubernetes.io": {"namespace": "default", "serviceaccount": {"name": "s3-reader"}},
    "iat": 1795392000,
    "nbf": 1795392000,
    "exp": 1795395600,
}


def tokens_per_second(evaluator: TrustEvaluator, tokens: list[dict[str, Any]]) -> float:
    """The rate at which TOKENS tokens are decided, taken in turn from `tokens`, by the time of one core."""
    started = time.process_time()
    for claims in itertools.islice(itertools.cycle(tokens), TOKENS):
        evaluator.decide(context_from_claims(claims, provider_of_issuer(claims["iss"])))
    return TOKENS / (time.process_time() - started)


def main() -> int:
    """Measures tokens that are admitted and tokens that are refused, and prints a line for each."""
    policy = trust_policy(
        google_statement(UNIQUE_ID, EMAIL, AUDIENCE), cluster_statement(PROVIDER_ARN, ISSUER, AUDIENCE, SUBJECT)
    )
    evaluator = TrustEvaluator(parse_trust_policy(policy), "211125558983")
    admitted: list[dict[str, Any]] = [GOOGLE_TOKEN, CLUSTER_TOKEN]
    refused = [{**token, "sub": "another"} for token in admitted]
    rates = {}
    for outcome, tokens in ((PASS, admitted), (FAIL, refused)):
        for claims in tokens:
            context = context_from_claims(claims, provider_of_issuer(claims["iss"]))
            assert evaluator.decide(context) is outcome
        rates[outcome] = tokens_per_second(evaluator, tokens)
        sys.stdout.write(f"{outcome.value}: {rates[outcome]:,.0f} tokens a second\n")
    return int(min(rates.values()) < PROMISED_PER_SECOND)


if __name__ == "__main__":
    sys.exit(main())
