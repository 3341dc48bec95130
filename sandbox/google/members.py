"""Which members IAM accepts in a policy, and what it says about the others.

Users, groups and domains can't be checked here and are taken as they are.
https://cloud.google.com/iam/docs/principal-identifiers
"""

import re
from typing import TYPE_CHECKING

from sandbox.google.errors import GoogleError, invalid_argument

if TYPE_CHECKING:
    from sandbox.google.cloud import GoogleCloud

_UNCHECKED = ("user:", "group:", "domain:", "deleted:", "projectOwner:", "projectEditor:", "projectViewer:")
_KUBERNETES_MEMBER = re.compile(r"serviceAccount:(?P<pool>[^\[\]]+\.svc\.id\.goog)\[[^/\]]+/[^/\]]+\]")
_FEDERATED_MEMBER = re.compile(
    r"principal://iam\.googleapis\.com/(?P<principal_pool>[^/]+/[^/]+/[^/]+/[^/]+/workloadIdentityPools/[^/]+)/subject/.+"
    r"|principalSet://iam\.googleapis\.com/(?P<set_pool>[^/]+/[^/]+/[^/]+/[^/]+/workloadIdentityPools/[^/]+)"
    r"/(?:\*|group/.+|namespace/.+|attribute\.[a-z0-9_]+/.+)"
)


def check_member(cloud: "GoogleCloud", member: str) -> None:
    """Raises INVALID_ARGUMENT for a member that IAM would not accept as a new one."""
    kubernetes = _KUBERNETES_MEMBER.fullmatch(member)
    federated = _FEDERATED_MEMBER.fullmatch(member)
    if kubernetes:
        if not cloud.has_identity_pool(kubernetes["pool"]):
            raise _no_identity_pool(kubernetes["pool"])
    elif federated:
        pool = federated["principal_pool"] or federated["set_pool"]
        if not cloud.has_identity_pool(pool):
            raise _no_identity_pool(pool)
    elif member.startswith("serviceAccount:"):
        email = member.removeprefix("serviceAccount:")
        if cloud.service_accounts.find(email) is None:
            raise invalid_argument(f"Service account {email} does not exist.")
    elif member.startswith(("principal:", "principalSet:")) or not member.startswith(_UNCHECKED):
        raise invalid_argument(
            f"The member {member} is of an unknown type. Please set a valid type prefix for the member."
        )


def _no_identity_pool(pool: str) -> GoogleError:
    return invalid_argument(
        f"Identity Pool does not exist ({pool}). Please check that you specified a valid resource name as returned in "
        "the `name` attribute in the configuration API."
    )
