"""The environment of a command that runs in the sandbox: every client it starts finds the emulated clouds.

It deliberately removes the caller's own cloud settings first, so that no command in the sandbox can reach a real cloud.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from sandbox import seed

Provider = Literal["aws", "gcp", "kubernetes"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

CLOUD_PREFIXES = ("AWS_", "GOOGLE_", "GCLOUD_", "GCE_", "CLOUDSDK_", "KUBE", "PULUMI_")

GOOGLE_SERVICES = {
    "GOOGLE_IAM_BETA_CUSTOM_ENDPOINT": "/v1/",
    "GOOGLE_IAM_CUSTOM_ENDPOINT": "/v1/",
    "GOOGLE_IAM_CREDENTIALS_CUSTOM_ENDPOINT": "/v1/",
    "GOOGLE_CONTAINER_CUSTOM_ENDPOINT": "/v1/",
    "GOOGLE_RESOURCE_MANAGER_CUSTOM_ENDPOINT": "/v1/",
    "GOOGLE_RESOURCE_MANAGER_V3_CUSTOM_ENDPOINT": "/v3/",
    "GOOGLE_CLOUD_BILLING_CUSTOM_ENDPOINT": "/v1/",
    "GOOGLE_SERVICE_USAGE_CUSTOM_ENDPOINT": "/v1/",
}
"""Endpoint variables of the Google provider, and the path each service has in the sandbox.
https://registry.terraform.io/providers/hashicorp/google/latest/docs/guides/provider_reference"""


@dataclass(frozen=True)
class Endpoints:
    """Where a running sandbox answers, and the operator's tokens for it (worth nothing anywhere else)."""

    aws: str
    google: str
    kubernetes: str
    control: str
    google_token: str
    kubernetes_token: str
    provider_ports: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """As written into the sandbox's directory for `run` in another terminal."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        return cls(**value)


def command_environment(
    base: Mapping[str, str],
    endpoints: Endpoints,
    directory: Path,
    path_entries: Sequence[Path],
    attach: Sequence[str] = PROVIDERS,
) -> dict[str, str]:
    """The environment for a command: `base` without its cloud settings, with the sandbox's.

    Providers named in `attach` are served by the sandbox; the engine looks for the others among the plugins that the
    user has installed. `path_entries` go first on PATH.
    """
    plugins_home = Path(base.get("PULUMI_HOME", Path.home() / ".pulumi"))
    environment = {name: value for name, value in base.items() if not name.startswith(CLOUD_PREFIXES)}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), *map(str, path_entries), base["PATH"]])
    no_proxy = ",".join(filter(None, [base.get("NO_PROXY") or base.get("no_proxy"), "127.0.0.1", "localhost"]))
    environment |= {"NO_PROXY": no_proxy, "no_proxy": no_proxy}
    environment |= _aws_environment(endpoints, directory)
    environment |= _google_environment(endpoints, directory)
    environment |= {"KUBECONFIG": str(directory / "kubeconfig")}
    environment |= _pulumi_environment(endpoints, directory, plugins_home, attach)
    return environment


def _aws_environment(endpoints: Endpoints, directory: Path) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": endpoints.aws,
        "AWS_ACCESS_KEY_ID": seed.ACCOUNT_ID,  # MiniStack takes the account from the access key id
        "AWS_SECRET_ACCESS_KEY": seed.OPERATOR_SECRET_ACCESS_KEY,
        "AWS_REGION": seed.REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(directory / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "aws-credentials"),
    }


def _google_environment(endpoints: Endpoints, directory: Path) -> dict[str, str]:
    return {
        **{variable: endpoints.google + path for variable, path in GOOGLE_SERVICES.items()},
        "GOOGLE_OAUTH_ACCESS_TOKEN": endpoints.google_token,
        "CLOUDSDK_AUTH_ACCESS_TOKEN": endpoints.google_token,
        "CLOUDSDK_AUTH_TOKEN_HOST": f"{endpoints.google}/token",
        "CLOUDSDK_AUTH_AUTH_HOST": f"{endpoints.google}/o/oauth2/auth",
        "CLOUDSDK_CORE_PROJECT": seed.PROJECT_ID,
        "CLOUDSDK_CONFIG": str(directory / "gcloud"),
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM": f"{endpoints.google}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS": f"{endpoints.google}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CONTAINER": f"{endpoints.google}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER": f"{endpoints.google}/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_STS": f"{endpoints.google}/",
    }


def _pulumi_environment(
    endpoints: Endpoints, directory: Path, plugins_home: Path, attach: Sequence[str]
) -> dict[str, str]:
    home, state = directory / "pulumi-home", directory / "pulumi-state"
    home.mkdir(exist_ok=True)
    state.mkdir(exist_ok=True)
    if (installed := plugins_home / "plugins").is_dir() and not (linked := home / "plugins").exists():
        linked.symlink_to(installed.resolve())
    return {
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "sandbox",
        "PULUMI_HOME": str(home),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{endpoints.provider_ports[name]}" for name in attach),
    }
