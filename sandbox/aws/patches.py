"""Every change to MiniStack's behaviour, and why. MiniStack's own files are not touched.

MiniStack 1.5.33 evaluates permissions well, and trusts too much before it does:

* `verify_every_signature`: it takes any request of a 12-digit access key id as the root user's without looking at the
  signature, and an unsigned S3 request as root's too; and it reads root's keys from this process's environment at
  every request, where a test or the user may have put a workload's.
* `ask_only_the_trust_policy_of_a_web_identity`: the one operation here that AWS serves unsigned must then not be
  refused for its missing credentials.
* `answer`: AssumeRoleWithWebIdentity verifies nothing; GetWebIdentityToken signs with a constant; the outbound
  federation operations, and those that change an IAM OIDC provider, do not exist; roles and IAM OIDC providers are
  stored with values that IAM refuses. What is answered here instead stands in this package's other modules.
  Besides, a request that MiniStack would authorize as one action and carry out as another is refused.
* `give_policies_the_condition_keys_of_outbound_tokens`: a policy cannot ask for audience, algorithm and duration.
* `name_the_resource_in_denials`: IAM and S3 say on which resource.
"""

import functools
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any

from federation.aws import ACCOUNT_ID
from sandbox import seed
from sandbox.aws import emulator, oidc_providers, roles
from sandbox.aws.assume_role import ACTION as ASSUME_ROLE_WITH_WEB_IDENTITY
from sandbox.aws.assume_role import assume_role_with_web_identity
from sandbox.aws.outbound_federation import OutboundFederation, get_web_identity_token_condition_keys
from sandbox.aws.propagation import TrustPropagation
from sandbox.aws.query_protocol import Answer, Api, AwsError, Call, failure, read_call, success
from sandbox.issuers import Issuers

Operation = Callable[[Call], Mapping[str, Any] | None]
Check = Callable[[Call], None]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Awaitable[Answer]]

ministack_iam: Handler = emulator.iam.handle_request
ministack_sts: Handler = emulator.sts.handle_request
ministack_enforce = emulator.iam_evaluator.enforce
ministack_request_tag_context = emulator.iam_actions.request_tag_context
ministack_access_denied_response = emulator.iam_actions.access_denied_response


def install(issuers: Issuers, propagation: TrustPropagation, outbound: OutboundFederation) -> None:
    """Put all changes in place; a second call replaces the first one's issuers, propagation and federation."""
    verify_every_signature()
    ask_only_the_trust_policy_of_a_web_identity()
    give_policies_the_condition_keys_of_outbound_tokens()
    name_the_resource_in_denials()
    emulator.iam.handle_request = answer("iam", ministack_iam, _iam_operations(outbound), _iam_checks(propagation))
    emulator.sts.handle_request = answer("sts", ministack_sts, _sts_operations(issuers, propagation, outbound), {})


def verify_every_signature() -> None:
    """Check root's signatures like anyone's. Root of account A has the access key id A and the operator's secret."""
    evaluator = emulator.iam_evaluator
    evaluator.os = SimpleNamespace(environ={"AWS_SECRET_ACCESS_KEY": seed.OPERATOR_SECRET_ACCESS_KEY})
    evaluator.is_root_access_key = emulator.sts.is_root_access_key = lambda key: bool(ACCOUNT_ID.fullmatch(key))
    evaluator._is_root_key = lambda _: False  # noqa: SLF001  where MiniStack asks whether to skip the signature


def ask_only_the_trust_policy_of_a_web_identity() -> None:
    """Let AssumeRoleWithWebIdentity pass to its operation, which decides by the token and the trust policy."""

    @functools.wraps(ministack_enforce)
    def enforce(access_key_id: str, iam_action: str, *rest: Any, **options: Any) -> Any:
        if iam_action == ASSUME_ROLE_WITH_WEB_IDENTITY:
            return None
        return ministack_enforce(access_key_id, iam_action, *rest, **options)

    emulator.iam_evaluator.enforce = enforce


def give_policies_the_condition_keys_of_outbound_tokens() -> None:
    """Add the condition keys of sts:GetWebIdentityToken to those that MiniStack evaluates policies with."""

    @functools.wraps(ministack_request_tag_context)
    def request_context(service: str, iam_action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        context: dict[str, Any] = ministack_request_tag_context(service, iam_action, body, params)
        if iam_action == "sts:GetWebIdentityToken":
            first = {name: value[0] if isinstance(value, list) else value for name, value in params.items()}
            context |= get_web_identity_token_condition_keys(first)
        return context

    emulator.iam_actions.request_tag_context = request_context


def name_the_resource_in_denials() -> None:
    """Word a denial as IAM and S3 do. IAM's ListRoles is asked for on all roles' path; S3 quotes, and may name none."""

    @functools.wraps(ministack_access_denied_response)
    def access_denied_response(service: str, action: str, principal_arn: str, *rest: Any, **options: Any) -> Answer:
        resource = options.get("resource_arn", "*")
        if action == "iam:ListRoles":
            resource = f"arn:aws:iam::{emulator.account_id()}:role/"
        if service == "s3":
            resource = f'"{resource}"'
        decided_by_identity_policies = not any(
            options.get(name) for name in ("message", "error_code", "resource_policy_arn")
        )
        if decided_by_identity_policies and service in ("iam", "s3") and resource != '"*"':
            options["message"] = emulator.iam_actions.identity_denial_message(
                action, principal_arn, resource, options.get("explicit_deny", False)
            )
        answered: Answer = ministack_access_denied_response(service, action, principal_arn, *rest, **options)
        return answered

    emulator.iam_actions.access_denied_response = access_denied_response


def answer(api: Api, ministack: Handler, operations: Mapping[str, Operation], checks: Mapping[str, Check]) -> Handler:
    """A handler that carries out `operations` itself, and leaves the others to MiniStack, after their check if any."""

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Answer:
        try:
            call = read_call(headers, body, query)
            action = call.get("Action") or ""
            if action in operations:
                return success(api, action, operations[action](call))
            if action in checks:
                checks[action](call)
        except AwsError as error:
            return failure(api, error)
        return await ministack(method, path, headers, body, query)

    return handle


def _iam_operations(outbound: OutboundFederation) -> dict[str, Operation]:
    return {
        "CreateOpenIDConnectProvider": oidc_providers.create_open_id_connect_provider,
        "AddClientIDToOpenIDConnectProvider": oidc_providers.add_client_id,
        "RemoveClientIDFromOpenIDConnectProvider": oidc_providers.remove_client_id,
        "UpdateOpenIDConnectProviderThumbprint": oidc_providers.update_thumbprint,
        "TagOpenIDConnectProvider": oidc_providers.tag_open_id_connect_provider,
        "UntagOpenIDConnectProvider": oidc_providers.untag_open_id_connect_provider,
        "ListOpenIDConnectProviderTags": oidc_providers.list_tags,
        "EnableOutboundWebIdentityFederation": outbound.enable,
        "DisableOutboundWebIdentityFederation": outbound.disable,
        "GetOutboundWebIdentityFederationInfo": outbound.info,
    }


def _iam_checks(propagation: TrustPropagation) -> dict[str, Check]:
    return {
        "CreateRole": functools.partial(roles.check_create_role, propagation=propagation),
        "UpdateAssumeRolePolicy": functools.partial(roles.check_update_trust_policy, propagation=propagation),
        "UpdateRole": roles.check_update_role,
        "AttachRolePolicy": roles.check_attach_role_policy,
    }


def _sts_operations(
    issuers: Issuers, propagation: TrustPropagation, outbound: OutboundFederation
) -> dict[str, Operation]:
    return {
        "AssumeRoleWithWebIdentity": functools.partial(
            assume_role_with_web_identity, issuers=issuers, propagation=propagation
        ),
        "GetWebIdentityToken": outbound.get_web_identity_token,
    }
