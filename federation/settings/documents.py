"""Limits that only show once the policies and conditions are built, with the longest values the clouds can give."""

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter, ValidationError

from federation import aws, google, kubernetes
from federation.access import s3_policy
from federation.settings.errors import WORKLOADS, Problem
from federation.settings.google_fields import ProjectId
from federation.settings.models import AwsRole, Cluster, Workload
from federation.settings.relations import CLUSTER, POOL
from federation.settings.written import Written
from federation.trust import Statement, cluster_statement, google_statement, trust_policy, trust_policy_characters
from federation.workload_identity import aws_attribute_condition, oidc_attribute_condition

_ANY_ACCOUNT = "0" * 12
_ANY_UNIQUE_ID = "0" * 21


def document_problems(stack: Written) -> Iterator[Problem]:
    """What would be too long for AWS or Google. Looks only at valid parts; the others have errors of their own."""
    partition = aws.partition_of_region(stack.at("aws:region").text)
    project = _valid(ProjectId, stack.at("gcp:project").value)
    if partition is None or project is None:
        return
    cluster: Cluster | None = _valid(Cluster, stack.at(CLUSTER).value)
    returning: list[str] = []
    for written in stack.at(WORKLOADS).items():
        workload: Workload | None = _valid(Workload, written.value)
        if workload is None:
            continue
        if workload.return_to_gcp:
            returning.append(workload.aws_role.name)
        if cluster:
            yield from _trust(written.at("awsRole"), _statements(workload, cluster, project, partition))
        yield from _access(written.at("awsRole", "s3"), partition, workload.aws_role)
    yield from _condition(stack, partition, returning)


def _valid(type_: Any, value: Any) -> Any:
    try:
        return TypeAdapter(type_).validate_python(value)
    except ValidationError:
        return None


def _statements(workload: Workload, cluster: Cluster, project: str, partition: str) -> Iterator[Statement]:
    role, account, pod = workload.aws_role, workload.gcp_service_account, workload.kubernetes
    if "google" in workload.routes and account:
        email = google.service_account_email(account.id, account.project or project)
        yield google_statement(_ANY_UNIQUE_ID, email, role.audience)
    if "cluster" in workload.routes and pod:
        issuer = google.gke_issuer(cluster.project or project, cluster.location, cluster.name)
        provider = aws.oidc_provider_arn(partition, _ANY_ACCOUNT, issuer)
        subject = kubernetes.service_account_subject(pod.namespace, pod.service_account)
        yield cluster_statement(provider, issuer, role.audience, subject)


def _trust(role: Written, statements: Iterator[Statement]) -> Iterator[Problem]:
    trusted = list(statements)
    size = trust_policy_characters(trust_policy(*trusted)) if trusted else 0
    if size > aws.TRUST_POLICY_CHARACTERS:
        yield role.problem(
            f"the role's trust policy may have {aws.TRUST_POLICY_CHARACTERS} characters without white space."
            " https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html",
            "shorten the audience or the Kubernetes names, or leave the workload one route",
            reason=f"makes a trust policy of {size} characters",
        )


def _access(s3: Written, partition: str, role: AwsRole) -> Iterator[Problem]:
    if role.s3 == "read-only" or not role.s3:
        return
    keys = [arn for grant in role.s3 for arn in grant.kms_key_arns]
    if not all(arn.startswith(f"arn:{partition}:") for arn in keys):
        return  # `relations` says so, key by key
    try:
        s3_policy(partition, role.s3)
    except ValueError as too_long:
        rule = f"{too_long}. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
        yield s3.problem(rule, "grant fewer or shorter prefixes, or split the workload in two")


def _condition(stack: Written, partition: str, role_names: list[str]) -> Iterator[Problem]:
    build = oidc_attribute_condition if stack.at(POOL, "provider", "kind").text == "oidc" else aws_attribute_condition
    try:
        build(partition, _ANY_ACCOUNT, role_names)
    except ValueError as too_long:
        rule = f"{too_long}. https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers"
        yield stack.at(WORKLOADS).problem(
            rule, "move some workloads to a second stack, with workloadIdentityPool.mode: lookup"
        )
