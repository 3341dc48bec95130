"""Reads what is written in both clouds' IAM about a workload, to hold a refusal against. It decides nothing."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from doctor.clouds import aws_api
from doctor.clouds.cloud import Unread, read
from doctor.clouds.google_api import IAM, GoogleApi
from doctor.clouds.live_roles import all_providers, role_of_arn
from doctor.explain.way_back import Case, identity_of_arn, identity_of_token
from doctor.google_files import IamPolicy, Provider
from doctor.token.tokens import parse_token
from doctor.verify.diagnosis import WrittenAccount, WrittenRole
from doctor.verify.way_back import outbound_token
from doctor.verify.workload import MadeWorkload
from federation.google import kubernetes_member, workload_pool


def written_role(workload: MadeWorkload) -> WrittenRole:
    """The workload's role."""
    iam = aws_api.client("iam", workload.region)
    return WrittenRole(read(partial(role_of_arn, iam, workload.role_arn)), read(partial(all_providers, iam)))


def written_account(email: str) -> WrittenAccount:
    """The workload's Google service account."""
    account = read(partial(_account, email))
    return WrittenAccount(account, read(partial(_bindings, email)) if account is not None else ())


def written_way_back(workload: MadeWorkload, session: Mapping[str, Any]) -> Case | Unread:
    """The role's session at the provider and at the service account."""
    return read(partial(_case, workload, session))


def caller_members() -> list[str]:
    """Who the caller is to a Google policy; none when Google does not say."""
    caller = read(lambda: GoogleApi.from_environment().caller())
    if caller is None or isinstance(caller, Unread):
        return ["user:YOU"]
    kind = "serviceAccount" if caller.endswith(".gserviceaccount.com") else "user"
    return [f"{kind}:{caller}"]


def pod_members(workload: MadeWorkload, project: str) -> list[str]:
    """Who the workload's pods are to a Google policy."""
    return [kubernetes_member(workload_pool(project), *workload.kubernetes)] if workload.kubernetes else ["user:YOU"]


def _account(email: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = GoogleApi.from_environment().find(IAM, f"projects/-/serviceAccounts/{email}")
    return found


def _bindings(email: str) -> list[Mapping[str, Any]]:
    policy = GoogleApi.from_environment().post(IAM, f"projects/-/serviceAccounts/{email}:getIamPolicy")
    bindings: list[Mapping[str, Any]] = policy.get("bindings", [])
    return bindings


def _case(workload: MadeWorkload, session: Mapping[str, Any]) -> Case:
    google, email = GoogleApi.from_environment(), workload.email or ""
    audience: str = (workload.external_account or {})["audience"]
    if workload.way_back == "aws":
        identity = identity_of_arn(session["AssumedRoleUser"]["Arn"])
    else:
        identity = identity_of_token(parse_token(outbound_token(workload.region, session["Credentials"])))
    provider = Provider.from_json(google.get(IAM, audience.removeprefix("//iam.googleapis.com/")), "the provider")
    return Case(identity, provider, IamPolicy.from_json({"bindings": _bindings(email)}, email).bindings, audience)
