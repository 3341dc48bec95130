"""What the predefined roles permit, as far as the emulated APIs ask.

A role that is not listed here can be granted and permits nothing here.
https://cloud.google.com/iam/docs/roles-permissions
"""

from fnmatch import fnmatchcase
from typing import Final

from federation.google import OPEN_ID_TOKEN_CREATOR, TOKEN_CREATOR, WORKLOAD_IDENTITY_USER

GET_ACCESS_TOKEN: Final = "iam.serviceAccounts.getAccessToken"
GET_OPEN_ID_TOKEN: Final = "iam.serviceAccounts.getOpenIdToken"
IMPLICIT_DELEGATION: Final = "iam.serviceAccounts.implicitDelegation"
_CREDENTIALS: Final = frozenset(
    {
        GET_ACCESS_TOKEN,
        GET_OPEN_ID_TOKEN,
        IMPLICIT_DELEGATION,
        "iam.serviceAccounts.signBlob",
        "iam.serviceAccounts.signJwt",
    }
)

_BASIC_ROLES: Final = {
    "roles/owner": ("*",),
    "roles/editor": ("*.create", "*.delete", "*.update", "*.get", "*.list", "*.getIamPolicy", "*.enable", "*.disable"),
    "roles/viewer": ("*.get", "*.list", "*.getIamPolicy"),
}
"""None of them permits to create a service account's credentials, not even owner.
https://cloud.google.com/iam/docs/service-account-permissions"""

_SERVICE_ACCOUNT_ADMIN: Final = ("create", "delete", "disable", "enable", "get", "getIamPolicy", "list")

_PREDEFINED_ROLES: Final = {
    TOKEN_CREATOR: tuple(_CREDENTIALS),
    OPEN_ID_TOKEN_CREATOR: (GET_OPEN_ID_TOKEN,),
    WORKLOAD_IDENTITY_USER: (GET_ACCESS_TOKEN, GET_OPEN_ID_TOKEN),
    "roles/iam.serviceAccountAdmin": tuple(
        f"iam.serviceAccounts.{verb}" for verb in (*_SERVICE_ACCOUNT_ADMIN, "setIamPolicy", "undelete", "update")
    ),
    "roles/iam.workloadIdentityPoolAdmin": ("iam.workloadIdentityPools.*", "iam.workloadIdentityPoolProviders.*"),
    "roles/container.admin": ("container.*",),
    "roles/container.clusterAdmin": ("container.clusters.*", "container.operations.*"),
    "roles/resourcemanager.projectIamAdmin": (
        "resourcemanager.projects.get",
        "resourcemanager.projects.getIamPolicy",
        "resourcemanager.projects.setIamPolicy",
    ),
    "roles/browser": ("resourcemanager.projects.get", "resourcemanager.projects.getIamPolicy"),
    "roles/serviceusage.serviceUsageAdmin": ("serviceusage.*",),
}


def permits(role: str, permission: str) -> bool:
    """Whether a role contains a permission."""
    if role in _BASIC_ROLES and permission in _CREDENTIALS:
        return False
    patterns = _BASIC_ROLES.get(role) or _PREDEFINED_ROLES.get(role, ())
    return any(fnmatchcase(permission, pattern) for pattern in patterns)
