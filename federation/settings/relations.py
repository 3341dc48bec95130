"""Rules of how values must agree: a workload's fields with its routes, workloads with each other and with the stack."""

from collections.abc import Iterator
from typing import get_args

from federation import aws, google
from federation.settings.errors import REMOVE, WORKLOADS, Problem, key_path
from federation.settings.explain import DOCUMENTATION, example_at
from federation.settings.models import Route
from federation.settings.rule import name_like
from federation.settings.written import Written

CLUSTER = "gcp-aws-wif:cluster"
OIDC_PROVIDER = "gcp-aws-wif:awsOidcProvider"
POOL = "gcp-aws-wif:workloadIdentityPool"


def relation_problems(stack: Written) -> Iterator[Problem]:
    """Where the configuration contradicts itself."""
    workloads = stack.at(WORKLOADS).items()
    yield from _oidc_provider(stack.at(OIDC_PROVIDER))
    yield from _pool(stack.at(POOL), stack.at("aws:region").text)
    yield from _sections(stack, workloads)
    for workload in workloads:
        yield from _fields_of_routes(workload)
        yield from _audience(workload, stack.at(OIDC_PROVIDER))
        yield from _arns(workload, stack)
    yield from _identities(workloads, stack.at("gcp:project").text)


def _routes(workload: Written) -> list[str]:
    return [route for route in workload.at("routes").texts() if route in get_args(Route)]


def _returns(workload: Written) -> bool:
    return workload.at("returnToGcp").value is True


def _unused(written: Written, rule: str) -> Iterator[Problem]:
    if written.given:
        yield written.problem(f"{rule} {DOCUMENTATION}", REMOVE)


def _oidc_provider(provider: Written) -> Iterator[Problem]:
    if provider.at("mode").text == "lookup":
        yield from _unused(
            provider.at("thumbprints"), "is only for mode create: a provider that is looked up has its own."
        )


def _pool(pool: Written, region: str) -> Iterator[Problem]:
    if pool.at("mode").text == "lookup":
        for key in ("displayName", "description"):
            yield from _unused(pool.at(key), "is only for mode create: a pool that is looked up has its own.")
    kind, issuer = pool.at("provider", "kind"), pool.at("provider", "issuer")
    federation = pool.at("provider", "outboundFederation")
    if kind.text == "aws":
        yield from _unused(issuer, "is only for kind oidc: kind aws verifies AWS credentials, no tokens.")
        yield from _unused(federation, "is only for kind oidc with issuer outbound.")
        if aws.partition_of_region(region) == "aws-cn":
            yield kind.problem(
                "Google verifies credentials at sts.REGION.amazonaws.com; China's are valid only at amazonaws.com.cn."
                " https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds",
                suggestion="oidc",
            )
    elif issuer.text not in ("", "outbound"):
        yield from _unused(federation, "is only for issuer outbound.")


def _sections(stack: Written, workloads: list[Written]) -> Iterator[Problem]:
    by_cluster = [workload for workload in workloads if "cluster" in _routes(workload)]
    returning = [workload for workload in workloads if _returns(workload)]
    if by_cluster and not stack.at(OIDC_PROVIDER).given:
        audiences = {workload.at("awsRole", "audience").text or aws.STS_AUDIENCE for workload in by_cluster}
        client_ids = sorted(audience for audience in audiences if aws.AUDIENCE.fullmatch(audience))
        yield stack.at(OIDC_PROVIDER).problem(
            f"is required by the route cluster of {_named(by_cluster[0], stack)}. {DOCUMENTATION}",
            suggestion={"clientIds": client_ids or [aws.STS_AUDIENCE]},
        )
    if returning and not stack.at(POOL).given:
        yield stack.at(POOL).problem(
            f"is required by returnToGcp of {_named(returning[0], stack)}. {DOCUMENTATION}",
            suggestion=example_at((POOL,)),
        )
    url = stack.at(OIDC_PROVIDER, "url")
    issuer = _issuer(stack)
    if by_cluster and url.text and issuer and url.text != issuer:
        yield url.problem(
            f"the route cluster of {_named(by_cluster[0], stack)} needs the cluster's issuer: tokens of another never"
            " match. https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html",
            "or leave url out",
            issuer,
        )


def _issuer(stack: Written) -> str:
    cluster = stack.at(CLUSTER)
    project = cluster.at("project").text or stack.at("gcp:project").text
    location, name = cluster.at("location").text, cluster.at("name").text
    return google.gke_issuer(project, location, name) if project and location and name else ""


def _fields_of_routes(workload: Written) -> Iterator[Problem]:
    routes, account = _routes(workload), workload.at("gcpServiceAccount")
    if not routes:
        return
    if "google" in routes or _returns(workload):
        if not account.given:
            user = "the route google" if "google" in routes else "returnToGcp"
            yield account.problem(
                f"is required by {user}. {DOCUMENTATION}", suggestion={"id": _service_account_id(workload)}
            )
    elif account.given:
        rule = f"is used only by the route google and by returnToGcp; this workload has neither. {DOCUMENTATION}"
        yield account.problem(rule, "remove it, or add google to routes")
    if "cluster" in routes and not workload.at("kubernetes").given:
        name = name_like(63)(workload.at("name").text) or "s3-reader"
        yield workload.at("kubernetes").problem(
            f"is required by the route cluster. {DOCUMENTATION}",
            suggestion={"namespace": "default", "serviceAccount": name},
        )


def _service_account_id(workload: Written) -> str:
    name = name_like(30, first="a-z")(workload.at("name").text)
    return next((id_ for id_ in (name, f"{name}-to-aws") if google.SERVICE_ACCOUNT_ID.fullmatch(id_)), "s3-reader")


def _audience(workload: Written, provider: Written) -> Iterator[Problem]:
    """The provider's client ids are what STS takes as a token's audience; a provider that is looked up has its own."""
    client_ids = provider.at("clientIds").texts() if provider.at("clientIds").given else [aws.STS_AUDIENCE]
    audience = workload.at("awsRole", "audience")
    wanted = audience.value if audience.given else aws.STS_AUDIENCE
    if not isinstance(wanted, str) or "cluster" not in _routes(workload) or not provider.given:
        return
    usable = [client_id for client_id in client_ids if aws.AUDIENCE.fullmatch(client_id)]
    if wanted not in client_ids and usable and provider.at("mode").text in ("", "create"):
        yield Problem(
            audience.location,
            "the route cluster needs an audience that is one of gcp-aws-wif:awsOidcProvider.clientIds, else STS answers"
            " Incorrect token audience. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
            "or add it to clientIds",
            usable[0],
            wanted,
        )


def _arns(workload: Written, stack: Written) -> Iterator[Problem]:
    """ARNs that can't be meant, as they are of another partition or account."""
    partition = aws.partition_of_region(stack.at("aws:region").text)
    boundary = workload.at("awsRole", "permissionsBoundary")
    keys = [key for grant in workload.at("awsRole", "s3").items() for key in grant.at("kmsKeyArns").items()]
    for arn in (boundary, *keys):
        parts = arn.text.split(":", 2)
        if partition and len(parts) == 3 and parts[1] in aws.PARTITIONS and parts[1] != partition:
            yield arn.problem(
                f"the region {stack.at('aws:region').text} is in the partition {partition}, which knows no other."
                " https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html",
                f"name one of the partition {partition}",
                f"arn:{partition}:{parts[2]}" if arn is boundary else None,
            )
    accounts = stack.at("aws:allowedAccountIds").texts()
    if aws.PERMISSIONS_BOUNDARY.fullmatch(boundary.text) and accounts:
        prefix, account, policy = boundary.text.rsplit(":", 2)
        if account not in ("aws", *accounts):
            yield boundary.problem(
                "a permissions boundary is a policy of the role's own account, which is one of aws:allowedAccountIds."
                " https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html",
                suggestion=f"{prefix}:{accounts[0]}:{policy}",
            )


def _identities(workloads: list[Written], project: str) -> Iterator[Problem]:
    """Each workload has a name, a role and service accounts of its own; shared, they would undo each other's trust."""
    claims: tuple[tuple[str, tuple[str, ...], int], ...] = (
        ("name", ("name",), 40),
        ("role", ("awsRole", "name"), 64),
        ("Google service account", ("gcpServiceAccount", "id"), 30),
        ("Kubernetes service account", ("kubernetes", "serviceAccount"), 253),
    )
    for claimed, keys, longest in claims:
        owners: dict[tuple[str, str], Written] = {}
        for number, workload in enumerate(workloads, start=1):
            value = workload.at(*keys)
            # IAM takes names of roles that differ in case only for the same one; elsewhere capitals are refused anyway.
            identity = (_home(workload, claimed, project), value.text.lower())
            if value.text and identity in owners:
                first = key_path(owners[identity].location, [entry.value for entry in workloads])
                rule = f"each workload has its own {claimed}; this one is already that of {first}. {DOCUMENTATION}"
                yield value.problem(rule, suggestion=f"{value.text[: longest - 4].rstrip('-.')}-{number}")
            owners.setdefault(identity, workload)


def _home(workload: Written, claimed: str, project: str) -> str:
    if claimed == "Google service account":
        return workload.at("gcpServiceAccount", "project").text or project
    return workload.at("kubernetes", "namespace").text if claimed == "Kubernetes service account" else ""


def _named(workload: Written, stack: Written) -> str:
    return key_path(workload.location, stack.at(WORKLOADS).value)
