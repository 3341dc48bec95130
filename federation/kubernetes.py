"""Kubernetes' names and formats, as far as federation needs them."""

import re
from typing import Final

NAMESPACE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
"""An RFC 1123 label. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""

CONTAINER_NAME: Final = NAMESPACE
"""An RFC 1123 label too. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container"""

SERVICE_ACCOUNT_NAME: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
)
"""An RFC 1123 subdomain. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/"""

LABEL_VALUE: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
LABEL_KEY: Final = re.compile(
    r"(?:(?=.{1,253}/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
"""At most 63 characters each, the key optionally behind a DNS name.
https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"""


def service_account_subject(namespace: str, service_account: str) -> str:
    """The `sub` claim of a service account's token.
    https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
    """
    return f"system:serviceaccount:{namespace}:{service_account}"
