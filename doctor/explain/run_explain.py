"""`doctor explain`: gathers what it is about, and prints the answer."""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from doctor.clouds.cloud import CloudError
from doctor.clouds.unanswered import unanswered
from doctor.errors import UsageError
from doctor.explain.explain import Request, explain
from doctor.findings import Finding
from doctor.inputs import read_text
from doctor.oidc_providers import OidcProvider, providers_from_text
from doctor.report import Report, show
from doctor.roles import Role, roles_from_text
from doctor.token.given_token import given_token
from doctor.token.token_checks import not_a_token
from doctor.token.tokens import NotATokenError
from federation.outcome import FAIL


def run_explain(options: argparse.Namespace) -> int:
    """Print why; the exit status."""
    try:
        report = _report(options)
    except NotATokenError as error:
        report = Report([not_a_token(error)])
    except CloudError as error:
        report = Report([unanswered("what was asked for", error)])
    return show(report, as_json=options.json)


def _report(options: argparse.Namespace) -> Report:
    if options.error:
        from doctor.explain.explain_error import explain_error

        is_message = " " in options.error and not Path(options.error).exists()
        return explain_error(options.error if is_message else read_text(options.error))
    if options.provider:
        from doctor.explain.run_way_back import way_back_report

        return way_back_report(options)
    role, providers = _role_and_providers(options)
    token = given_token(options)
    if role is None:
        return Report([_no_role(options.role)])
    if options.providers:
        providers = providers_from_text(read_text(options.providers), options.providers)
    return explain(token, role, Request(time.time(), providers, options.duration, _keys(options.key)))


def _role_and_providers(options: argparse.Namespace) -> tuple[Role | None, Sequence[OidcProvider] | None]:
    if options.policy:
        roles = roles_from_text(read_text(options.policy), options.policy)
        if len(roles) != 1:
            raise UsageError(f"{options.policy} has {len(roles)} roles; give one, as `aws iam get-role` prints it")
        return roles[0], None
    if not (options.role or options.stack):
        raise UsageError("name what to explain it by: --policy FILE, --role ARN, --stack STACK or --provider FILE")
    from doctor.clouds import live_roles

    arn = options.role or _stack_role(options)
    iam = live_roles.iam_client()
    return live_roles.role_of_arn(iam, arn), live_roles.all_providers(iam)


def _stack_role(options: argparse.Namespace) -> str:
    from doctor.stack import load_stack, made_outputs

    workloads: Mapping[str, Any] = made_outputs(load_stack(options.stack, options.directory, options.outputs))[
        "workloads"
    ]
    names = ", ".join(sorted(workloads))
    if options.workload is None and len(workloads) != 1:
        raise UsageError(f"the stack {options.stack} has several workloads; add --workload with one of {names}")
    name = options.workload or next(iter(workloads))
    if name not in workloads:
        raise UsageError(f"the stack {options.stack} has no workload {name}; it has {names}")
    return str(workloads[name]["aws_role_arn"])


def _no_role(arn: str) -> Finding:
    said = "there is no such role: STS answers AccessDenied, as for a role that does not trust the token"
    return Finding(FAIL, arn, said, "D1", "set AWS_ROLE_ARN to the role's ARN, as `aws iam get-role` shows it")


def _keys(pairs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    keys: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or ":" not in key:
            raise UsageError(f"--key {pair!r} is not KEY=VALUE, such as sts:RoleSessionName=app")
        keys[key.lower()] = (*keys.get(key.lower(), ()), value)
    return keys
