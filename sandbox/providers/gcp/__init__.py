"""The Google provider: service accounts, IAM members, workload identity pools and what exists already, over REST."""

from functools import partial

from sandbox.providers.gcp import functions
from sandbox.providers.gcp.client import GoogleClient, GoogleSession
from sandbox.providers.gcp.iam_member import PROJECTS, SERVICE_ACCOUNTS, IamMember
from sandbox.providers.gcp.service_account import Account
from sandbox.providers.gcp.workload_identity import WorkloadIdentityPool, WorkloadIdentityPoolProvider
from sandbox.providers.resource import Connect, Package
from sandbox.providers.values import Values

__all__ = ["gcp_package"]


def gcp_package(url: str, token: str) -> Connect:
    """The Google provider at one endpoint, for whatever configuration the engine gives it."""

    def configured(config: Values) -> Package:
        settings = {name: config[name] for name in ("project", "region", "zone") if config.get(name)}
        access_token = config.get("accessToken", token)
        session = GoogleSession(GoogleClient(url, access_token), access_token, settings)
        return Package(
            resources={
                "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": WorkloadIdentityPool(session),
                "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": WorkloadIdentityPoolProvider(
                    session
                ),
                "gcp:projects/iAMMember:IAMMember": IamMember(session, PROJECTS),
                "gcp:serviceaccount/account:Account": Account(session),
                "gcp:serviceaccount/iAMMember:IAMMember": IamMember(session, SERVICE_ACCOUNTS),
            },
            functions={
                "gcp:container/getCluster:getCluster": partial(functions.get_cluster, session),
                "gcp:iam/getWorkloadIdentityPool:getWorkloadIdentityPool": partial(
                    functions.get_workload_identity_pool, session
                ),
                "gcp:iam/getWorkloadIdentityPoolProvider:getWorkloadIdentityPoolProvider": partial(
                    functions.get_workload_identity_pool_provider, session
                ),
                "gcp:organizations/getClientConfig:getClientConfig": partial(functions.get_client_config, session),
                "gcp:organizations/getProject:getProject": partial(functions.get_project, session),
            },
        )

    return configured
