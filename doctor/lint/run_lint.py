"""`doctor lint`: gathers policies, and prints what is wrong with them."""

import argparse
import json
from collections.abc import Iterator, Sequence

from doctor.clouds.cloud import CloudError
from doctor.clouds.unanswered import unanswered
from doctor.errors import UsageError
from doctor.findings import Finding
from doctor.google_files import IamPolicy, Provider
from doctor.inputs import read_text
from doctor.lint.lint import lint_trust_policy
from doctor.lint.lint_google import lint_provider, lint_service_account_policy
from doctor.oidc_providers import wrongly_created
from doctor.report import Report, show
from doctor.roles import Role, roles_from_text
from federation.outcome import PASS, UNKNOWN


def run_lint(options: argparse.Namespace) -> int:
    """Print what is wrong; the exit status."""
    if not (options.files or options.stack or options.account):
        raise UsageError("name what to lint: a FILE, --stack STACK or --account")
    findings = [finding for name in options.files for finding in _file_findings(name)]
    try:
        if options.stack:
            findings += _stack_findings(options)
        if options.account:
            findings += _account_findings()
    except CloudError as error:
        findings.append(unanswered("AWS account", error))
    return show(Report(findings, verdict=_verdict(findings)), as_json=options.json)


def _file_findings(name: str) -> Iterator[Finding]:
    text = read_text(name)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None  # roles_from_text says what is wrong with it
    if isinstance(content, dict) and "bindings" in content:
        found = lint_service_account_policy(IamPolicy.from_json(content, name), name)
    elif isinstance(content, dict) and {"attributeMapping", "attributeCondition", "oidc", "aws"} & content.keys():
        found = lint_provider(Provider.from_json(content, name), name)
    else:
        found = [finding for role in roles_from_text(text, name) for finding in _role_findings(role)]
    yield from found or [Finding(PASS, name, "nothing is open wider than its names say")]


def _role_findings(role: Role) -> list[Finding]:
    return lint_trust_policy(role.policy, role.characters, role.name)


def _stack_findings(options: argparse.Namespace) -> Iterator[Finding]:
    from doctor.clouds.live_roles import iam_client, role_of_arn
    from doctor.stack import load_stack, made_outputs

    workloads = made_outputs(load_stack(options.stack, options.directory, options.outputs))["workloads"]
    iam = iam_client()
    for arn in sorted(str(workload["aws_role_arn"]) for workload in workloads.values()):
        role = role_of_arn(iam, arn)
        if role is None:
            yield Finding(UNKNOWN, arn, "there is no such role any more", fix="run `pulumi refresh`, then `pulumi up`")
        else:
            yield from _role_findings(role) or [Finding(PASS, arn, "nothing is open wider than its names say")]


def _account_findings() -> Iterator[Finding]:
    from doctor.clouds.live_roles import all_providers, all_roles, iam_client

    iam = iam_client()
    yield from wrongly_created(all_providers(iam))
    roles = list(all_roles(iam))
    found = [finding for role in roles for finding in _role_findings(role)]
    yield from found or [Finding(PASS, f"{len(roles)} roles", "none is open wider than its names say")]


def _verdict(findings: Sequence[Finding]) -> str:
    graded = [each.severity for each in findings if each.severity]
    if not graded:
        return ""
    return ", ".join(f"{graded.count(each)} {each}" for each in dict.fromkeys(graded))
