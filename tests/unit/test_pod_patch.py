"""The pod patch on a Deployment and a Job, against the Kubernetes API's schema."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest

from federation.pod_patch import SIDECAR, TOKEN_FILE, Route, pod_patch
from tests.unit.strategic_merge import KUBERNETES_VERSION, apply_patch

ROLE_ARN = "arn:aws:iam::211125558983:role/GCPWorkloadIAMRole"
ROUTES: tuple[Route, ...] = ("cluster", "google")

POD_TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"app": "reports"}, "annotations": {"team": "data"}},
    "spec": {
        "initContainers": [{"name": "migrate", "image": "reports:1"}],
        "containers": [
            {"name": "proxy", "image": "proxy:1"},
            {
                "name": "app",
                "image": "reports:1",
                "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "AWS_REGION", "value": "us-east-1"}],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
        ],
        "restartPolicy": "Always",
        "volumes": [{"name": "data", "emptyDir": {}}],
    },
}
DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "reports"},
    "spec": {"selector": {"matchLabels": {"app": "reports"}}, "template": POD_TEMPLATE},
}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "report"},
    "spec": {"template": {**POD_TEMPLATE, "spec": {**POD_TEMPLATE["spec"], "restartPolicy": "Never"}}},
}


def patch(route: Route, **options: Any) -> dict[str, Any]:
    return pod_patch(
        route=route,
        role_arn=ROLE_ARN,
        audience="sts.amazonaws.com",
        region="eu-west-1",
        service_account="s3-reader",
        **options,
    )


def patched_pod(route: Route, **options: Any) -> dict[str, Any]:
    pod: dict[str, Any] = apply_patch(DEPLOYMENT, patch(route, **options))["spec"]["template"]["spec"]
    return pod


def named(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (item,) = [item for item in items if item["name"] == name]
    return item


def without_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_order(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted(map(without_order, value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container["env"]}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("manifest", [DEPLOYMENT, JOB], ids=["Deployment", "Job"])
@pytest.mark.parametrize("options", [{}, {"skip_pod_identity_webhook": True, "session_name": "reports"}])
def test_what_comes_of_the_patch_is_what_the_api_takes(
    route: Route, manifest: dict[str, Any], options: dict[str, Any]
) -> None:
    kubernetes_validate.validate(apply_patch(manifest, patch(route, **options)), KUBERNETES_VERSION, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("manifest", [DEPLOYMENT, JOB], ids=["Deployment", "Job"])
def test_kubectl_merges_the_patch_to_the_same_manifest(route: Route, manifest: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest))
    command = ["kubectl", "patch", "--local", "--type=strategic", f"--filename={file}", "--output=json"]
    merged = subprocess.run([*command, "--patch", json.dumps(patch(route))], check=True, capture_output=True, text=True)

    assert without_order(json.loads(merged.stdout)) == without_order(apply_patch(manifest, patch(route)))


@pytest.mark.parametrize("route", ROUTES)
def test_the_container_gets_what_an_aws_sdk_reads_and_keeps_the_rest_of_its_environment(route: Route) -> None:
    assert environment(named(patched_pod(route)["containers"], "app")) == {
        "LOG_LEVEL": "info",
        "AWS_ROLE_ARN": ROLE_ARN,
        "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN_FILE,
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_STS_REGIONAL_ENDPOINTS": "regional",
    }


@pytest.mark.parametrize("route", ROUTES)
def test_the_container_can_read_the_token_s_volume_and_not_write_it(route: Route) -> None:
    mounts = named(patched_pod(route)["containers"], "app")["volumeMounts"]

    (mount,) = [mount for mount in mounts if TOKEN_FILE.startswith(mount["mountPath"] + "/")]
    assert mount["readOnly"] is True
    assert mount["name"] in {volume["name"] for volume in patched_pod(route)["volumes"]}


@pytest.mark.parametrize("route", ROUTES)
def test_another_container_of_the_pod_can_be_named(route: Route) -> None:
    pod = patched_pod(route, container="proxy")

    assert environment(named(pod["containers"], "proxy"))["AWS_ROLE_ARN"] == ROLE_ARN
    assert "AWS_ROLE_ARN" not in environment(named(pod["containers"], "app"))


@pytest.mark.parametrize("route", ROUTES)
def test_the_pod_runs_as_the_service_account_and_a_user_other_than_root_can_read_the_token(route: Route) -> None:
    pod = patched_pod(route)

    assert pod["serviceAccountName"] == "s3-reader"
    assert pod["securityContext"] == {"fsGroup": 65534}


@pytest.mark.parametrize("route", ROUTES)
def test_the_pod_s_own_group_is_left_alone_on_request(route: Route) -> None:
    assert "securityContext" not in patched_pod(route, fs_group=None)


def test_on_the_cluster_route_the_kubelet_projects_a_token_for_the_role_s_audience() -> None:
    volume = named(patched_pod("cluster")["volumes"], "aws-web-identity-token")

    assert volume["projected"]["sources"] == [
        {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 3600, "path": "token"}}
    ]


def test_on_the_google_route_the_token_is_kept_in_memory_only() -> None:
    volume = named(patched_pod("google")["volumes"], "aws-web-identity-token")

    assert volume["emptyDir"]["medium"] == "Memory"


def test_the_sidecar_is_a_restartable_init_container_so_that_a_job_ends() -> None:
    sidecar = named(apply_patch(JOB, patch("google"))["spec"]["template"]["spec"]["initContainers"], SIDECAR)

    assert sidecar["restartPolicy"] == "Always"


def test_the_application_waits_for_the_token_file() -> None:
    sidecar = named(patched_pod("google")["initContainers"], SIDECAR)

    assert sidecar["startupProbe"]["exec"]["command"] == ["test", "-s", TOKEN_FILE]


def test_the_sidecar_is_given_no_privilege_and_a_pinned_image() -> None:
    sidecar = named(patched_pod("google")["initContainers"], SIDECAR)

    security = sidecar["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] != 0
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert "@sha256:" in sidecar["image"]
    assert set(sidecar["resources"]["limits"]) == {"cpu", "memory"}


@pytest.mark.parametrize("route", ROUTES)
def test_sessions_are_named_on_request(route: Route) -> None:
    pod = patched_pod(route, session_name="reports")

    assert environment(named(pod["containers"], "app"))["AWS_ROLE_SESSION_NAME"] == "reports"


@pytest.mark.parametrize(("route", "skipped"), [("cluster", "app"), ("google", f"app,{SIDECAR}")])
def test_the_pod_identity_webhook_is_told_to_leave_the_containers_alone_on_request(route: Route, skipped: str) -> None:
    template = apply_patch(DEPLOYMENT, patch(route, skip_pod_identity_webhook=True))["spec"]["template"]

    assert template["metadata"]["annotations"] == {"team": "data", "eks.amazonaws.com/skip-containers": skipped}


@pytest.mark.parametrize("route", ROUTES)
def test_the_patch_holds_no_token_and_no_key(route: Route) -> None:
    text = json.dumps(patch(route))

    assert "AWS_SECRET_ACCESS_KEY" not in text
    assert "eyJ" not in text
