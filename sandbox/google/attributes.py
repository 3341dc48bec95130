"""From a verified assertion to a principal: attribute mapping and condition of a workload identity provider.

The condition is judged before the mapping's failures, as the real service does: a token without the claim that both
need is "rejected by the attribute condition". What calls a function that the sandbox does not know is refused.
https://cloud.google.com/iam/docs/workload-identity-federation#mapping
"""

from federation.attributes import (
    AWS_DEFAULT_MAPPING,
    attributes_problem,
    condition_outcome,
    federated_member,
    federated_sets,
    map_attributes,
)
from federation.outcome import PASS
from sandbox.google.errors import Json, TokenExchangeError
from sandbox.google.principals import Principal


def federated_principal(pool_name: str, settings: Json, assertion: Json) -> Principal:
    """The principal of `assertion` in a pool, by a provider's settings. Raises TokenExchangeError."""
    attributes = map_attributes(settings.get("attributeMapping") or AWS_DEFAULT_MAPPING, assertion)
    if condition_outcome(settings.get("attributeCondition", ""), attributes.values, assertion) is not PASS:
        raise _refused("The given credential is rejected by the attribute condition.")
    if attributes.unknown:
        raise _refused(f"The sandbox can't evaluate the mapping of {attributes.unknown[0]}.")
    if problem := attributes_problem(attributes):
        raise _refused(problem)
    return Principal(federated_member(pool_name, attributes.values), federated_sets(pool_name, attributes.values))


def _refused(description: str) -> TokenExchangeError:
    return TokenExchangeError("unauthorized_client", description)
