"""Projects and which APIs are enabled in them."""

from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.google.errors import caller_may_not, service_disabled

IAM: Final = "iam.googleapis.com"
IAM_CREDENTIALS: Final = "iamcredentials.googleapis.com"
CONTAINER: Final = "container.googleapis.com"
RESOURCE_MANAGER: Final = "cloudresourcemanager.googleapis.com"
SECURITY_TOKEN: Final = "sts.googleapis.com"
SERVICE_USAGE: Final = "serviceusage.googleapis.com"
BILLING: Final = "cloudbilling.googleapis.com"

SERVICE_TITLES: Final = {
    IAM: "Identity and Access Management (IAM) API",
    IAM_CREDENTIALS: "IAM Service Account Credentials API",
    CONTAINER: "Kubernetes Engine API",
    RESOURCE_MANAGER: "Cloud Resource Manager API",
    SECURITY_TOKEN: "Security Token Service API",
    SERVICE_USAGE: "Service Usage API",
    BILLING: "Cloud Billing API",
}
"""The emulated APIs, as https://console.cloud.google.com/apis/library names them."""


@dataclass
class Project:
    """A project; every emulated API is enabled in it until one is disabled."""

    id: str
    number: str
    enabled_services: set[str] = field(default_factory=lambda: set(SERVICE_TITLES))
    constraints: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The organization's list constraints that are set, `constraints/…` to its listPolicy."""

    @property
    def resource(self) -> str:
        """Its name in this emulator's policies."""
        return f"projects/{self.id}"

    def require_service(self, service: str) -> None:
        """Raises SERVICE_DISABLED unless the API is enabled."""
        if service not in self.enabled_services:
            raise service_disabled(service, SERVICE_TITLES[service], self.number)


class Projects:
    """All projects, found by id or number."""

    def __init__(self) -> None:
        self._by_id: dict[str, Project] = {}

    def add(self, project_id: str, number: str) -> Project:
        """A new project."""
        project = self._by_id[project_id] = Project(project_id, number)
        return project

    def find(self, id_or_number: str) -> Project | None:
        """The project, or None."""
        by_number = (project for project in self._by_id.values() if project.number == id_or_number)
        return self._by_id.get(id_or_number) or next(by_number, None)

    def get(self, id_or_number: str) -> Project:
        """The project. Raises PERMISSION_DENIED when there is none: Google does not tell the two apart."""
        project = self.find(id_or_number)
        if project is None:
            raise caller_may_not()
        return project
