"""The typed configuration of a stack: `load_settings` makes `Settings` of what Pulumi read, or raises `SettingsError`.

`rule` and the `*_fields` hold the rules of single values, `models` the shapes, `lists` and `relations` what concerns
several values, `documents` what only shows once policies are built, `advice` the warnings; `errors` and `explain` put
mistakes into words. Nothing here asks a cloud whether a name exists: that is the doctor's preflight.
"""

from federation.settings.errors import Problem, SettingsError
from federation.settings.load import load_settings
from federation.settings.models import (
    AwsOidcProvider,
    AwsRole,
    Cluster,
    GcpServiceAccount,
    KubernetesServiceAccount,
    Mode,
    Provider,
    Route,
    Settings,
    Workload,
    WorkloadIdentityPool,
)

__all__ = [
    "AwsOidcProvider",
    "AwsRole",
    "Cluster",
    "GcpServiceAccount",
    "KubernetesServiceAccount",
    "Mode",
    "Problem",
    "Provider",
    "Route",
    "Settings",
    "SettingsError",
    "Workload",
    "WorkloadIdentityPool",
    "load_settings",
]
