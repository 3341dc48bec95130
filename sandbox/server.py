"""The whole sandbox in one process: emulated clouds, the providers attached to the engine, and a control port.

Everything listens on 127.0.0.1 and ends with the process, so nothing can outlive it.
"""

import contextlib
import json
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from federation.google import SERVICE_ACCOUNT_ANNOTATION, gke_issuer
from sandbox import control, google, kubernetes, seed
from sandbox.aws import AwsServer
from sandbox.environment import Endpoints
from sandbox.http_server import HttpServer
from sandbox.issuers import Issuers
from sandbox.providers import ProviderServers

SERVED_FILE = "sandbox.json"


class Sandbox:
    """The guide's world, from `start` (or `with`) until `stop`. All its files are in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.issuers = Issuers()
        self._stack = contextlib.ExitStack()

    def start(self) -> Self:
        """Start every cloud and the attached providers; returns when all of them answer."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def _start(self, stack: contextlib.ExitStack) -> None:
        aws = AwsServer(self.issuers)
        stack.callback(aws.stop)
        aws.start()
        self.aws = aws

        google_server = HttpServer()
        stack.callback(google_server.stop)
        self.google = google.GoogleCloud(self.issuers, google_server.url, aws.url)
        google_server.start(google.create_app(self.google))

        issuer = self.issuers.create(gke_issuer(seed.PROJECT_ID, seed.CLUSTER_LOCATION, seed.CLUSTER_NAME))
        kubernetes_server = HttpServer()
        stack.callback(kubernetes_server.stop)
        self.kubernetes = kubernetes.KubernetesCluster(issuer)
        kubernetes_server.start(kubernetes.create_app(self.kubernetes))

        providers = ProviderServers(
            aws_url=aws.url,
            google_url=google_server.url,
            google_token=self.google.operator_token,
            kubernetes_url=kubernetes_server.url,
            kubernetes_token=self.kubernetes.operator_token,
        )
        ports = providers.start()
        stack.callback(providers.stop)

        control_server = HttpServer()
        stack.callback(control_server.stop)
        self.endpoints = Endpoints(
            aws=aws.url,
            google=google_server.url,
            kubernetes=kubernetes_server.url,
            control=control_server.url,
            google_token=self.google.operator_token,
            kubernetes_token=self.kubernetes.operator_token,
            provider_ports=ports,
        )
        clouds: dict[str, control.Cloud] = {"aws": aws, "google": self.google}
        control_server.start(control.create_app(self.endpoints, self.start_pod, clouds))
        self._write_client_files()

    def start_pod(self, namespace: str, service_account: str) -> str:
        """Give a pod of this Kubernetes service account its metadata server; returns its host:port.

        Use it as GCE_METADATA_HOST. A pod lives as long as the sandbox.
        """
        server = HttpServer()
        self._stack.callback(server.stop)
        server.start(
            google.create_metadata_app(
                self.google,
                namespace,
                service_account,
                lambda: self.kubernetes.annotation(namespace, service_account, SERVICE_ACCOUNT_ANNOTATION),
            )
        )
        return server.url.removeprefix("http://")

    def stop(self) -> None:
        """End every server and free every port."""
        self._stack.close()

    def _write_client_files(self) -> None:
        self._write_private(
            "kubeconfig",
            yaml.safe_dump(kubernetes.kubeconfig(self.endpoints.kubernetes, self.endpoints.kubernetes_token)),
        )
        self._write_private(SERVED_FILE, json.dumps(self.endpoints.to_json(), indent=2))

    def _write_private(self, name: str, text: str) -> None:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
