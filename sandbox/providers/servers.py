"""The sandbox's providers on ports of 127.0.0.1, in one thread with one event loop.

It deliberately starts no engine and sets no environment: it says which ports go into PULUMI_DEBUG_PROVIDERS.
"""

import asyncio
import importlib.util
import json
import threading
from pathlib import Path

import grpc.aio
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox import seed
from sandbox.providers.aws import aws_package
from sandbox.providers.gcp import gcp_package
from sandbox.providers.kubernetes import kubernetes_package
from sandbox.providers.resource import Connect
from sandbox.providers.servicer import AttachedServicer

LOOPBACK = "127.0.0.1"
STOP_SECONDS = 1.0


class ProviderServers:
    """The providers aws, gcp and kubernetes, speaking to the clouds at the given urls. `start` once, `stop` once."""

    def __init__(
        self,
        *,
        aws_url: str,
        google_url: str,
        google_token: str,
        kubernetes_url: str,
        kubernetes_token: str,
        aws_access_key_id: str = seed.ACCOUNT_ID,
        aws_secret_access_key: str = seed.OPERATOR_SECRET_ACCESS_KEY,
    ) -> None:
        self._packages: dict[str, Connect] = {
            "aws": aws_package(aws_url, aws_access_key_id, aws_secret_access_key),
            "gcp": gcp_package(google_url, google_token),
            "kubernetes": kubernetes_package(kubernetes_url, kubernetes_token),
        }
        self._ports: dict[str, int] = {}
        self._started = threading.Event()
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="pulumi-providers", daemon=True)

    def start(self) -> dict[str, int]:
        """Begin to answer; the port of each provider by its name."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure
        return dict(self._ports)

    def stop(self) -> None:
        """End the servers and free the ports; no error when they have ended."""
        if self._thread.is_alive() and self._loop is not None and self._stopping is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            self._failure = error
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        servers = [await self._server(name, connect) for name, connect in self._packages.items()]
        self._started.set()
        await self._stopping.wait()
        await asyncio.gather(*(server.stop(grace=STOP_SECONDS) for server in servers))

    async def _server(self, name: str, connect: Connect) -> grpc.aio.Server:
        server = grpc.aio.server()
        servicer = AttachedServicer(name, plugin_version(name), connect)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
        self._ports[name] = server.add_insecure_port(f"{LOOPBACK}:0")
        await server.start()
        return server


def plugin_version(name: str) -> str:
    """The plugin version that the installed SDK asks for; the engine warns of any other.

    The file is found without importing the SDK, which would take seconds.
    """
    specification = importlib.util.find_spec(f"pulumi_{name}")
    if specification is None or specification.submodule_search_locations is None:
        raise RuntimeError(f"pulumi_{name} is not installed: pip install -r requirements.txt")
    plugin = Path(specification.submodule_search_locations[0]) / "pulumi-plugin.json"
    return str(json.loads(plugin.read_text())["version"])
