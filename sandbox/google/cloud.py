"""The state of the emulated Google Cloud, and the questions that its APIs ask each other.

All state is in memory and ends with the process. Whoever changes or reads it from outside holds `lock`.
"""

import threading
import time
from typing import Final

from federation.google import GOOGLE_ISSUER, gke_issuer
from sandbox import seed
from sandbox.faults import Faults
from sandbox.google.clusters import Cluster, Clusters
from sandbox.google.operations import Operations
from sandbox.google.permissions import permits
from sandbox.google.policies import Policies
from sandbox.google.principals import AccessTokens, Clock, Principal
from sandbox.google.projects import Project, Projects
from sandbox.google.service_accounts import ServiceAccount, ServiceAccounts
from sandbox.google.workload_identity import WorkloadIdentityPools
from sandbox.issuers import Issuers

FOR_EVER: Final = float("inf")
KUBERNETES_POOL_SUFFIX: Final = ".svc.id.goog"


class GoogleCloud:
    """Google Cloud as the guide finds it: one project, one cluster without a workload pool, one owner.

    `base_url` is where the app is served: discovery documents point there. `aws_base_url` is where GetCallerIdentity
    requests are forwarded to; without it no token of an AWS provider can be exchanged. Set `faults` at any time.
    """

    def __init__(
        self, issuers: Issuers, base_url: str, aws_base_url: str | None = None, clock: Clock = time.time
    ) -> None:
        self.lock = threading.RLock()
        self.faults = Faults()
        self.issuers = issuers
        self.google_issuer = issuers.create(GOOGLE_ISSUER)
        self.base_url = base_url
        self.aws_base_url = aws_base_url
        self.clock = clock
        self.projects = Projects()
        self.policies = Policies(clock, lambda: self.faults.propagation_seconds)
        self.access_tokens = AccessTokens(clock)
        self.service_accounts = ServiceAccounts(self.policies, clock)
        self.workload_identity_pools = WorkloadIdentityPools(clock)
        self.operations = Operations(clock)
        self.clusters = Clusters(clock)
        self.operator_token = self.access_tokens.issue(Principal(seed.OPERATOR), FOR_EVER)
        self.add_project(seed.PROJECT_ID, seed.PROJECT_NUMBER)
        self.add_cluster(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)

    def add_project(self, project_id: str, number: str) -> Project:
        """A further project, owned by the operator."""
        with self.lock:
            project = self.projects.add(project_id, number)
            owner = {"bindings": [{"role": "roles/owner", "members": [seed.OPERATOR]}]}
            self.policies.write(project.resource, owner, check_member=lambda _: None)
            return project

    def add_cluster(self, project_id: str, location: str, name: str) -> Cluster:
        """A further cluster, its workload pool off; its issuer signs from now on."""
        with self.lock:
            self.issuers.create(gke_issuer(project_id, location, name))
            return self.clusters.add(self.projects.get(project_id), location, name)

    def allows(self, principal: Principal, permission: str, *resources: str) -> bool:
        """Whether a principal has a permission on one of the resources, by the policies in effect now."""
        return any(
            permits(role, permission) for resource in resources for role in self.policies.roles(resource, principal)
        )

    def has_identity_pool(self, name: str) -> bool:
        """Whether a pool exists: of workload identity federation by its full name, of GKE also by `P.svc.id.goog`."""
        pool_id = name.rpartition("/")[2]
        if pool_id.endswith(KUBERNETES_POOL_SUFFIX):
            return self.clusters.has_workload_pool(pool_id)
        pool = self.workload_identity_pools.find(name)
        return pool is not None and pool.deleted_at is None

    def kubernetes_principal(self, project: Project, namespace: str, service_account: str) -> Principal:
        """A Kubernetes service account of the project's clusters: all clusters of a project share one pool.
        https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#identity_sameness
        """
        pool = project.id + KUBERNETES_POOL_SUFFIX
        pool_name = self.workload_identity_pools.pool_name(project, pool)
        return Principal(
            f"serviceAccount:{pool}[{namespace}/{service_account}]",
            frozenset(
                {
                    f"principal://iam.googleapis.com/{pool_name}/subject/ns/{namespace}/sa/{service_account}",
                    f"principalSet://iam.googleapis.com/{pool_name}/*",
                    f"principalSet://iam.googleapis.com/{pool_name}/namespace/{namespace}",
                }
            ),
        )

    def access_token(self, account: ServiceAccount, seconds: float) -> str:
        """A token of a service account; it dies with the account and rests while the account is disabled."""
        return self.access_tokens.issue(
            account.principal, seconds, lambda: account.deleted_at is None and not account.disabled
        )
