"""OIDC discovery documents and keys of Google and of each GKE cluster, for anyone to read.

Issuers are named as in reality; where the keys are (`jwks_uri`) is in the sandbox, so that clients stay in it.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from federation.google import gke_issuer
from sandbox.google.cloud import GoogleCloud
from sandbox.google.container import CLUSTER
from sandbox.google.errors import Json
from sandbox.issuers import Issuer

GOOGLE_KEYS = "/oauth2/v3/certs"


def routes(cloud: GoogleCloud) -> list[Route]:
    """https://accounts.google.com/.well-known/openid-configuration, and per cluster
    https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters.well-known
    """

    def google_configuration(_: Request) -> Response:
        document = _document(cloud.google_issuer.url, cloud.base_url + GOOGLE_KEYS)
        claims = ["aud", "azp", "email", "email_verified", "exp", "iat", "iss", "sub"]
        return JSONResponse(document | {"claims_supported": claims})

    def cluster_configuration(request: Request) -> Response:
        issuer = _cluster_issuer(cloud, request)
        keys = f"{cloud.base_url}{request.url.path.removesuffix('/.well-known/openid-configuration')}/jwks"
        document = _document(issuer.url, keys)
        return JSONResponse(document | {"grant_types": ["urn:kubernetes:grant_type:programmatic_authorization"]})

    return [
        Route("/.well-known/openid-configuration", google_configuration),
        Route(GOOGLE_KEYS, lambda _: JSONResponse(cloud.google_issuer.jwks())),
        Route("/oauth2/v1/certs", lambda _: JSONResponse(cloud.google_issuer.certificates())),
        Route(CLUSTER + "/.well-known/openid-configuration", cluster_configuration),
        Route(CLUSTER + "/jwks", lambda request: JSONResponse(_cluster_issuer(cloud, request).jwks())),
    ]


def _cluster_issuer(cloud: GoogleCloud, request: Request) -> Issuer:
    with cloud.lock:
        project = cloud.projects.get(request.path_params["project"])
        cluster = cloud.clusters.get(project, request.path_params["location"], request.path_params["cluster"])
    return cloud.issuers.create(gke_issuer(project.id, cluster.location, cluster.name))


def _document(issuer: str, keys: str) -> Json:
    return {
        "issuer": issuer,
        "jwks_uri": keys,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
