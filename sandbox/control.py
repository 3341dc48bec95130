"""The sandbox's own port: what a person or a test asks of the emulated world that no cloud has an API for.

GET  /       the endpoints of the sandbox
POST /pods   {"namespace": …, "serviceAccount": …}: a pod's metadata server; answers {"metadataHost": …}
PUT  /faults propagation delay, error rate and latency (see sandbox.faults)
"""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from sandbox.server import Sandbox

PUBLIC_ENDPOINTS = ("aws", "google", "kubernetes", "control", "provider_ports")


class PodRequest(BaseModel):
    """Which Kubernetes service account a pod runs as."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid")

    namespace: str
    service_account: str


def create_app(sandbox: "Sandbox") -> Starlette:
    """The control application of one sandbox."""

    async def endpoints(_: Request) -> JSONResponse:
        known = sandbox.endpoints.to_json()
        return JSONResponse({name: known[name] for name in PUBLIC_ENDPOINTS})

    async def start_pod(request: Request) -> JSONResponse:
        try:
            pod = PodRequest.model_validate_json(await request.body())
        except ValidationError as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        host = await run_in_threadpool(sandbox.start_pod, pod.namespace, pod.service_account)
        return JSONResponse({"metadataHost": host}, status_code=201)

    return Starlette(routes=[Route("/", endpoints, methods=["GET"]), Route("/pods", start_pod, methods=["POST"])])
