"""What the demo's steps share: the sandbox, the stack's outputs, and one client for each cloud.

The clients are the public ones on the public APIs; nothing looks into an emulator's memory.
"""

from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
from botocore import UNSIGNED
from botocore.config import Config

from sandbox import seed
from sandbox.server import Sandbox

TIMEOUT_SECONDS = 30


class NotAsExpected(Exception):
    """A step saw something else than the guide promises."""

    def __init__(self, expected: object, seen: object) -> None:
        super().__init__(f"expected {expected}, saw {seen}")
        self.expected = expected
        self.seen = seen


def expect(expected: object, seen: object) -> None:
    """Raise NotAsExpected unless the two are equal."""
    if seen != expected:
        raise NotAsExpected(expected, seen)


@dataclass
class Tour:
    """One walk through the guide."""

    sandbox: Sandbox
    outputs: dict[str, Any] = field(default_factory=dict)

    @property
    def workload(self) -> dict[str, Any]:
        """The outputs of the guide's one workload."""
        (workload,) = self.outputs["workloads"].values()
        found: dict[str, Any] = workload
        return found

    def google(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call a Google API as the person at the keyboard."""
        endpoints = self.sandbox.endpoints
        return self._call(method, endpoints.google + path, endpoints.google_token, body)

    def kubernetes(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call the cluster's API as the person at the keyboard."""
        endpoints = self.sandbox.endpoints
        return self._call(method, endpoints.kubernetes + path, endpoints.kubernetes_token, body)

    def aws(self, service: str) -> Any:
        """A client with the operator's credentials."""
        return self.aws_session(service, seed.ACCOUNT_ID, seed.OPERATOR_SECRET_ACCESS_KEY, None)

    def aws_session(self, service: str, key_id: str, secret: str, session_token: str | None) -> Any:
        """A client with the credentials of a session."""
        return boto3.client(
            service,
            endpoint_url=self.sandbox.endpoints.aws,
            region_name=seed.REGION,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=session_token,
        )

    def assume_role(self, token: str) -> dict[str, Any]:
        """AssumeRoleWithWebIdentity of the workload's role, without AWS credentials, as a pod calls it.

        Raises botocore's ClientError.
        """
        sts = boto3.client(
            "sts",
            endpoint_url=self.sandbox.endpoints.aws,
            region_name=seed.REGION,
            config=Config(signature_version=UNSIGNED),
        )
        response: dict[str, Any] = sts.assume_role_with_web_identity(
            RoleArn=self.workload["aws_role_arn"], RoleSessionName="gcp-session", WebIdentityToken=token
        )
        return response

    def google_token(self, audience: str | None = None) -> str:
        """A Google ID token for the workload's pod, from its metadata server."""
        namespace, service_account = self.kubernetes_service_account()
        host = self.sandbox.start_pod(namespace, service_account)
        response = httpx.get(
            f"http://{host}/computeMetadata/v1/instance/service-accounts/default/identity",
            params={"audience": audience or self.workload["audience"], "format": "full"},
            headers={"Metadata-Flavor": "Google"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
        expect(200, response.status_code)
        return response.text

    def cluster_token(self, namespace: str, service_account: str, audience: str | None = None) -> str:
        """A projected token of a Kubernetes service account, as kubelet asks for it."""
        response = self.kubernetes(
            "POST",
            f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token",
            {
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"audiences": [audience or self.workload["audience"]], "expirationSeconds": 3600},
            },
        )
        expect(201, response.status_code)
        token: str = response.json()["status"]["token"]
        return token

    def kubernetes_service_account(self) -> tuple[str, str]:
        """Namespace and name of the workload's Kubernetes service account."""
        namespace, _, name = self.workload["kubernetes_service_account"].partition("/")
        return namespace, name

    def _call(self, method: str, url: str, token: str, body: object) -> httpx.Response:
        return httpx.request(
            method,
            url,
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
        )
