"""A pod without a cluster: what a stack's `pod_patch` says, done by hand as the kubelet does it.

A program in it is a process whose environment is the patch's and the sandbox's endpoint, and no more:
what works there works by what the patch gives.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from google.auth import aws
from google.auth.transport.requests import Request

from sandbox import seed
from sandbox.server import Sandbox

ROUTES = Path(__file__).parents[2] / "docs" / "routes.md"
PROJECT = f"/v1/projects/{seed.PROJECT_ID}"
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1})
WAIT_SECONDS = 15

Outputs = dict[str, Any]
"""What `pulumi stack output --json` shows."""


@dataclass
class Pod:
    """A pod that a patch was merged into. `volume` stands for its token volume."""

    sandbox: Sandbox
    namespace: str
    spec: Mapping[str, Any]
    volume: Path
    variables: dict[str, str] = field(default_factory=dict)
    """What the application's environment has besides."""

    @property
    def token_file(self) -> Path:
        return Path(self.environment()["AWS_WEB_IDENTITY_TOKEN_FILE"])

    def environment(self) -> dict[str, str]:
        """Of its application's container."""
        (container,) = self.spec["containers"]
        return {"AWS_ENDPOINT_URL": self.sandbox.endpoints.aws, **self._variables(container), **self.variables}

    def project_token(self) -> None:
        """Write the volume's token, or write it anew: what the kubelet does at the start and before it expires."""
        (volume,) = self.spec["volumes"]
        (source,) = volume["projected"]["sources"]
        wanted = source["serviceAccountToken"]
        token = service_account_token(
            self.sandbox,
            self.namespace,
            self.spec["serviceAccountName"],
            wanted["audience"],
            wanted["expirationSeconds"],
        )
        new = self.volume / "new"
        new.write_text(token)
        new.rename(self.volume / wanted["path"])

    def start_sidecar(self, log: Path) -> subprocess.Popen[bytes]:
        """Run the init container that stays, with the pod's own metadata server. The caller ends it."""
        (sidecar,) = self.spec["initContainers"]
        host = self.sandbox.start_pod(self.namespace, self.spec["serviceAccountName"])
        return subprocess.Popen(
            sidecar["command"],
            env={"PATH": os.environ["PATH"], "GCE_METADATA_HOST": host, **self._variables(sidecar)},
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def start(self, program: str) -> subprocess.Popen[str]:
        """Run a Python program as the application."""
        return subprocess.Popen(
            [sys.executable, "-c", program],
            env={"PATH": os.environ["PATH"], **self.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, program: str) -> str:
        """What a Python program prints as the application. Raises AssertionError with its error."""
        process = self.start(program)
        printed, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        return printed.strip()

    def _variables(self, container: Mapping[str, Any]) -> dict[str, str]:
        (mount,) = container["volumeMounts"]
        return {
            variable["name"]: variable["value"].replace(mount["mountPath"], str(self.volume))
            for variable in container["env"]
        }


def make_pod(sandbox: Sandbox, workload: Mapping[str, Any], route: str, volume: Path) -> Pod:
    """A pod of a workload, by the stack's outputs of it."""
    namespace, _, _ = workload["kubernetes_service_account"].partition("/")
    return Pod(sandbox, namespace, workload["pod_patch"][route]["spec"]["template"]["spec"], volume)


def service_account_token(
    sandbox: Sandbox, namespace: str, service_account: str, audience: str = "sts.amazonaws.com", seconds: int = 3600
) -> str:
    """A token of a Kubernetes service account, by TokenRequest."""
    answer = call(
        sandbox.endpoints.kubernetes,
        sandbox.endpoints.kubernetes_token,
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token",
        {"spec": {"audiences": [audience], "expirationSeconds": seconds}},
    )
    token: str = answer.raise_for_status().json()["status"]["token"]
    return token


def call(base_url: str, token: str, method: str, path: str, body: object = None) -> httpx.Response:
    """A request with a bearer token."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.request(method, base_url + path, json=body, headers=headers, timeout=30, trust_env=False)


def google(sandbox: Sandbox, method: str, path: str, body: object = None) -> dict[str, Any]:
    """What a Google API answers the operator."""
    answer = call(sandbox.endpoints.google, sandbox.endpoints.google_token, method, path, body)
    decoded: dict[str, Any] = answer.raise_for_status().json()
    return decoded


def id_token(sandbox: Sandbox, namespace: str, service_account: str, audience: str = "sts.amazonaws.com") -> str:
    """A Google token of a pod's service account, from its metadata server."""
    return id_token_at(sandbox.start_pod(namespace, service_account), audience)


def id_token_at(host: str, audience: str = "sts.amazonaws.com") -> str:
    """A Google token from the metadata server at `host`. Raises HTTPStatusError."""
    answer = httpx.get(
        f"http://{host}/computeMetadata/v1/instance/service-accounts/default/identity",
        params={"audience": audience, "format": "full"},
        headers={"Metadata-Flavor": "Google"},
        timeout=30,
        trust_env=False,
    )
    return answer.raise_for_status().text


def aws_client(sandbox: Sandbox, service: str, credentials: Mapping[str, Any] | None = None) -> Any:
    """A client with the credentials that STS answered with; the operator's without."""
    operator = {"AccessKeyId": seed.ACCOUNT_ID, "SecretAccessKey": seed.OPERATOR_SECRET_ACCESS_KEY}
    keys = credentials or operator
    return boto3.client(
        service,
        endpoint_url=sandbox.endpoints.aws,
        region_name=seed.REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys.get("SessionToken"),
        config=ONE_ATTEMPT,
    )


def assume_role(sandbox: Sandbox, role_arn: str, token: str) -> dict[str, Any]:
    """AssumeRoleWithWebIdentity without AWS credentials, as a pod calls it. Raises ClientError."""
    sts = boto3.client(
        "sts",
        endpoint_url=sandbox.endpoints.aws,
        region_name=seed.REGION,
        config=ONE_ATTEMPT.merge(Config(signature_version=UNSIGNED)),
    )
    answer = sts.assume_role_with_web_identity(RoleArn=role_arn, RoleSessionName="test", WebIdentityToken=token)
    credentials: dict[str, Any] = answer["Credentials"]
    return credentials


def in_the_sandbox(sandbox: Sandbox, external_account: Mapping[str, Any]) -> dict[str, Any]:
    """The file with Google's hosts replaced by the sandbox, and nothing else."""
    text = json.dumps(external_account)
    for host in ("https://sts.googleapis.com", "https://iamcredentials.googleapis.com"):
        text = text.replace(host, sandbox.endpoints.google)
    moved: dict[str, Any] = json.loads(text)
    return moved


class Keys(aws.AwsSecurityCredentialsSupplier):
    """Known AWS credentials."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self._keys = keys

    def get_aws_security_credentials(self, _context: object, _request: object) -> aws.AwsSecurityCredentials:
        return aws.AwsSecurityCredentials(
            self._keys["AccessKeyId"], self._keys["SecretAccessKey"], self._keys.get("SessionToken")
        )

    def get_aws_region(self, _context: object, _request: object) -> str:
        return seed.REGION


def exchange_role(external_account: Mapping[str, Any], keys: Mapping[str, Any]) -> str:
    """A Google access token of the service account for AWS credentials. Raises google-auth's errors."""
    credentials = aws.Credentials.from_info(  # type: ignore[no-untyped-call]
        {**external_account, "credential_source": None},
        aws_security_credentials_supplier=Keys(keys),
        scopes=["https://www.googleapis.com/auth/cloud-platform"],
    )
    credentials.refresh(Request())
    token: str = credentials.token
    return token


def let_browse(sandbox: Sandbox, email: str) -> None:
    """Let a service account read the project, so that there is an API that it may call."""
    policy = google(sandbox, "POST", f"{PROJECT}:getIamPolicy")
    policy["bindings"].append({"role": "roles/browser", "members": [f"serviceAccount:{email}"]})
    google(sandbox, "POST", f"{PROJECT}:setIamPolicy", {"policy": policy})


def documented_program(imports: str) -> str:
    """The Python program of docs/routes.md that has this line."""
    programs = re.findall(r"```python\n(.*?)```", ROUTES.read_text(), re.DOTALL)
    (program,) = (program for program in programs if imports in program)
    found: str = program
    return found


def refusal(attempt: Callable[[], object]) -> tuple[str, str]:
    """Code and message with which AWS refuses an attempt."""
    with pytest.raises(ClientError) as caught:
        attempt()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Raises AssertionError when it takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_SECONDS} s for {what}"
        time.sleep(0.02)
