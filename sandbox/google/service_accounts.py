"""Service accounts: what they are, how they come and go. Their API is in `service_accounts_api`.

Deliberately without keys: nothing in this project may create one, and the API refuses to.
"""

import base64
import itertools
import random
from dataclasses import dataclass

from federation.google import (
    SERVICE_ACCOUNT_DESCRIPTION_BYTES,
    SERVICE_ACCOUNT_DISPLAY_NAME_BYTES,
    SERVICE_ACCOUNT_ID,
    SOFT_DELETE_DAYS,
    service_account_email,
)
from sandbox.google.errors import Json, already_exists, failed_precondition, invalid_argument, not_found
from sandbox.google.policies import Policies
from sandbox.google.principals import Clock, Principal
from sandbox.google.projects import Project

SOFT_DELETE_SECONDS = SOFT_DELETE_DAYS * 86400


@dataclass
class ServiceAccount:
    """A service account. `unique_id` is never used twice; the e-mail is, after delete and create."""

    project: Project
    email: str
    unique_id: str
    etag: str
    display_name: str = ""
    description: str = ""
    disabled: bool = False
    deleted_at: float | None = None

    @property
    def member(self) -> str:
        """As IAM policies name it while it exists."""
        return f"serviceAccount:{self.email}"

    @property
    def deleted_member(self) -> str:
        """What `member` becomes in every policy once the account is deleted.
        https://cloud.google.com/iam/docs/principal-identifiers
        """
        return f"deleted:serviceAccount:{self.email}?uid={self.unique_id}"

    @property
    def principal(self) -> Principal:
        """The account as a caller."""
        return Principal(self.member)

    @property
    def resource(self) -> str:
        """Its name in this emulator's policies, by unique id: a new account of the same e-mail inherits nothing."""
        return f"serviceAccounts/{self.unique_id}"

    def to_json(self) -> Json:
        """As the API shows it."""
        shown: Json = {
            "name": f"projects/{self.project.id}/serviceAccounts/{self.email}",
            "projectId": self.project.id,
            "uniqueId": self.unique_id,
            "email": self.email,
            "etag": self.etag,
            "oauth2ClientId": self.unique_id,
        }
        optional = {"displayName": self.display_name, "description": self.description, "disabled": self.disabled}
        return shown | {name: value for name, value in optional.items() if value}


class ServiceAccounts:
    """Every service account, deleted ones included."""

    def __init__(self, policies: Policies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock
        self._accounts: list[ServiceAccount] = []
        self._etags = itertools.count(1)

    def find(self, email_or_unique_id: str) -> ServiceAccount | None:
        """The existing account of an e-mail or unique id, or None."""
        return next(
            (
                account
                for account in self._accounts
                if email_or_unique_id in {account.email, account.unique_id} and account.deleted_at is None
            ),
            None,
        )

    def accounts_of(self, project: Project) -> list[ServiceAccount]:
        """The existing accounts of a project."""
        return [account for account in self._accounts if account.project is project and account.deleted_at is None]

    def create(self, project: Project, account_id: str, display_name: str, description: str) -> ServiceAccount:
        """A new account with a unique id of its own. Raises INVALID_ARGUMENT, ALREADY_EXISTS."""
        if not SERVICE_ACCOUNT_ID.fullmatch(account_id):
            raise invalid_argument(
                f'The account ID "{account_id}" does not have a length between 6 and 30 or does not match '
                "[a-z]([-a-z0-9]*[a-z0-9])."
            )
        _check_texts(display_name, description)
        email = service_account_email(account_id, project.id)
        if self.find(email):
            raise already_exists(
                f"Service account {account_id} already exists within project projects/{project.id}.",
                f"projects/{project.id}/serviceAccounts/{email}",
            )
        account = ServiceAccount(project, email, self._new_unique_id(), self._next_etag(), display_name, description)
        self._accounts.append(account)
        return account

    def update(self, account: ServiceAccount, changes: Json) -> None:
        """Set `displayName` and `description`, as far as `changes` has them. Raises INVALID_ARGUMENT."""
        display_name = changes.get("displayName", account.display_name)
        description = changes.get("description", account.description)
        _check_texts(display_name, description)
        account.display_name, account.description = display_name, description
        account.etag = self._next_etag()

    def delete(self, account: ServiceAccount) -> None:
        """Delete an account: its tokens die, and policies name it as deleted from now on."""
        account.deleted_at = self._clock()
        self._policies.rename_member(account.member, account.deleted_member)

    def undelete(self, unique_id: str) -> ServiceAccount:
        """Bring a deleted account back with its policy and its grants, within 30 days.

        Raises NOT_FOUND, and FAILED_PRECONDITION when its e-mail is taken by now.
        https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/undelete
        """
        account = next((account for account in self._accounts if account.unique_id == unique_id), None)
        if account is None or account.deleted_at is None or self._clock() - account.deleted_at > SOFT_DELETE_SECONDS:
            raise not_found(f"Deleted service account {unique_id} does not exist or can't be undeleted.")
        if self.find(account.email):
            raise failed_precondition(f"Service account {account.email} already exists.")
        account.deleted_at = None
        self._policies.rename_member(account.deleted_member, account.member)
        return account

    def _new_unique_id(self) -> str:
        used = {account.unique_id for account in self._accounts}
        while (unique_id := f"1{random.randrange(10**20):020d}") in used:  # noqa: S311  an id, not a secret
            pass
        return unique_id

    def _next_etag(self) -> str:
        return base64.b64encode(f"{next(self._etags):08d}".encode()).decode()


def _check_texts(display_name: str, description: str) -> None:
    if len(display_name.encode()) > SERVICE_ACCOUNT_DISPLAY_NAME_BYTES:
        raise invalid_argument(f"Display name can't be longer than {SERVICE_ACCOUNT_DISPLAY_NAME_BYTES} bytes.")
    if len(description.encode()) > SERVICE_ACCOUNT_DESCRIPTION_BYTES:
        raise invalid_argument(f"Description can't be longer than {SERVICE_ACCOUNT_DESCRIPTION_BYTES} bytes.")
