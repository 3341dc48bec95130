"""The sandbox's own port: what a person or a test asks of the emulated world that no cloud has an API for.

GET  /       the endpoints of the sandbox
POST /pods   {"namespace": …, "serviceAccount": …}: a pod's metadata server; answers {"metadataHost": …}
PUT  /faults {"cloud": "aws" or "google", "propagationSeconds": …, "errorRate": …, "latencySeconds": …}
"""

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from sandbox.faults import Faults

if TYPE_CHECKING:
    from sandbox.server import Sandbox

PUBLIC_ENDPOINTS = ("aws", "google", "kubernetes", "control", "provider_ports")


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


def create_app(sandbox: "Sandbox") -> Starlette:
    """The control application of one sandbox."""

    async def endpoints(_: Request) -> JSONResponse:
        known = sandbox.endpoints.to_json()
        return JSONResponse({name: known[name] for name in PUBLIC_ENDPOINTS})

    async def start_pod(request: Request) -> JSONResponse:
        pod = PodRequest.model_validate_json(await request.body())
        host = await run_in_threadpool(sandbox.start_pod, pod.namespace, pod.service_account)
        return JSONResponse({"metadataHost": host}, status_code=201)

    async def set_faults(request: Request) -> JSONResponse:
        asked = FaultsRequest.model_validate_json(await request.body())
        faults = Faults(**asked.model_dump(exclude={"cloud"}))
        if asked.cloud == "aws":
            sandbox.aws.faults = faults
        else:
            sandbox.google.faults = faults
        return JSONResponse(asked.model_dump(by_alias=True))

    return Starlette(
        routes=[
            Route("/", endpoints, methods=["GET"]),
            Route("/pods", start_pod, methods=["POST"]),
            Route("/faults", set_faults, methods=["PUT"]),
        ],
        exception_handlers={ValidationError: _refuse},
    )


def _refuse(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, status_code=400)
