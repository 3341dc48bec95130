"""What the program reads and does not find: the provider's words and a remedy, without a traceback."""

import traceback
from typing import Any

import pulumi
import pytest

from tests.unit.support import (
    CLUSTER,
    LOOKED_UP_FEDERATION,
    LOOKED_UP_OIDC_PROVIDER,
    LOOKED_UP_POOL,
    World,
    guide,
    run_refused_stack,
)

CHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    CLUSTER: ("gcp-aws-wif:cluster", {}),
    LOOKED_UP_OIDC_PROVIDER: ("gcp-aws-wif:awsOidcProvider", {"mode": "lookup"}),
    LOOKED_UP_POOL: ("gcp-aws-wif:workloadIdentityPool", {"mode": "lookup", "displayName": None}),
    LOOKED_UP_FEDERATION: (
        "gcp-aws-wif:workloadIdentityPool",
        {"provider": {"id": "aws-tokens", "kind": "oidc", "outboundFederation": "lookup"}},
    ),
}


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        (CLUSTER, "gcloud container clusters list --project=mgr-product-sbx"),
        (LOOKED_UP_OIDC_PROVIDER, "`mode: create` in gcp-aws-wif:awsOidcProvider"),
        (LOOKED_UP_POOL, "`mode: create` in gcp-aws-wif:workloadIdentityPool"),
        (LOOKED_UP_FEDERATION, "aws iam enable-outbound-web-identity-federation"),
    ],
)
def test_what_is_missing_is_told_with_the_providers_words_and_a_remedy(missing: str, remedy: str) -> None:
    config = guide()
    section, changes = CHANGES[missing]
    config[section] |= changes
    _, error = run_refused_stack(config, World(missing=missing))
    assert isinstance(error, pulumi.RunError), "the one exception of which Pulumi prints just the text"
    assert str(error).startswith("it is not found\n")
    assert remedy in str(error)
    assert "NotFound" not in "".join(traceback.format_exception(error))
