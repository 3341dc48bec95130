"""`doctor explain --provider`: an AWS identity at a workload identity provider of Google's."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from doctor.errors import UsageError
from doctor.given_token import given_token
from doctor.inputs import read_json, read_text
from doctor.report import Report
from doctor.way_back import Case, Identity, explain_way_back, identity_of_arn, identity_of_token

_DESCRIBED = "what `gcloud iam workload-identity-pools providers describe … --format=json` prints"
_POLICY = "what `gcloud iam service-accounts get-iam-policy EMAIL --format=json` prints"


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


def _provider(name: str) -> Mapping[str, Any]:
    if not name.startswith("projects/"):
        return read_json(name, _DESCRIBED)
    from doctor.google_api import IAM, GoogleApi

    provider: Mapping[str, Any] = GoogleApi.from_environment().get(IAM, name)
    return provider


def _bindings(name: str) -> Sequence[Mapping[str, Any]]:
    if "@" not in name or name.endswith(".json"):
        policy = read_json(name, _POLICY)
    else:
        from doctor.google_api import IAM, GoogleApi

        path = f"projects/-/serviceAccounts/{quote(name)}:getIamPolicy"
        policy = GoogleApi.from_environment().post(IAM, path)
    return list(policy.get("bindings", []))
