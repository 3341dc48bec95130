"""One workload as the stack's outputs describe it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from federation.access import BucketGrant
from federation.external_account import AWS_REQUEST_TOKEN_TYPE
from federation.google import ProviderKind
from federation.settings import Settings


@dataclass(frozen=True)
class MadeWorkload:
    """What `pulumi up` made for a workload, and what it is meant to do in S3."""

    name: str
    routes: Sequence[str]
    audience: str
    role_arn: str
    email: str | None
    """Of its Google service account."""
    kubernetes: tuple[str, str] | None
    """Namespace and name of its Kubernetes service account."""
    external_account: Mapping[str, Any] | None
    """For the way back to Google Cloud."""
    s3: Literal["read-only"] | Sequence[BucketGrant]
    region: str

    @property
    def role_name(self) -> str:
        """The role's name alone."""
        return self.role_arn.rpartition("/")[2]

    @property
    def way_back(self) -> ProviderKind | None:
        """How the role comes back to Google Cloud, if it does."""
        if self.external_account is None:
            return None
        return "aws" if self.external_account["subject_token_type"] == AWS_REQUEST_TOKEN_TYPE else "oidc"


def made_workloads(settings: Settings, outputs: Mapping[str, Any]) -> list[MadeWorkload]:
    """Those of the stack file that are up."""
    made = outputs["workloads"]
    return [
        MadeWorkload(
            name=workload.name,
            routes=output["routes"],
            audience=output["audience"],
            role_arn=output["aws_role_arn"],
            email=output["gcp_service_account_email"],
            kubernetes=_kubernetes(output["kubernetes_service_account"]),
            external_account=output["external_account"],
            s3=workload.aws_role.s3,
            region=settings.region,
        )
        for workload in settings.workloads
        if (output := made.get(workload.name))
    ]


def _kubernetes(output: str | None) -> tuple[str, str] | None:
    if output is None:
        return None
    namespace, _, name = output.partition("/")
    return namespace, name
