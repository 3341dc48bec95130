"""The commands that answer from files, and from a live cloud only where asked: token, explain, lint.

It deliberately holds no logic: it reads options, calls, and prints. What a command needs is imported when it runs.
"""

import argparse
from pathlib import Path

from doctor.commands import AddCommand


def register(add_command: AddCommand) -> None:
    """Add the commands of this module to the command line."""
    _add_token(add_command)
    _add_explain(add_command)
    _add_lint(add_command)


def _add_token(add_command: AddCommand) -> None:
    command = add_command("token", "What a token is, what each cloud reads in it, whether it still counts.")
    _add_token_sources(command)
    command.add_argument("--keys", metavar="FILE", help="the issuer's keys (JWKS), where it can't be asked for them")
    command.add_argument("--offline", action="store_true", help="don't ask the issuer for its keys")
    command.set_defaults(run=_token)


def _token(options: argparse.Namespace) -> int:
    from doctor.token.run_token import run_token

    return run_token(options)


def _add_explain(add_command: AddCommand) -> None:
    command = add_command(
        "explain",
        "Why a token gets an AWS role or does not, condition by condition; with --provider, why an AWS identity gets"
        " into Google Cloud.",
    )
    _add_token_sources(command)
    role = command.add_mutually_exclusive_group()
    role.add_argument("--policy", metavar="FILE", help="a trust policy, or what `aws iam get-role` prints")
    role.add_argument("--role", metavar="ARN", help="a live role, with the IAM OIDC providers of its account")
    role.add_argument("-s", "--stack", help="the live role of a stack's workload")
    role.add_argument("--provider", metavar="FILE|NAME", help="way back: a workload identity provider, projects/…")
    role.add_argument("--error", metavar="TEXT|FILE", help="an error message of either cloud: which problem it means")
    command.add_argument("--workload", metavar="NAME", help="of the stack, when it has several")
    command.add_argument("--directory", type=Path, default=Path(), help="the stack's project; by default this one")
    command.add_argument("--outputs", type=Path, metavar="FILE", help="of `pulumi stack output --json`, without a CLI")
    command.add_argument("--providers", metavar="FILE", help="what `aws iam get-open-id-connect-provider` prints")
    command.add_argument("--duration", type=int, metavar="SECONDS", help="of the session that is asked for")
    command.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a condition key that the request decides, such as sts:RoleSessionName=app",
    )
    command.add_argument("--service-account", metavar="FILE|EMAIL", help="way back: its IAM policy")
    command.add_argument("--exchange-audience", metavar="TEXT", help="way back: `audience` of the client's file")
    command.set_defaults(run=_explain)


def _explain(options: argparse.Namespace) -> int:
    from doctor.explain.run_explain import run_explain

    return run_explain(options)


def _add_lint(add_command: AddCommand) -> None:
    command = add_command("lint", "Whom trust policies, providers and bindings let in beyond those they are meant for.")
    command.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="trust policy, `aws iam get-role` or list-roles, a workload identity provider, an IAM policy; - is stdin",
    )
    command.add_argument("-s", "--stack", help="the live roles of a stack")
    command.add_argument("--directory", type=Path, default=Path(), help="the stack's project; by default this one")
    command.add_argument("--outputs", type=Path, metavar="FILE", help="of `pulumi stack output --json`, without a CLI")
    command.add_argument("--account", action="store_true", help="every role of the AWS account in use")
    command.set_defaults(run=_lint)


def _lint(options: argparse.Namespace) -> int:
    from doctor.lint.run_lint import run_lint

    return run_lint(options)


def _add_token_sources(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "token", nargs="?", metavar="TOKEN", help="file with a token, or with claims as JSON; - is standard input"
    )
    command.add_argument("--metadata", action="store_true", help="the token of this pod's or machine's service account")
    command.add_argument("--impersonate", metavar="EMAIL", help="the token of a service account that you may act as")
    command.add_argument("--kubernetes", metavar="NAMESPACE/NAME", help="the token of a Kubernetes service account")
    command.add_argument("--audience", default="sts.amazonaws.com", help="of a token that is asked for")
