"""What a valid configuration may say and hardly means, each with the remedy."""

from collections.abc import Iterator

from federation import aws, google
from federation.settings.errors import key_path
from federation.settings.models import Settings
from federation.settings.urls import host


def warnings(settings: Settings) -> Iterator[str]:
    """One sentence or two for each doubt."""
    yield from _about_the_oidc_provider(settings)
    yield from _about_the_pool(settings)
    partition = aws.partition_of_region(settings.region)
    for index, workload in enumerate(settings.workloads):
        path = key_path(("gcp-aws-wif:workloads", index)) + f" ({workload.name})"
        if "google" in workload.routes and partition != "aws":
            yield (
                f"{path}: AWS documents Google as a built-in identity provider only for the partition aws, not for"
                f" {partition}. If STS refuses the tokens, use the route cluster."
            )
        if workload.kubernetes and workload.kubernetes.service_account == "default":
            yield (
                f"{path}.kubernetes.serviceAccount: every pod of the namespace that names no service account runs as"
                " default, so all of them get this role. Use a service account of the workload's own."
            )


def _about_the_oidc_provider(settings: Settings) -> Iterator[str]:
    provider, cluster = settings.aws_oidc_provider, settings.cluster
    if not provider or not provider.url:
        return
    issuer = google.gke_issuer(cluster.project or settings.project, cluster.location, cluster.name)
    path = f"gcp-aws-wif:awsOidcProvider.url: {provider.url}"
    if host(provider.url) in aws.SILENT_ISSUERS:
        yield f"{path} issues no tokens, so this provider admits nobody. Leave url out, then it is {issuer}."
    elif provider.url != issuer:
        yield f"{path} is not the cluster's issuer, {issuer}: no workload here can use it. Leave url out."


def _about_the_pool(settings: Settings) -> Iterator[str]:
    pool = settings.workload_identity_pool
    if not pool or pool.provider.kind != "oidc" or pool.provider.issuer == "outbound":
        return
    path = f"gcp-aws-wif:workloadIdentityPool.provider.issuer: {pool.provider.issuer}"
    if host(pool.provider.issuer) in aws.SILENT_ISSUERS:
        yield f"{path} issues no tokens, so this provider admits nobody. Write outbound."
    elif not aws.OUTBOUND_ISSUER.fullmatch(pool.provider.issuer):
        yield (
            f"{path} is not the issuer of an AWS account, https://<uuid>.tokens.sts.global.api.aws; only its tokens"
            " have a role's ARN as subject, which this program pins. Write outbound."
        )
