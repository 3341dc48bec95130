"""All emulated Google APIs as one application: the paths don't collide, so one port serves every host name."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from sandbox.faults import FaultMiddleware
from sandbox.google import (
    container,
    discovery,
    iam_credentials,
    organization_policies,
    resource_manager,
    service_accounts_api,
    sts,
    token_info,
    workload_identity_api,
)
from sandbox.google.cloud import GoogleCloud
from sandbox.google.errors import UNAVAILABLE, GoogleError, TokenExchangeError, not_found


def create_app(google: GoogleCloud) -> Starlette:
    """The application that serves `google`. Discovery, keys and the token exchange need no bearer token."""
    return Starlette(
        routes=[
            *discovery.routes(google),
            *sts.routes(google),
            *iam_credentials.routes(google),
            *service_accounts_api.routes(google),
            *workload_identity_api.routes(google),
            *container.routes(google),
            *resource_manager.routes(google),
            *organization_policies.routes(google),
            *token_info.routes(google),
        ],
        middleware=[Middleware(FaultMiddleware, faults=lambda: google.faults, unavailable=UNAVAILABLE.response())],
        exception_handlers={GoogleError: _answer_error, TokenExchangeError: _answer_error, 404: _answer_unknown_path},
    )


def _answer_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, GoogleError | TokenExchangeError):
        raise error
    return error.response()


def _answer_unknown_path(request: Request, _: Exception) -> Response:
    return not_found(f"The sandbox has no method {request.method} {request.url.path}.").response()
