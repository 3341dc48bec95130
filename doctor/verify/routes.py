"""The routes from here to a workload's role: whose token this place can get, and the session that AWS gives for it."""

import os
from dataclasses import dataclass
from typing import Any, Final, Literal

from doctor import token_sources
from doctor.cloud import CloudError
from doctor.findings import Finding
from doctor.token_sources import TokenSource
from doctor.verify.workload import MadeWorkload
from doctor.web_identity import assume_role_with_web_identity
from federation.outcome import FAIL, UNKNOWN

SESSION_NAME: Final = "doctor-verify"
SESSION_SECONDS: Final = 900
"""The shortest session that STS gives. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"""

Side = Literal["Google", "Kubernetes", "AWS"]


class RefusedError(CloudError):
    """A step of a route was refused, on a side; `token` is what AWS refused, never to be shown."""

    def __init__(self, side: Side, error: CloudError, token: str | None = None) -> None:
        super().__init__(str(error), error.code)
        self.side = side
        self.token = token


@dataclass(frozen=True)
class Route:
    """A way to a workload's role that can be tried from here."""

    name: Literal["google", "cluster"]
    workload: MadeWorkload
    source: TokenSource
    identity: str
    """Whose tokens the source gives."""

    def session(self, audience: str | None = None) -> dict[str, Any]:
        """A session of the role, as STS answers, by a token for the audience (the workload's). Raises RefusedError."""
        try:
            token = self.source(audience or self.workload.audience)
        except CloudError as error:
            raise RefusedError("Google" if self.name == "google" else "Kubernetes", error) from None
        try:
            return assume_role_with_web_identity(
                role_arn=self.workload.role_arn,
                token=token,
                region=self.workload.region,
                session_name=SESSION_NAME,
                seconds=SESSION_SECONDS,
            )
        except CloudError as error:
            raise RefusedError("AWS", error, token) from None


def google_route(workload: MadeWorkload, *, impersonate: bool) -> Route | Finding:
    """The route google from here, or why it can't be tried."""
    email = workload.email or ""
    if impersonate:
        return Route("google", workload, lambda audience: token_sources.impersonated_token(email, audience), email)
    subject = f"route google of {workload.name}"
    how = "add --impersonate, which needs the role iam.serviceAccountOpenIdTokenCreator on the account, or run this in"
    how += " the workload's pod"
    try:
        own = token_sources.metadata_email()
    except CloudError as error:
        if is_on_google_cloud():
            problem = f"{error}: GKE's takes some seconds after a pod's start"
            return Finding(FAIL, subject, problem, "D13", "wait and run this again; the route cluster needs none")
        return Finding(UNKNOWN, subject, "not tried: this is not a place on Google Cloud", fix=how)
    if own != email:
        return Finding(UNKNOWN, subject, f"not tried: this place is {own}, the workload's account is {email}", fix=how)
    return Route("google", workload, token_sources.metadata_token, email)


def cluster_route(workload: MadeWorkload) -> Route | Finding:
    """The route cluster from here, or why it can't be tried."""
    if workload.kubernetes is None:
        return Finding(UNKNOWN, f"route cluster of {workload.name}", "not tried: the outputs name no service account")
    return kubernetes_route(workload, *workload.kubernetes)


def kubernetes_route(workload: MadeWorkload, namespace: str, name: str) -> Route:
    """The route cluster as any Kubernetes service account."""
    identity = f"{namespace}/{name}"
    return Route("cluster", workload, lambda audience: token_sources.cluster_token(namespace, name, audience), identity)


def is_on_google_cloud() -> bool:
    """Whether a metadata server is to be expected: in a pod, on Cloud Run, or where one is named."""
    return any(os.environ.get(name) for name in ("GCE_METADATA_HOST", "KUBERNETES_SERVICE_HOST", "K_SERVICE"))
