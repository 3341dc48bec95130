"""The commands that ask a live stack: preflight, verify, credentials, map.

It deliberately holds no logic: it reads options, calls, and prints. What a command needs is imported when it runs.
"""

import argparse
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from doctor.commands import AddCommand
from doctor.errors import UsageError

if TYPE_CHECKING:
    from doctor.token.token_sources import TokenSource

KUBERNETES_NAME = re.compile(r"(?P<namespace>[^/]+)/(?P<service_account>[^/]+)")


def register(add_command: AddCommand) -> None:
    """Add the commands of this module to the command line."""
    _add_preflight(add_command)
    _add_verify(add_command)
    _add_credentials(add_command)
    _add_map(add_command)


def _add_preflight(add_command: AddCommand) -> None:
    command = add_command("preflight", "Whether `pulumi up` can succeed: what it needs is there, what it makes is not.")
    _add_stack(command)
    command.set_defaults(run=_preflight)


def _preflight(options: argparse.Namespace) -> int:
    from doctor.findings import counted
    from doctor.preflight import preflight
    from doctor.report import Report, show
    from doctor.stack import load_stack

    findings = preflight(load_stack(options.stack, options.directory, options.outputs), _say)
    return show(Report(findings, verdict=counted(findings, "as `pulumi up` needs it")), as_json=options.json)


def _add_verify(add_command: AddCommand) -> None:
    command = add_command("verify", "Whether what a stack promises holds, tried live; and what must be refused, is.")
    _add_stack(command)
    command.add_argument(
        "--impersonate", action="store_true", help="try the route google by impersonation, not the metadata server"
    )
    command.add_argument(
        "--other-service-account", metavar="EMAIL", help="a Google service account that must be refused"
    )
    command.add_argument("--limit", type=float, default=420, metavar="SECONDS", help="of waiting for a step (420)")
    command.add_argument("--successes", type=int, default=3, help="in a row that count as stable (3)")
    command.set_defaults(run=_verify)


def _verify(options: argparse.Namespace) -> int:
    from doctor.report import show
    from doctor.stack import load_stack
    from doctor.verify import Options, verify
    from doctor.verify.waiting import Patience

    stack = load_stack(options.stack, options.directory, options.outputs)
    patience = Patience(_say, options.limit, options.successes)
    report = verify(stack, Options(options.impersonate, options.other_service_account), patience)
    return show(report, as_json=options.json)


def _add_stack(command: argparse.ArgumentParser) -> None:
    command.add_argument("-s", "--stack", required=True, help="the stack's name, such as sbx")
    command.add_argument("--directory", type=Path, default=Path(), help="the project's; by default this one")
    command.add_argument("--outputs", type=Path, metavar="FILE", help="of `pulumi stack output --json`, without a CLI")


def _say(progress: str) -> None:
    print(f"… {progress}", file=sys.stderr)


def _add_credentials(add_command: AddCommand) -> None:
    command = add_command("credentials", "An AWS credential_process: a role's credentials for who runs this.")
    command.add_argument("--role-arn", required=True, help="the role to assume")
    command.add_argument("--audience", default="sts.amazonaws.com", help="the audience that the role's trust pins")
    source = command.add_mutually_exclusive_group(required=True)
    source.add_argument("--metadata", action="store_true", help="as this pod's, VM's or service's service account")
    source.add_argument("--impersonate", metavar="EMAIL", help="as a service account that you may make tokens of")
    source.add_argument("--kubernetes", metavar="NAMESPACE/NAME", help="as a Kubernetes service account")
    source.add_argument("--token-file", type=Path, metavar="FILE", help="with the token in a file")
    command.add_argument("--region", help="of the STS endpoint; by default AWS_REGION or AWS_DEFAULT_REGION")
    command.add_argument("--session-name", default="gcp-aws-wif", help="what CloudTrail shows; 2-64 characters")
    command.add_argument("--duration", type=int, metavar="SECONDS", help="of the session; by default an hour")
    command.set_defaults(run=_credentials)


def _credentials(options: argparse.Namespace) -> int:
    from doctor.clouds.cloud import CloudError
    from doctor.credentials import credential_process_output
    from federation.aws import SESSION_NAME

    if not SESSION_NAME.fullmatch(options.session_name):
        raise UsageError(f"--session-name {options.session_name!r} is not 2-64 of letters, digits and _+=,.@-")
    try:
        output = credential_process_output(
            _token_source(options),
            role_arn=options.role_arn,
            audience=options.audience,
            region=_region(options),
            session_name=options.session_name,
            seconds=options.duration,
        )
    except CloudError as error:
        print(f"doctor credentials: {error}", file=sys.stderr)
        return 1
    print(output)
    return 0


def _add_map(add_command: AddCommand) -> None:
    command = add_command("map", "Who can reach what, both ways, from what is live: as a tree or as a picture.")
    of = command.add_mutually_exclusive_group(required=True)
    of.add_argument("-s", "--stack", help="what a stack's workloads reach")
    of.add_argument("--account", action="store_true", help="what web identities reach in the AWS account")
    command.add_argument("--directory", type=Path, default=Path(), help="the project's; by default this one")
    command.add_argument("--outputs", type=Path, metavar="FILE", help="of `pulumi stack output --json`, without a CLI")
    command.add_argument("--format", choices=("tree", "mermaid", "html", "svg"), default="tree", help="by default tree")
    command.set_defaults(run=_map)


def _map(options: argparse.Namespace) -> int:
    from doctor.clouds.cloud import CloudError
    from doctor.reach.formats import formatted, status
    from doctor.reach.reads import account_map, stack_map
    from doctor.stack import load_stack

    try:
        if options.account:
            reach = account_map(_say)
        else:
            reach = stack_map(load_stack(options.stack, options.directory, options.outputs), _say)
    except CloudError as error:
        raise UsageError(str(error)) from error
    print(formatted(reach, "json" if options.json else options.format))
    return status(reach)


def _token_source(options: argparse.Namespace) -> "TokenSource":
    from doctor.token import token_sources

    if options.metadata:
        return token_sources.metadata_token
    if options.impersonate:
        return partial(token_sources.impersonated_token, options.impersonate)
    if options.kubernetes:
        return partial(token_sources.cluster_token, *_kubernetes_name(options.kubernetes))
    return lambda _: token_sources.file_token(options.token_file)


def _kubernetes_name(text: str) -> tuple[str, str]:
    name = KUBERNETES_NAME.fullmatch(text)
    if name is None:
        raise UsageError(f"{text!r} is not NAMESPACE/NAME, such as default/s3-reader")
    return name["namespace"], name["service_account"]


def _region(options: argparse.Namespace) -> str:
    region = options.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise UsageError(
            "no AWS region is set, and off AWS nothing else gives one: add --region, such as --region eu-west-1"
        )
    return str(region)
