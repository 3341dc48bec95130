"""The gRPC face of a provider that is attached to the engine by PULUMI_DEBUG_PROVIDERS.

The SDK's servicer answers all that a provider is asked; this adds what an attached one needs besides.
https://www.pulumi.com/docs/iac/guides/building-extending/packages/debugging-provider-packages/
"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import ResourceProviderServicer, provider_pb2

from sandbox.providers.provider import EmulatedProvider
from sandbox.providers.resource import Connect, ProviderError

Rpc = Callable[[Any, Any, Any], Awaitable[Any]]


def _by_connection(rpc: Rpc) -> Any:
    """An RPC that the provider of its connection answers, and whose refusals are their text alone.

    The SDK's servicer wraps every error into one whose text is a traceback; for a refusal the user needs only what the
    cloud said. Other errors keep the traceback: they are defects of the sandbox.
    """

    async def answer(self: "AttachedServicer", request: Any, context: Any) -> Any:
        try:
            return await rpc(self.of_connection(context.peer()), request, context)
        except Exception as error:
            if isinstance(error.__context__, ProviderError):
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error.__context__))
            raise

    return answer


class AttachedServicer(ResourceProviderServicer):
    """Serves any number of engines, and in each any number of providers of one kind.

    An attached provider is one process for all of them, so each connection, which is one configured provider of one
    engine, gets a provider of its own.
    """

    def __init__(self, name: str, version: str, connect: Connect) -> None:
        self._name = name
        self._version = version
        self._connect = connect
        self._connections: dict[str, ProviderServicer] = {}

    def of_connection(self, peer: str) -> ProviderServicer:
        """The servicer of one connection, made on first use."""
        if peer not in self._connections:
            provider = EmulatedProvider(self._name, self._connect)
            self._connections[peer] = ProviderServicer([], self._version, provider, engine_address="")
        return self._connections[peer]

    async def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: ARG002, N802 - gRPC's signature
        """The engine tells its address; these providers never call back."""
        return empty_pb2.Empty()

    async def Handshake(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - gRPC's signature
        """Values come as plain JSON: the engine keeps secrets and dependencies to itself and marks outputs by them."""
        return provider_pb2.ProviderHandshakeResponse()

    GetPluginInfo = _by_connection(ProviderServicer.GetPluginInfo)
    CheckConfig = _by_connection(ProviderServicer.CheckConfig)
    DiffConfig = _by_connection(ProviderServicer.DiffConfig)
    Configure = _by_connection(ProviderServicer.Configure)
    Check = _by_connection(ProviderServicer.Check)
    Diff = _by_connection(ProviderServicer.Diff)
    Create = _by_connection(ProviderServicer.Create)
    Read = _by_connection(ProviderServicer.Read)
    Update = _by_connection(ProviderServicer.Update)
    Delete = _by_connection(ProviderServicer.Delete)
    Invoke = _by_connection(ProviderServicer.Invoke)
    Cancel = _by_connection(ProviderServicer.Cancel)
