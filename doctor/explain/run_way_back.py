"""`doctor explain --provider`: an AWS identity at a workload identity provider of Google's."""

import argparse
import json
from collections.abc import Sequence
from urllib.parse import quote

from doctor.errors import UsageError
from doctor.explain.way_back import Case, Identity, explain_way_back, identity_of_arn, identity_of_token
from doctor.google_files import POLICY_COMMAND, PROVIDER_COMMAND, Binding, IamPolicy, Provider
from doctor.inputs import read_json, read_text
from doctor.report import Report
from doctor.token.given_token import given_token


def way_back_report(options: argparse.Namespace) -> Report:
    """The report on what the options name. Raises UsageError, NotATokenError and CloudError."""
    provider = _provider(options.provider)
    bindings = _bindings(options.service_account) if options.service_account else None
    return explain_way_back(Case(_identity(options), provider, bindings, options.exchange_audience))


def _identity(options: argparse.Namespace) -> Identity:
    """TOKEN is here an ARN, what `aws sts get-caller-identity` prints, or an OIDC token."""
    given = options.token
    if given is None or not given.startswith("arn:"):
        if given is not None and (arn := _caller_arn(given)) is not None:
            return identity_of_arn(arn)
        return identity_of_token(given_token(options))
    return identity_of_arn(given)


def _caller_arn(name: str) -> str | None:
    if name == "-":
        return None
    try:
        content = json.loads(read_text(name))
    except (UsageError, ValueError):
        return None  # given_token says what is wrong with it
    arn = content.get("Arn") or content.get("arn") if isinstance(content, dict) else None
    return arn if isinstance(arn, str) else None


def _provider(name: str) -> Provider:
    if not name.startswith("projects/"):
        return Provider.from_json(read_json(name, f"what `{PROVIDER_COMMAND}` prints"), name)
    from doctor.clouds.google_api import IAM, GoogleApi

    return Provider.from_json(GoogleApi.from_environment().get(IAM, name), name)


def _bindings(name: str) -> Sequence[Binding]:
    if "@" not in name or name.endswith(".json"):
        return IamPolicy.from_json(read_json(name, f"what `{POLICY_COMMAND}` prints"), name).bindings
    from doctor.clouds.google_api import IAM, GoogleApi

    path = f"projects/-/serviceAccounts/{quote(name)}:getIamPolicy"
    return IamPolicy.from_json(GoogleApi.from_environment().post(IAM, path), name).bindings
