"""TokenRequest: projected tokens of service accounts, with the claims that GKE gives them.
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/
"""

import uuid
from datetime import UTC, datetime
from typing import Any, Final

from federation.kubernetes import service_account_subject
from sandbox.issuers import Issuer
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.status import Cause, StatusError

EXPIRATION_SECONDS_MIN: Final = 600
EXPIRATION_SECONDS_MAX: Final = 1 << 32
EXPIRATION_SECONDS_DEFAULT: Final = 3600
"""https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/authentication/validation/validation.go"""


def requested_spec(body: Any, issuer: Issuer) -> dict[str, Any]:
    """A TokenRequest's spec with its defaults; no audiences means the API server itself. Raises StatusError."""
    if not isinstance(body, dict) or body.get("kind", "TokenRequest") != "TokenRequest":
        raise StatusError.bad_request("the body of the request must be a TokenRequest")
    spec = body.get("spec") or {}
    audiences = spec.get("audiences") or [issuer.url]
    if not isinstance(audiences, list) or not all(isinstance(audience, str) for audience in audiences):
        raise StatusError.bad_request("TokenRequest: spec.audiences must be a list of strings")
    seconds = spec.get("expirationSeconds") or EXPIRATION_SECONDS_DEFAULT
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise StatusError.bad_request("TokenRequest: spec.expirationSeconds must be a whole number")
    if not EXPIRATION_SECONDS_MIN <= seconds <= EXPIRATION_SECONDS_MAX:
        limit = "less than 10 minutes" if seconds < EXPIRATION_SECONDS_MIN else "larger than 2^32 seconds"
        message = f"Invalid value: {seconds}: may not specify a duration {limit}"
        cause = Cause("FieldValueInvalid", "spec.expirationSeconds", message)
        raise StatusError.invalid("TokenRequest.authentication.k8s.io", "", [cause])
    return {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": spec.get("boundObjectRef")}


def check_pod(reference: dict[str, Any], pod: Object, service_account: str) -> None:
    """Raise StatusError unless the token may be bound to this pod."""
    name = pod["metadata"]["name"]
    if pod["spec"].get("serviceAccountName") != service_account:
        raise StatusError.bad_request(
            f'cannot bind token for serviceaccount "{service_account}" to pod running with different serviceaccount'
            " name."
        )
    if reference.get("uid") not in (None, "", pod["metadata"]["uid"]):
        raise StatusError.conflict(
            "pods",
            name,
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record."
            " The object might have been deleted and then recreated",
        )


def signed_token(
    issuer: Issuer, service_account: Object, pod: Object | None, spec: dict[str, Any], now: float
) -> Object:
    """The TokenRequest that answers, with the token in its status. Times are whole seconds since the epoch."""
    metadata = service_account["metadata"]
    issued, expires = int(now), int(now) + spec["expirationSeconds"]
    bound = {"namespace": metadata["namespace"], "serviceaccount": _reference(service_account)}
    if pod is not None:
        bound["pod"] = _reference(pod)
    claims = {
        "aud": spec["audiences"],
        "exp": expires,
        "iat": issued,
        "iss": issuer.url,
        "jti": str(uuid.uuid4()),
        "kubernetes.io": bound,
        "nbf": issued,
        "sub": service_account_subject(metadata["namespace"], metadata["name"]),
    }
    expiration = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": spec,
        "status": {"token": issuer.sign(claims), "expirationTimestamp": expiration},
    }


def _reference(found: Object) -> dict[str, str]:
    return {"name": found["metadata"]["name"], "uid": found["metadata"]["uid"]}
