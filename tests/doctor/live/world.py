"""The guide's stack in a sandbox of the test's own, made over the clouds' public APIs as `pulumi up` makes it.

`tests/engine` and `test_sbx_live` hold the doctor against what the engine really makes; here a world is up in a second,
and can be broken at any one point.
"""

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import httpx
import yaml

from federation import aws, google
from federation.external_account import external_account
from federation.kubernetes import service_account_subject
from federation.trust import cluster_statement, google_statement, trust_policy
from federation.workload_identity import aws_attribute_condition, aws_attribute_mapping
from sandbox import seed
from sandbox.server import Sandbox

STACK = "sbx"
PROJECT_DIRECTORY = Path(__file__).parents[3]
PROJECT = f"/v1/projects/{seed.PROJECT_ID}"
CLUSTER = f"/v1/{google.cluster_path(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)}"
ISSUER = google.gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME)
OIDC_PROVIDER_ARN = aws.oidc_provider_arn("aws", seed.ACCOUNT_ID, ISSUER)
POOL = f"projects/{seed.PROJECT_NUMBER}/locations/global/workloadIdentityPools/poc-aws-pool"
POOLS = f"{PROJECT}/locations/global/workloadIdentityPools"
PROVIDER = f"{POOL}/providers/aws-provider"
ACCOUNT_ID = "poc-gcp-to-aws-sa"
EMAIL = google.service_account_email(ACCOUNT_ID, seed.PROJECT_ID)
ROLE_NAME = "GCPWorkloadIAMRole"
ROLE_ARN = aws.role_arn("aws", seed.ACCOUNT_ID, ROLE_NAME)
NAMESPACE, SERVICE_ACCOUNT = "default", "s3-reader"
KUBERNETES_MEMBER = google.kubernetes_member(google.workload_pool(seed.PROJECT_ID), NAMESPACE, SERVICE_ACCOUNT)
ROLE_MEMBER = google.principal_member(POOL, ROLE_ARN)


@dataclass
class World:
    """A sandbox, the operator's clients, and what the stack has made in it."""

    sandbox: Sandbox
    directory: Path
    """Of the project: it holds the stack's file."""
    unique_id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def iam(self) -> Any:
        """The operator's client."""
        return boto3.client(
            "iam",
            region_name=seed.REGION,
            endpoint_url=self.sandbox.aws.url,
            aws_access_key_id=seed.ACCOUNT_ID,
            aws_secret_access_key=seed.OPERATOR_SECRET_ACCESS_KEY,
        )

    def call_google(self, method: str, path: str, body: Any = None) -> Any:
        """One call as the operator, which Google must grant."""
        headers = {"Authorization": f"Bearer {self.sandbox.google.operator_token}"}
        response = httpx.request(
            method, self.sandbox.endpoints.google + path, json=body, headers=headers, trust_env=False
        )
        return response.raise_for_status().json()

    def call_kubernetes(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.sandbox.endpoints.kubernetes_token}"}
        response = httpx.request(
            method, self.sandbox.endpoints.kubernetes + path, json=body, headers=headers, trust_env=False
        )
        return response.raise_for_status().json()

    def configure(self, **keys: Any) -> None:
        """Changes keys of the stack's file: `cluster={…}` for gcp-aws-wif:cluster."""
        path = self.directory / f"Pulumi.{STACK}.yaml"
        content = yaml.safe_load(path.read_text())
        for name, value in keys.items():
            content["config"][name if ":" in name else f"gcp-aws-wif:{name}"] = value
        path.write_text(yaml.safe_dump(content))

    def workloads(self) -> list[dict[str, Any]]:
        """As the stack's file has them now, to change and give to `configure`."""
        content = yaml.safe_load((self.directory / f"Pulumi.{STACK}.yaml").read_text())
        found: list[dict[str, Any]] = content["config"]["gcp-aws-wif:workloads"]
        return found

    def outputs_file(self) -> Path:
        path = self.directory / "outputs.json"
        path.write_text(json.dumps(self.outputs))
        return path

    def up(self) -> None:
        """What `pulumi up` makes of the guide's stack."""
        self.enable_workload_pool()
        self.iam.create_open_id_connect_provider(Url=ISSUER, ClientIDList=[aws.STS_AUDIENCE])
        self.make_service_account()
        self.make_pool()
        self.make_role()
        self.grant(KUBERNETES_MEMBER, ROLE_MEMBER)
        self.make_kubernetes_service_account(SERVICE_ACCOUNT, EMAIL)
        self.outputs = self._outputs()

    def enable_workload_pool(self) -> None:
        pool = google.workload_pool(seed.PROJECT_ID)
        self.call_google("PUT", CLUSTER, {"update": {"desiredWorkloadIdentityConfig": {"workloadPool": pool}}})
        while self.call_google("GET", CLUSTER).get("workloadIdentityConfig", {}).get("workloadPool") != pool:
            pass

    def serve_tokens_on_nodes(self) -> None:
        """GKE_METADATA on the cluster's node pool."""
        path = f"{CLUSTER}/nodePools/default-pool"
        self.call_google("PUT", path, {"workloadMetadataConfig": {"mode": "GKE_METADATA"}})
        while self.call_google("GET", path)["config"]["workloadMetadataConfig"]["mode"] != "GKE_METADATA":
            pass

    def make_service_account(self) -> None:
        account = self.call_google("POST", f"{PROJECT}/serviceAccounts", {"accountId": ACCOUNT_ID})
        self.unique_id = account["uniqueId"]

    def make_pool(self) -> None:
        self.call_google("POST", f"{POOLS}?workloadIdentityPoolId=poc-aws-pool", {})
        self.call_google(
            "POST",
            f"{POOLS}/poc-aws-pool/providers?workloadIdentityPoolProviderId=aws-provider",
            {
                "aws": {"accountId": seed.ACCOUNT_ID},
                "attributeMapping": aws_attribute_mapping("aws", seed.ACCOUNT_ID),
                "attributeCondition": aws_attribute_condition("aws", seed.ACCOUNT_ID, [ROLE_NAME]),
            },
        )

    def make_role(self) -> None:
        self.iam.create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=self.trust())
        self.iam.attach_role_policy(RoleName=ROLE_NAME, PolicyArn=aws.s3_read_only_policy_arn("aws"))

    def trust(self) -> str:
        subject = service_account_subject(NAMESPACE, SERVICE_ACCOUNT)
        return trust_policy(
            google_statement(self.unique_id, EMAIL, aws.STS_AUDIENCE),
            cluster_statement(OIDC_PROVIDER_ARN, ISSUER, aws.STS_AUDIENCE, subject),
        )

    def grant(self, *members: str, role: str = google.WORKLOAD_IDENTITY_USER) -> None:
        """Replaces the service account's policy: who may be it."""
        policy = {"bindings": [{"role": role, "members": list(members)}]} if members else {}
        self.call_google("POST", f"{PROJECT}/serviceAccounts/{EMAIL}:setIamPolicy", {"policy": policy})

    def make_kubernetes_service_account(self, name: str, email: str | None = None) -> None:
        annotations = {google.SERVICE_ACCOUNT_ANNOTATION: email} if email else {}
        self.call_kubernetes(
            "POST",
            f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts",
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": name, "namespace": NAMESPACE, "annotations": annotations},
            },
        )

    def _outputs(self) -> dict[str, Any]:
        account = external_account(kind="aws", provider_name=PROVIDER, service_account_email=EMAIL)
        return {
            "gke_workload_pool": google.workload_pool(seed.PROJECT_ID),
            "gke_issuer": ISSUER,
            "aws_oidc_provider_arn": OIDC_PROVIDER_ARN,
            "workload_identity_pool": POOL,
            "workload_identity_provider": PROVIDER,
            "workloads": {
                "s3-reader": {
                    "routes": ["google", "cluster"],
                    "audience": aws.STS_AUDIENCE,
                    "aws_role_arn": ROLE_ARN,
                    "gcp_service_account_email": EMAIL,
                    "gcp_service_account_unique_id": self.unique_id,
                    "kubernetes_service_account": f"{NAMESPACE}/{SERVICE_ACCOUNT}",
                    "pod_patch": {},
                    "external_account": account,
                }
            },
        }
