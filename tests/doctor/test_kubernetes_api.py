"""How the doctor finds a cluster's API server and signs in to it."""

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from doctor.clouds.cloud import CloudError
from doctor.clouds.kubernetes_api import Access, KubernetesApi, kubeconfig_access

SERVER = "https://10.0.0.1"


def write(
    path: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None, context: str | None = "here"
) -> Path:
    content = {
        "clusters": [{"name": "c", "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        **({"current-context": context} if context else {}),
    }
    path.write_text(yaml.safe_dump(content))
    return path


def plugin(tmp_path: Path, script: str) -> dict[str, Any]:
    """A user whose token a program prints."""
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(stat.S_IRWXU)
    environment = [{"name": "NAME", "value": "from the file"}]
    api_version = "client.authentication.k8s.io/v1beta1"
    return {"exec": {"apiVersion": api_version, "command": str(program), "args": ["a"], "env": environment}}


def test_a_token_and_a_certificate_authority_are_read(tmp_path: Path) -> None:
    authority = base64.b64encode(b"PEM").decode()
    path = write(tmp_path / "config", {"token": "t"}, {"certificate-authority-data": authority})
    assert kubeconfig_access([path]) == Access(SERVER, "t", "PEM")


def test_a_token_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t\n")
    path = write(tmp_path / "config", {"tokenFile": str(tmp_path / "token")})
    assert kubeconfig_access([path]).token == "t"


def test_gkes_plugin_is_asked_as_kubectl_asks_it(tmp_path: Path) -> None:
    answer = json.dumps({"status": {"token": "t"}})
    check = 'test "$1" = a && test "$NAME" = "from the file" && echo "$KUBERNETES_EXEC_INFO" | grep -q ExecCredential'
    path = write(tmp_path / "config", plugin(tmp_path, f"{check} && echo '{answer}'"))
    assert kubeconfig_access([path]).token == "t"


@pytest.mark.parametrize("script", ["echo secret-part >&2; exit 1", 'echo \'{"status": "secret-part"}\''])
def test_what_a_failing_plugin_printed_is_not_shown(tmp_path: Path, script: str) -> None:
    path = write(tmp_path / "config", plugin(tmp_path, script))
    with pytest.raises(CloudError, match="gave no token") as refused:
        kubeconfig_access([path])
    assert "secret-part" not in str(refused.value)


def test_of_several_files_the_first_that_names_something_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "first", {"token": "first"}, context=None)
    second = write(tmp_path / "second", {"token": "second"})
    assert kubeconfig_access([first, second]).token == "first"


def test_a_missing_kubeconfig_is_said_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="gcloud container clusters get-credentials"):
        kubeconfig_access([tmp_path / "absent"])


def test_a_client_certificate_is_not_a_way_in(tmp_path: Path) -> None:
    path = write(tmp_path / "config", {"client-certificate-data": "x", "client-key-data": "y"})
    with pytest.raises(CloudError, match="no token and no credential plugin"):
        kubeconfig_access([path])


def test_a_context_that_names_nothing_is_said(tmp_path: Path) -> None:
    path = write(tmp_path / "config", {"token": "t"}, context="elsewhere")
    with pytest.raises(CloudError, match="no context named elsewhere"):
        kubeconfig_access([path])


def test_an_unreadable_kubeconfig_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[")
    with pytest.raises(CloudError, match=str(tmp_path / "config")):
        kubeconfig_access([tmp_path / "config"])


def test_a_server_that_does_not_answer_is_said_without_the_token() -> None:
    api = KubernetesApi(Access("http://127.0.0.1:9", "secret-part"))
    with pytest.raises(CloudError, match="did not answer") as refused:
        api.request_token("default", "app", "aud")
    assert "secret-part" not in str(refused.value)
