"""From a verified assertion to a principal: attribute mapping and condition of a workload identity provider.

The condition is judged before the mapping's failures, as the real service does: a token without the claim that both
need is "rejected by the attribute condition".
https://cloud.google.com/iam/docs/workload-identity-federation#mapping
"""

from collections.abc import Mapping
from typing import Any, Final

from federation.google import MAPPED_ATTRIBUTES_BYTES, SUBJECT_BYTES, principal_member
from sandbox.google import cel
from sandbox.google.errors import Json, TokenExchangeError
from sandbox.google.principals import Principal
from sandbox.google.workload_identity_rules import GROUPS, SUBJECT

AWS_DEFAULT_MAPPING: Final = {
    SUBJECT: "assertion.arn",
    "attribute.aws_role": (
        "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + 'assumed-role/'"
        " + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn"
    ),
}
"""Of an AWS provider that maps nothing itself.
https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers"""


def federated_principal(pool_name: str, settings: Json, assertion: Json) -> Principal:
    """The principal of `assertion` in a pool, by a provider's settings. Raises TokenExchangeError."""
    mapping = settings.get("attributeMapping") or AWS_DEFAULT_MAPPING
    attributes, without_value = _map(mapping, assertion)
    _check_condition(settings.get("attributeCondition", ""), attributes, assertion)
    if without_value:
        raise _no_value(without_value[0])
    _check_types(attributes)
    prefix = f"principalSet://iam.googleapis.com/{pool_name}"
    groups = {f"{prefix}/group/{group}" for group in attributes.get(GROUPS, [])}
    custom = {f"{prefix}/{name}/{value}" for name, value in attributes.items() if name not in {SUBJECT, GROUPS}}
    member = principal_member(pool_name, attributes[SUBJECT])
    return Principal(member, frozenset(groups | custom | {f"{prefix}/*"}))


def _map(mapping: Mapping[str, str], assertion: Json) -> tuple[dict[str, Any], list[str]]:
    """The mapped attributes, and those that have no value for this assertion."""
    attributes: dict[str, Any] = {}
    without_value: list[str] = []
    for name, expression in mapping.items():
        try:
            attributes[name] = cel.evaluate(expression, {"assertion": assertion})
        except cel.CelError:
            without_value.append(name)
    return attributes, without_value


def _check_condition(condition: str, attributes: Mapping[str, Any], assertion: Json) -> None:
    if not condition:
        return
    variables = {"assertion": assertion, "google": _namespace("google.", attributes)}
    variables["attribute"] = _namespace("attribute.", attributes)
    try:
        is_met = cel.evaluate(condition, variables) is True
    except cel.CelError:
        is_met = False
    if not is_met:
        raise TokenExchangeError("unauthorized_client", "The given credential is rejected by the attribute condition.")


def _namespace(prefix: str, attributes: Mapping[str, Any]) -> Json:
    return {name.removeprefix(prefix): value for name, value in attributes.items() if name.startswith(prefix)}


def _check_types(attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if name == GROUPS:
            if not isinstance(value, list) or not all(isinstance(group, str) for group in value):
                raise _refused(f"The mapped attribute '{name}' must be of type LIST<STRING>.")
        elif not isinstance(value, str):
            raise _refused(f"The mapped attribute '{name}' must be of type STRING.")
    if not attributes[SUBJECT]:
        raise _no_value(SUBJECT)
    if len(attributes[SUBJECT].encode()) > SUBJECT_BYTES:
        raise _refused(
            f"The size of mapped attribute {SUBJECT} exceeds the {SUBJECT_BYTES} bytes limit. Either modify your "
            f"attribute mapping or the incoming assertion to produce a mapped attribute that is less than "
            f"{SUBJECT_BYTES} bytes."
        )
    if sum(len(str(value).encode()) for value in attributes.values()) > MAPPED_ATTRIBUTES_BYTES:
        raise _refused(f"The size of the mapped attributes exceeds the {MAPPED_ATTRIBUTES_BYTES} bytes limit.")


def _no_value(name: str) -> TokenExchangeError:
    return _refused(f"Could not obtain a value for {name} from the given credential.")


def _refused(description: str) -> TokenExchangeError:
    return TokenExchangeError("unauthorized_client", description)
