"""The commands that answer from files, and from a live cloud only where asked: token, explain, lint."""

import argparse
import sys
import time
from pathlib import Path

from doctor.cli import AddCommand
from doctor.errors import UsageError

STANDARD_INPUT = "-"


def register(add_command: AddCommand) -> None:
    """Add the commands of this module to the command line."""
    _register_explain(add_command("explain", "Why a token gets a role or does not, condition by condition."))


def _register_explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("token", metavar="TOKEN", help="file with a token or with claims as JSON; - reads standard input")
    parser.add_argument("--policy", metavar="FILE", help="trust policy, or what `aws iam get-role` prints")
    parser.add_argument("--providers", metavar="FILE", help="what `aws iam get-open-id-connect-provider` prints")
    parser.set_defaults(run=_run_explain)


def _run_explain(options: argparse.Namespace) -> int:
    from doctor.explain import Request, explain
    from doctor.oidc_providers import providers_from_text
    from doctor.report import Report, show
    from doctor.roles import roles_from_text
    from doctor.token_checks import not_a_token
    from doctor.tokens import NotATokenError, parse_token

    role = roles_from_text(read_text(options.policy), options.policy)[0]
    try:
        token = parse_token(read_text(options.token))
    except NotATokenError as error:
        return show(Report([not_a_token(error)]), as_json=options.json)
    providers = providers_from_text(read_text(options.providers), options.providers) if options.providers else None
    return show(explain(token, role, Request(time.time(), providers)), as_json=options.json)


def read_text(name: str) -> str:
    """The text of a file, or of standard input for -. Raises UsageError."""
    try:
        return sys.stdin.read() if name == STANDARD_INPUT else Path(name).read_text()
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not text") from None
    except OSError as error:
        raise UsageError(f"{name} can't be read: {error.strerror}") from None
