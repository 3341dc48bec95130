"""Google's errors as they go over the wire: the API envelope, and OAuth's for the token exchange.

Texts are Google's own where one is known; the module that raises an error says where it is not.
https://cloud.google.com/apis/design/errors
"""

from typing import Any

from starlette.responses import JSONResponse

Json = dict[str, Any]

ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class GoogleError(Exception):
    """An error of a Google API, with its HTTP status and its canonical status name."""

    def __init__(self, code: int, status: str, message: str, details: list[Json] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details or []

    def response(self) -> JSONResponse:
        """The error as Google answers it."""
        error: Json = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return JSONResponse({"error": error}, status_code=self.code)


class TokenExchangeError(Exception):
    """A refused token exchange, in OAuth's format.
    https://datatracker.ietf.org/doc/html/rfc6749#section-5.2
    """

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    def response(self) -> JSONResponse:
        """The error as the Security Token Service answers it."""
        return JSONResponse({"error": self.error, "error_description": self.description}, status_code=400)


def invalid_argument(message: str) -> GoogleError:
    """The request can't be right, whatever the state."""
    return GoogleError(400, "INVALID_ARGUMENT", message)


def failed_precondition(message: str) -> GoogleError:
    """The request is right, but not now."""
    return GoogleError(400, "FAILED_PRECONDITION", message)


def not_found(message: str = "Requested entity was not found.") -> GoogleError:
    """There is no such resource."""
    return GoogleError(404, "NOT_FOUND", message)


def already_exists(message: str = "Requested entity already exists", resource: str | None = None) -> GoogleError:
    """The name is taken, possibly by something deleted less than 30 days ago."""
    details = [{"@type": "type.googleapis.com/google.rpc.ResourceInfo", "resourceName": resource}] if resource else []
    return GoogleError(409, "ALREADY_EXISTS", message, details)


def aborted(message: str) -> GoogleError:
    """Somebody else wrote in between; read again and retry."""
    return GoogleError(409, "ABORTED", message)


def permission_denied(permission: str) -> GoogleError:
    """The caller lacks `permission`; Google does not say whether the resource exists."""
    return GoogleError(
        403,
        "PERMISSION_DENIED",
        f"Permission '{permission}' denied on resource (or it may not exist).",
        [
            {
                "@type": ERROR_INFO,
                "reason": "IAM_PERMISSION_DENIED",
                "domain": "iam.googleapis.com",
                "metadata": {"permission": permission},
            }
        ],
    )


def caller_may_not() -> GoogleError:
    """What Resource Manager says about a project that the caller can't see or that does not exist."""
    return GoogleError(403, "PERMISSION_DENIED", "The caller does not have permission")


_CREDENTIALS_EXPECTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


def credentials_missing() -> GoogleError:
    """The request has no bearer token."""
    message = f"Request is missing required authentication credential. {_CREDENTIALS_EXPECTED}"
    return GoogleError(401, "UNAUTHENTICATED", message, [_googleapis_reason("CREDENTIALS_MISSING")])


def credentials_invalid() -> GoogleError:
    """The bearer token is unknown, has expired, or belongs to something deleted."""
    message = f"Request had invalid authentication credentials. {_CREDENTIALS_EXPECTED}"
    return GoogleError(401, "UNAUTHENTICATED", message, [_googleapis_reason("ACCESS_TOKEN_TYPE_UNSUPPORTED")])


def service_disabled(service: str, title: str, project_number: str) -> GoogleError:
    """An API that is not enabled in the project."""
    url = f"https://console.developers.google.com/apis/api/{service}/overview?project={project_number}"
    message = (
        f"{title} has not been used in project {project_number} before or it is disabled. Enable it by visiting {url} "
        "then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems "
        "and retry."
    )
    info = _googleapis_reason("SERVICE_DISABLED")
    info["metadata"] = {
        "service": service,
        "serviceTitle": title,
        "consumer": f"projects/{project_number}",
        "activationUrl": url,
    }
    return GoogleError(403, "PERMISSION_DENIED", message, [info])


def _googleapis_reason(reason: str) -> Json:
    return {"@type": ERROR_INFO, "reason": reason, "domain": "googleapis.com"}


UNAVAILABLE = GoogleError(503, "UNAVAILABLE", "The service is currently unavailable.")
"""What an overloaded or restarting Google API answers; clients retry it."""
