"""The API server's HTTP face: the real paths, for the one who holds the operator's token.
https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import json
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.kubernetes.cluster import APPLY_PATCH, KubernetesCluster, Place, Write
from sandbox.kubernetes.objects import KINDS, Kind
from sandbox.kubernetes.status import Cause, StatusError, unauthorized

VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.1-gke.1", "platform": "linux/amd64"}
UNSUPPORTED_PARAMETERS = ("watch", "labelSelector", "fieldSelector", "continue")

Handler = Callable[[Request], Awaitable[Response]]


def create_app(cluster: KubernetesCluster) -> Starlette:
    """The API server of a cluster, as an ASGI application."""
    api = _Api(cluster)
    item = "/api/v1/namespaces/{namespace}/{plural}/{name}"
    routes = [
        Route("/version", _version),
        Route("/api", api.guarded(_api_versions)),
        Route("/apis", api.guarded(_api_groups)),
        Route("/api/v1", api.guarded(_resources)),
        Route("/.well-known/openid-configuration", api.guarded(api.openid_configuration)),
        Route("/openid/v1/jwks", api.guarded(api.jwks)),
        Route("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", api.guarded(api.token), methods=["POST"]),
        Route("/api/v1/{plural}", api.guarded(api.collection), methods=["GET", "POST"]),
        Route("/api/v1/namespaces/{namespace}/{plural}", api.guarded(api.collection), methods=["GET", "POST"]),
        Route("/api/v1/{plural}/{name}", api.guarded(api.item), methods=["GET", "PUT", "PATCH", "DELETE"]),
        Route(item, api.guarded(api.item), methods=["GET", "PUT", "PATCH", "DELETE"]),
        Route("/{path:path}", api.guarded(_unknown), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes)


class _Api:
    """The handlers that need the cluster."""

    def __init__(self, cluster: KubernetesCluster) -> None:
        self._cluster = cluster

    def guarded(self, handler: Handler) -> Handler:
        """Answers only who has the operator's token, and refusals as Status objects."""

        async def answer(request: Request) -> Response:
            try:
                shown, wanted = request.headers.get("Authorization", ""), f"Bearer {self._cluster.operator_token}"
                if not secrets.compare_digest(shown.encode(), wanted.encode()):
                    raise unauthorized()
                return await handler(request)
            except StatusError as error:
                return JSONResponse(error.to_json(), error.code)

        return answer

    async def collection(self, request: Request) -> Response:
        kind, namespace = _kind(request), request.path_params.get("namespace")
        if request.method == "GET":
            for parameter in UNSUPPORTED_PARAMETERS:
                if request.query_params.get(parameter, "false") not in ("", "false"):
                    raise StatusError.bad_request(f"this sandbox's API server has no {parameter}")
            items = self._cluster.list_objects(kind, namespace)
            return JSONResponse({"kind": f"{kind.kind}List", "apiVersion": "v1", "metadata": {}, "items": items})
        if kind.namespaced != (namespace is not None):
            raise _no_such_path()
        return JSONResponse(self._cluster.create(kind, namespace, await _body(request), _write(request)), 201)

    async def item(self, request: Request) -> Response:
        kind, namespace = _kind(request), request.path_params.get("namespace")
        if kind.namespaced != (namespace is not None):
            raise _no_such_path()
        place = Place(kind, namespace, request.path_params["name"])
        if request.method == "GET":
            return JSONResponse(self._cluster.get(place))
        if request.method == "PUT":
            return JSONResponse(self._cluster.replace(place, await _body(request), _write(request)))
        if request.method == "PATCH":
            return await self._patch(place, request)
        found = self._cluster.delete(place, _write(request))
        details = {"name": place.name, "kind": kind.plural, "uid": found["metadata"]["uid"]}
        return JSONResponse(
            {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
        )

    async def token(self, request: Request) -> Response:
        parameters = request.path_params
        body = await _body(request)
        return JSONResponse(self._cluster.request_token(parameters["namespace"], parameters["name"], body), 201)

    async def openid_configuration(self, request: Request) -> Response:  # noqa: ARG002 - the same for every request
        """https://openid.net/specs/openid-connect-discovery-1_0.html"""
        issuer = self._cluster.issuer.url
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def jwks(self, request: Request) -> Response:  # noqa: ARG002 - the same for every request
        return JSONResponse(self._cluster.issuer.jwks(), media_type="application/jwk-set+json")

    async def _patch(self, place: Place, request: Request) -> Response:
        if not request.query_params.get("fieldManager") and _media_type(request) == APPLY_PATCH:
            cause = Cause("FieldValueRequired", "fieldManager", "Required value: is required for apply patch")
            raise StatusError.invalid("PatchOptions.meta.k8s.io", "", [cause])
        return JSONResponse(self._cluster.patch(place, _media_type(request), await _body(request), _write(request)))


async def _version(request: Request) -> Response:  # noqa: ARG001 - the same for every request
    return JSONResponse(VERSION)


async def _api_versions(request: Request) -> Response:  # noqa: ARG001 - the same for every request
    return JSONResponse({"kind": "APIVersions", "versions": ["v1"]})


async def _api_groups(request: Request) -> Response:  # noqa: ARG001 - the same for every request
    return JSONResponse({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})


async def _resources(request: Request) -> Response:  # noqa: ARG001 - the same for every request
    verbs = ["create", "delete", "get", "list", "patch", "update"]
    resources: list[dict[str, Any]] = [
        {
            "name": kind.plural,
            "singularName": kind.kind.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": verbs,
        }
        for kind in KINDS.values()
    ]
    token = {
        "name": "serviceaccounts/token",
        "singularName": "",
        "namespaced": True,
        "group": "authentication.k8s.io",
        "version": "v1",
        "kind": "TokenRequest",
        "verbs": ["create"],
    }
    return JSONResponse({"kind": "APIResourceList", "groupVersion": "v1", "resources": [*resources, token]})


async def _unknown(request: Request) -> Response:  # noqa: ARG001 - the same for every request
    raise _no_such_path()


def _no_such_path() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def _kind(request: Request) -> Kind:
    plural = request.path_params["plural"]
    if plural not in KINDS:
        raise _no_such_path()
    return KINDS[plural]


def _media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip()


async def _body(request: Request) -> Any:
    """The decoded body; YAML where the media type says so. Raises StatusError (400)."""
    text = await request.body()
    try:
        return yaml.safe_load(text) if _media_type(request).endswith("yaml") else json.loads(text)
    except (ValueError, yaml.YAMLError) as error:
        raise StatusError.bad_request(f"the body of the request could not be decoded: {error}") from error


def _write(request: Request) -> Write:
    """Without `fieldManager` the client's name is the manager, as for the real server.
    https://kubernetes.io/docs/reference/using-api/server-side-apply/#managers
    """
    parameters = request.query_params
    agent = request.headers.get("User-Agent", "unknown").partition("/")[0]
    return Write(
        manager=parameters.get("fieldManager") or agent,
        force=parameters.get("force") == "true",
        dry_run="dryRun" in parameters,
    )
