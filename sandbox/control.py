"""The sandbox's own port: what a person or a test asks of the emulated world that no cloud has an API for.

GET  /       the endpoints of the sandbox
POST /pods   {"namespace": …, "serviceAccount": …}: a pod's metadata server; answers {"metadataHost": …}
PUT  /faults {"cloud": "aws" or "google", "propagationSeconds": …, "errorRate": …, "latencySeconds": …}
"""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.environment import Endpoints
from sandbox.faults import Faults

PUBLIC_ENDPOINTS = ("aws", "google", "kubernetes", "control", "provider_ports")


class Cloud(Protocol):
    """An emulated cloud that has faults on request."""

    faults: Faults


class PodRequest(BaseModel):
    """Which Kubernetes service account a pod runs as."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    namespace: str
    service_account: str


class FaultsRequest(BaseModel):
    """What goes wrong from now on in one emulated cloud: nothing, unless said."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    cloud: Literal["aws", "google"]
    propagation_seconds: float = Field(default=0, ge=0)
    error_rate: float = Field(default=0, ge=0, le=1)
    latency_seconds: float = Field(default=0, ge=0)
    seed: int = 0


def create_app(endpoints: Endpoints, start_pod: Callable[[str, str], str], clouds: Mapping[str, Cloud]) -> Starlette:
    """The control application of a sandbox: `start_pod(namespace, service_account)` gives a pod's metadata host."""
    public = {name: value for name, value in endpoints.to_json().items() if name in PUBLIC_ENDPOINTS}

    async def show_endpoints(_: Request) -> JSONResponse:
        return JSONResponse(public)

    async def make_pod(request: Request) -> JSONResponse:
        pod = PodRequest.model_validate_json(await request.body())
        host = await run_in_threadpool(start_pod, pod.namespace, pod.service_account)
        return JSONResponse({"metadataHost": host}, status_code=201)

    async def set_faults(request: Request) -> JSONResponse:
        asked = FaultsRequest.model_validate_json(await request.body())
        clouds[asked.cloud].faults = Faults(**asked.model_dump(exclude={"cloud"}))
        return JSONResponse(asked.model_dump(by_alias=True))

    return Starlette(
        routes=[
            Route("/", show_endpoints, methods=["GET"]),
            Route("/pods", make_pod, methods=["POST"]),
            Route("/faults", set_faults, methods=["PUT"]),
        ],
        exception_handlers={ValidationError: _refuse},
    )


def _refuse(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=400)
