"""Names in Kubernetes and in Pulumi: each with its rule, the rule's source, and an example that keeps it."""

import re
from typing import Annotated

from federation import kubernetes
from federation.settings.rule import name_like, written_as

Namespace = Annotated[
    str,
    written_as(
        "a namespace: 1-63 of a-z, 0-9 and -, no hyphen first or last."
        " https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
        "default",
        kubernetes.NAMESPACE,
        name_like(63),
        range(1, 64),
    ),
]
KubernetesServiceAccountName = Annotated[
    str,
    written_as(
        "a Kubernetes service account's name: at most 253 of a-z, 0-9, - and ., each part starting and ending with a"
        " letter or digit. https://kubernetes.io/docs/concepts/overview/working-with-objects/names/",
        "s3-reader",
        kubernetes.SERVICE_ACCOUNT_NAME,
        name_like(253),
        range(1, 254),
    ),
]
ContainerName = Annotated[
    str,
    written_as(
        "a container's name: 1-63 of a-z, 0-9 and -, no hyphen first or last."
        " https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#Container",
        "app",
        kubernetes.CONTAINER_NAME,
        name_like(63),
        range(1, 64),
    ),
]
WorkloadName = Annotated[
    str,
    written_as(
        "1-40 of a-z, 0-9 and -, first a letter, last no hyphen: it becomes part of the resources' names in Pulumi."
        " https://www.pulumi.com/docs/iac/concepts/resources/names/",
        "s3-reader",
        re.compile(r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"),
        name_like(40, first="a-z"),
        range(1, 41),
    ),
]
