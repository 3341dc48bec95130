"""The GKE metadata server, as one pod sees it: tokens for the pod's Kubernetes service account, and nobody else's.

The pod is on a node that runs this server (node pool with GKE_METADATA). Texts are GKE's own.
https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#metadata_server
"""

from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from federation.google import workload_pool
from sandbox import seed
from sandbox.faults import FaultMiddleware
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import GoogleError
from sandbox.google.iam_credentials import TOKEN_SECONDS, id_token, impersonated
from sandbox.google.permissions import GET_ACCESS_TOKEN, GET_OPEN_ID_TOKEN

FLAVOR: Final = "Metadata-Flavor"
SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email")
_ROOT = "/computeMetadata/v1"
_ACCOUNTS = _ROOT + "/instance/service-accounts"
_DOCUMENTATION = "https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity"


def create_metadata_app(
    google: GoogleCloud,
    namespace: str,
    service_account: str,
    service_account_annotation: Callable[[], str | None],
    *,
    project_id: str = seed.PROJECT_ID,
) -> Starlette:
    """The metadata server of a pod. `service_account_annotation` is asked at each request for what the Kubernetes
    service account's annotation iam.gke.io/gcp-service-account says now.
    """
    pod = _Pod(google, namespace, service_account, service_account_annotation, project_id)
    return Starlette(
        routes=[
            Route("/", lambda _: PlainTextResponse("computeMetadata/\n")),
            Route(_ROOT + "/", lambda _: PlainTextResponse("instance/\nproject/\n")),
            Route(_ROOT + "/project/project-id", pod.project_id),
            Route(_ROOT + "/project/numeric-project-id", pod.numeric_project_id),
            Route(_ROOT + "/universe/universe-domain", lambda _: PlainTextResponse("googleapis.com")),
            Route(_ACCOUNTS + "/", pod.accounts),
            Route(_ACCOUNTS + "/{account}/", pod.account),
            Route(_ACCOUNTS + "/{account}/email", pod.email),
            Route(_ACCOUNTS + "/{account}/scopes", lambda _: PlainTextResponse("\n".join(SCOPES) + "\n")),
            Route(_ACCOUNTS + "/{account}/aliases", lambda _: PlainTextResponse("default\n")),
            Route(_ACCOUNTS + "/{account}/token", pod.token),
            Route(_ACCOUNTS + "/{account}/identity", pod.identity),
        ],
        middleware=[
            Middleware(BaseHTTPMiddleware, dispatch=_require_flavor),
            Middleware(FaultMiddleware, faults=lambda: google.faults, unavailable=PlainTextResponse("", 503)),
        ],
        exception_handlers={_Refused: _answer_refused},
    )


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def _answer_refused(_: Request, refused: Exception) -> Response:
    if not isinstance(refused, _Refused):
        raise refused
    return PlainTextResponse(refused.text, refused.status)


async def _require_flavor(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """Keeps out requests that someone else made a program send: they can't set, or do set, these headers."""
    if request.headers.get(FLAVOR) != "Google" or "x-forwarded-for" in request.headers:
        return PlainTextResponse('Missing required header "Metadata-Flavor": "Google"\n', 403)
    response = await call_next(request)
    response.headers[FLAVOR] = "Google"
    response.headers["Server"] = "GKE Metadata Server"
    return response


class _Pod:
    """One pod's identity, and the endpoints that speak for it."""

    def __init__(
        self,
        google: GoogleCloud,
        namespace: str,
        service_account: str,
        annotation: Callable[[], str | None],
        project_id: str,
    ) -> None:
        self._google = google
        self._namespace = namespace
        self._service_account = service_account
        self._annotation = annotation
        self._project = google.projects.get(project_id)
        self._pool = workload_pool(project_id)
        self._principal = google.kubernetes_principal(self._project, namespace, service_account)

    def project_id(self, _: Request) -> Response:
        return PlainTextResponse(self._project.id)

    def numeric_project_id(self, _: Request) -> Response:
        return PlainTextResponse(self._project.number)

    def accounts(self, request: Request) -> Response:
        if request.query_params.get("recursive") == "true":
            return JSONResponse({"default": self._description(), self._shown_email(): self._description()})
        return PlainTextResponse(f"default/\n{self._shown_email()}/\n")

    def account(self, request: Request) -> Response:
        self._check(request)
        if request.query_params.get("recursive") == "true":
            return JSONResponse(self._description())
        return PlainTextResponse("aliases\nemail\nidentity\nscopes\ntoken\n")

    def email(self, request: Request) -> Response:
        self._check(request)
        return PlainTextResponse(self._shown_email())

    def token(self, request: Request) -> Response:
        """An access token: of the annotated Google service account, or else of the Kubernetes service account."""
        self._check(request)
        email = self._annotation()
        with self._google.lock:
            token = self._account_token(email) if email else self._own_token()
        return JSONResponse({"access_token": token, "expires_in": TOKEN_SECONDS - 1, "token_type": "Bearer"})

    def identity(self, request: Request) -> Response:
        """An ID token of the annotated Google service account; a Kubernetes service account has none of its own."""
        self._check(request)
        audience = request.query_params.get("audience", "").strip()
        if not audience:
            raise _Refused(400, "non-empty audience parameter required\n")
        email = self._annotation()
        if not email:
            raise _Refused(404, self._not_annotated())
        include_email = request.query_params.get("format") == "full"
        with self._google.lock:
            try:
                account = impersonated(self._google, self._principal, email, GET_OPEN_ID_TOKEN)
            except GoogleError as error:
                raise _Refused(error.code, _denied("ID", error)) from error
            return PlainTextResponse(id_token(self._google, account, audience, include_email))

    def _check(self, request: Request) -> None:
        with self._google.lock:
            if not self._google.has_identity_pool(self._pool):
                # A real pod would reach the node's own metadata server instead; no pod may have the node's identity.
                raise _Refused(404, f"Workload Identity is not enabled: there is no pool {self._pool}.\n")
        if request.path_params["account"] not in {"default", self._shown_email()}:
            raise _Refused(404, f"Service account {request.path_params['account']!r} not found\n")

    def _shown_email(self) -> str:
        return self._annotation() or self._pool

    def _description(self) -> dict[str, object]:
        return {"aliases": ["default"], "email": self._shown_email(), "scopes": list(SCOPES)}

    def _account_token(self, email: str) -> str:
        try:
            account = impersonated(self._google, self._principal, email, GET_ACCESS_TOKEN)
        except GoogleError as error:
            raise _Refused(error.code, _denied("access", error)) from error
        return self._google.access_token(account, TOKEN_SECONDS)

    def _own_token(self) -> str:
        return self._google.access_tokens.issue(
            self._principal, TOKEN_SECONDS, lambda: self._google.has_identity_pool(self._pool)
        )

    def _not_annotated(self) -> str:
        return (
            f"Your Kubernetes service account ({self._namespace}/{self._service_account}) is not annotated with a "
            "target Google service account, which is a requirement for retrieving Identity Tokens using Workload "
            "Identity.\nPlease add the iam.gke.io/gcp-service-account=[GSA_NAME]@[PROJECT_ID] annotation to your "
            f"Kubernetes service account.\nRefer to {_DOCUMENTATION}\n"
        )


def _denied(kind: str, error: GoogleError) -> str:
    reason = {403: "Forbidden", 404: "Not Found"}.get(error.code, "Bad Request")
    return (
        f"Unable to generate {kind} token; IAM returned {error.code} {reason}: {error.message}\n"
        "This error could be caused by a missing IAM policy binding on the target IAM service account.\n"
        f"For more information, refer to the Workload Identity documentation:\n\t{_DOCUMENTATION}#authenticating_to\n\n"
    )
