"""The routes from here to a workload's role: whose token this place can get, and the session that AWS gives for it."""

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

from doctor.catalogue import CATALOGUE
from doctor.clouds.cloud import CloudError
from doctor.clouds.web_identity import assume_role_with_web_identity
from doctor.findings import Finding
from doctor.token import token_sources
from doctor.token.token_sources import TokenSource
from doctor.verify.waiting import Patience, wait_until_stable
from doctor.verify.workload import MadeWorkload
from federation.outcome import FAIL, UNKNOWN

SESSION_NAME: Final = "doctor-verify"
SESSION_SECONDS: Final = 900
"""The shortest session that STS gives. https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html"""

ELSEWHERE: Final = (
    "run this in the workload's pod; or add --impersonate, for which you need"
    " roles/iam.serviceAccountOpenIdTokenCreator on the service account (gcpServiceAccount.tokenCreators)"
)

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


def google_route(workload: MadeWorkload, patience: Patience, *, impersonate: bool) -> Route | Finding:
    """The route google from here, or why it can't be tried. On Google Cloud the metadata server is waited for."""
    email = workload.email or ""
    if impersonate:
        return Route("google", workload, partial(token_sources.impersonated_token, email), email)
    on_google_cloud = is_on_google_cloud()
    limit = patience.limit_seconds if on_google_cloud else 0
    waited = wait_until_stable(
        token_sources.metadata_email, replace(patience, limit_seconds=limit, successes=1), "metadata server"
    )
    subject = f"route google of {workload.name}"
    if waited.error is not None and on_google_cloud:
        problem = CATALOGUE["D13"]
        return Finding(FAIL, subject, f"{waited.error}", problem.id, problem.fix, problem.source)
    if waited.error is not None:
        return Finding(UNKNOWN, subject, "not tried: this is not a place on Google Cloud", fix=ELSEWHERE)
    if waited.value != email:
        said = f"not tried: this place is {waited.value}, the workload's account is {email}"
        return Finding(UNKNOWN, subject, said, fix=ELSEWHERE)
    return Route("google", workload, token_sources.metadata_token, email)


def cluster_route(workload: MadeWorkload) -> Route | Finding:
    """The route cluster from here, or why it can't be tried."""
    if workload.kubernetes is None:
        return Finding(UNKNOWN, f"route cluster of {workload.name}", "not tried: the outputs name no service account")
    return kubernetes_route(workload, *workload.kubernetes)


def kubernetes_route(workload: MadeWorkload, namespace: str, name: str) -> Route:
    """The route cluster as any Kubernetes service account."""
    identity = f"{namespace}/{name}"
    return Route("cluster", workload, partial(token_sources.cluster_token, namespace, name), identity)


def is_on_google_cloud() -> bool:
    """Whether a metadata server is to be expected: in a pod, on Cloud Run, or where one is named."""
    return any(os.environ.get(name) for name in ("GCE_METADATA_HOST", "KUBERNETES_SERVICE_HOST", "K_SERVICE"))
