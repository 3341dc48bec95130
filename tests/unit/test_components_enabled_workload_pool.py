"""Turning a cluster's workload pool on, against a GKE API on a local port."""

import json
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from components.enabled_workload_pool import IMPERSONATE, EnabledWorkloadPoolProvider
from components.gke_api import GkeApi, GkeError, enable_workload_pool

CLUSTER = "projects/mgr-product-sbx/locations/europe-west1/clusters/mgr-main-sbx"
POOL = "mgr-product-sbx.svc.id.goog"
PROPS = {"cluster": CLUSTER, "workload_pool": POOL}
OPERATION = "operation-1700000000000-abc"
TOKEN = "ya29.a-token-that-must-not-be-shown"
IMPERSONATED_TOKEN = "ya29.impersonated"
DEPLOYER = "deployer@mgr-product-sbx.iam.gserviceaccount.com"


@dataclass
class Gke:
    """One cluster, as the GKE API shows it."""

    url: str = ""
    pool: str = ""
    polls_until_done: int = 2
    operation_error: dict[str, Any] | None = None
    busy_answers: list[tuple[int, str]] = field(default_factory=list)
    """(HTTP status, Google's status) of updates that are refused before one is taken."""
    refusals: dict[str, int] = field(default_factory=dict)
    """HTTP status by method."""
    updates: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    impersonation_status: int = 200

    def answer(self, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, dict[str, Any]]:
        self.requests.append((method, path))
        if path.endswith(":generateAccessToken"):
            if self.impersonation_status != 200:
                return self.impersonation_status, {"error": {"code": 403, "message": "Permission denied."}}
            return 200, {"accessToken": IMPERSONATED_TOKEN, "expireTime": "2100-01-01T00:00:00Z"}
        if status := self.refusals.get(method):
            return status, {"error": {"code": status, "message": "Google's words.", "status": "REFUSED"}}
        if "/operations/" in path:
            return 200, self._operation()
        if method == "PUT":
            if self.busy_answers:
                status, name = self.busy_answers.pop(0)
                said = "Cluster is running incompatible operation operation-7."
                return status, {"error": {"code": status, "message": said, "status": name}}
            self.updates.append(body or {})
            return 200, {"name": OPERATION, "status": "RUNNING"}
        return 200, {"name": "mgr-main-sbx", "workloadIdentityConfig": {"workloadPool": self.pool} if self.pool else {}}

    def _operation(self) -> dict[str, Any]:
        self.polls_until_done -= 1
        if self.polls_until_done > 0:
            return {"name": OPERATION, "status": "RUNNING"}
        if self.operation_error:
            return {"name": OPERATION, "status": "DONE", "error": self.operation_error}
        self.pool = self.updates[-1]["update"]["desiredWorkloadIdentityConfig"]["workloadPool"]
        return {"name": OPERATION, "status": "DONE"}


@pytest.fixture
def gke(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gke]:
    double = Gke()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            double.tokens.add(self.headers["Authorization"])
            status, answer = double.answer(self.command, self.path, json.loads(self.rfile.read(length) or "null"))
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_PUT = do_POST = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("GOOGLE_CONTAINER_CUSTOM_ENDPOINT", f"{double.url}/v1/")
    monkeypatch.setenv("GOOGLE_IAM_CREDENTIALS_CUSTOM_ENDPOINT", f"{double.url}/v1/")
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield double
    server.shutdown()
    thread.join()
    server.server_close()


def enable(said: list[str] | None = None, limit_seconds: float = 10) -> None:
    say = (said if said is not None else []).append
    enable_workload_pool(GkeApi.from_environment(), CLUSTER, POOL, say, limit_seconds, first_pause_seconds=0.01)


def test_a_pool_that_is_on_is_left_alone(gke: Gke) -> None:
    gke.pool = POOL
    enable()
    assert gke.updates == []


def test_a_pool_that_is_off_is_turned_on_and_waited_for(gke: Gke) -> None:
    enable()
    assert gke.pool == POOL
    assert gke.updates == [{"update": {"desiredWorkloadIdentityConfig": {"workloadPool": POOL}}}]


def test_the_calls_are_those_of_the_real_api(gke: Gke) -> None:
    enable()
    assert set(gke.requests) == {
        ("GET", f"/v1/{CLUSTER}"),
        ("PUT", f"/v1/{CLUSTER}"),
        ("GET", f"/v1/projects/mgr-product-sbx/locations/europe-west1/operations/{OPERATION}"),
    }
    assert gke.tokens == {f"Bearer {TOKEN}"}


def test_the_wait_is_told(gke: Gke) -> None:
    gke.polls_until_done = 3
    said: list[str] = []
    enable(said)
    assert len(said) == 2
    assert all(OPERATION in line for line in said)


def test_another_projects_pool_is_not_replaced(gke: Gke) -> None:
    gke.pool = "fleet-host.svc.id.goog"
    with pytest.raises(GkeError, match=r"fleet-host\.svc\.id\.goog.*cut off the pods"):
        enable()
    assert gke.updates == []


@pytest.mark.parametrize("refusal", [(400, "FAILED_PRECONDITION"), (409, "ABORTED")])
def test_a_busy_cluster_is_waited_for(gke: Gke, refusal: tuple[int, str]) -> None:
    gke.busy_answers = [refusal, refusal]
    said: list[str] = []
    enable(said)
    assert gke.pool == POOL
    assert "Cluster is running incompatible operation operation-7" in said[0]


def test_a_pool_that_someone_else_turns_on_meanwhile_is_not_updated(gke: Gke) -> None:
    gke.busy_answers = [(400, "FAILED_PRECONDITION")]

    def someone_else_is_faster(_: str) -> None:
        gke.pool = POOL

    enable_workload_pool(GkeApi.from_environment(), CLUSTER, POOL, someone_else_is_faster, 10, 0.01)
    assert gke.updates == []


def test_a_cluster_that_stays_busy_ends_at_the_time_limit(gke: Gke) -> None:
    gke.busy_answers = [(400, "FAILED_PRECONDITION")] * 100
    with pytest.raises(GkeError, match=r"incompatible operation.*after 0 minutes.*Run `pulumi up` again"):
        enable(limit_seconds=0.1)


def test_an_operation_that_takes_too_long_is_told_with_the_command_that_shows_it(gke: Gke) -> None:
    gke.polls_until_done = 1000
    describe = f"gcloud container operations describe {OPERATION} --project=mgr-product-sbx --location=europe-west1"
    with pytest.raises(GkeError, match=describe):
        enable(limit_seconds=0.1)


def test_an_operation_that_fails_is_an_error_with_googles_words(gke: Gke) -> None:
    gke.operation_error = {"code": 9, "message": "Node pool is being repaired."}
    with pytest.raises(GkeError, match=r"operation-1700000000000-abc.*failed: Node pool is being repaired\."):
        enable()


@pytest.mark.parametrize(
    ("method", "permission"), [("GET", "container.clusters.get"), ("PUT", "container.clusters.update")]
)
def test_a_missing_permission_is_named_with_the_command_that_grants_it(gke: Gke, method: str, permission: str) -> None:
    gke.refusals[method] = 403
    with pytest.raises(GkeError) as error:
        enable()
    assert permission in str(error.value)
    assert "Google's words" in str(error.value)
    assert "gcloud projects add-iam-policy-binding mgr-product-sbx" in str(error.value)
    assert "--role=roles/container.clusterAdmin" in str(error.value)


def test_a_cluster_that_is_not_there_is_told_with_the_command_that_lists_them(gke: Gke) -> None:
    gke.refusals["GET"] = 404
    listing = "gcloud container clusters list --project=mgr-product-sbx --location=europe-west1"
    with pytest.raises(GkeError, match=listing):
        enable()


def test_credentials_that_google_refuses_are_told_with_the_command_that_renews_them(gke: Gke) -> None:
    gke.refusals["GET"] = 401
    with pytest.raises(GkeError, match="gcloud auth application-default login"):
        enable()


def test_no_credentials_at_all_are_told_with_the_command_that_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    with pytest.raises(GkeError, match="gcloud auth application-default login"):
        GkeApi.from_environment()


def test_an_answer_that_is_no_json_is_still_an_error_with_the_status(gke: Gke) -> None:
    class Proxy(requests.Session):
        def request(self, *_: object, **__: object) -> requests.Response:
            response = requests.Response()
            response.status_code, response.reason = 418, "I'm a teapot"
            response._content = b"<html>"
            return response

    with pytest.raises(GkeError, match="418 I'm a teapot"):
        GkeApi(Proxy(), f"{gke.url}/v1/").workload_pool(CLUSTER)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_no_error_shows_the_token(gke: Gke, status: int) -> None:
    gke.refusals["GET"] = status
    with pytest.raises(GkeError) as error:
        enable()
    assert TOKEN not in str(error.value)


def test_the_provider_creates_by_turning_the_pool_on(gke: Gke) -> None:
    result = EnabledWorkloadPoolProvider().create({**PROPS, "__provider": "…"})
    assert (result.id, result.outs) == (CLUSTER, PROPS)
    assert gke.pool == POOL


@pytest.mark.parametrize("operation", ["create", "read"])
def test_the_traceback_that_pulumi_prints_has_little_but_the_error(gke: Gke, operation: str) -> None:
    gke.refusals["GET"] = 403
    provider = EnabledWorkloadPoolProvider()
    with pytest.raises(GkeError) as error:
        provider.create(PROPS) if operation == "create" else provider.read(CLUSTER, PROPS)
    printed = "".join(traceback.format_exception(error.value))
    assert "gke_api.py" not in printed
    assert "roles/container.clusterAdmin" in printed


def test_destroy_leaves_the_pool_on(gke: Gke) -> None:
    gke.pool = POOL
    EnabledWorkloadPoolProvider().delete(CLUSTER, PROPS)
    assert gke.requests == []


def test_a_pool_turned_off_outside_is_noticed_by_refresh_and_turned_on_by_the_next_up(gke: Gke) -> None:
    provider = EnabledWorkloadPoolProvider()
    refreshed = provider.read(CLUSTER, PROPS).outs
    assert refreshed == {**PROPS, "workload_pool": ""}
    difference = provider.diff(CLUSTER, refreshed, PROPS)
    assert (difference.changes, difference.replaces) == (True, [])
    assert provider.update(CLUSTER, refreshed, PROPS).outs == PROPS
    assert gke.pool == POOL


def test_a_cluster_deleted_outside_is_gone_after_refresh(gke: Gke) -> None:
    gke.refusals["GET"] = 404
    assert EnabledWorkloadPoolProvider().read(CLUSTER, PROPS).id == ""


def test_the_same_cluster_and_pool_are_no_change() -> None:
    assert EnabledWorkloadPoolProvider().diff(CLUSTER, PROPS, {**PROPS, "__provider": "new code"}).changes is False


def test_another_cluster_is_a_replacement() -> None:
    other = {**PROPS, "cluster": CLUSTER.replace("mgr-main-sbx", "mgr-other-sbx")}
    assert EnabledWorkloadPoolProvider().diff(CLUSTER, PROPS, other).replaces == ["cluster"]


def test_the_service_account_that_the_google_provider_impersonates_is_impersonated_here_too(gke: Gke) -> None:
    EnabledWorkloadPoolProvider().create({**PROPS, IMPERSONATE: DEPLOYER})
    assert gke.requests[0] == ("POST", f"/v1/projects/-/serviceAccounts/{DEPLOYER}:generateAccessToken")
    assert gke.tokens == {f"Bearer {TOKEN}", f"Bearer {IMPERSONATED_TOKEN}"}


def test_the_environment_may_name_the_service_account_as_well(gke: Gke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", DEPLOYER)
    EnabledWorkloadPoolProvider().create(PROPS)
    assert f"Bearer {IMPERSONATED_TOKEN}" in gke.tokens


def test_an_impersonation_that_is_refused_is_told_with_the_binding_it_needs(gke: Gke) -> None:
    gke.impersonation_status = 403
    with pytest.raises(GkeError) as error:
        EnabledWorkloadPoolProvider().create({**PROPS, IMPERSONATE: DEPLOYER})
    assert f"add-iam-policy-binding {DEPLOYER}" in str(error.value)
    assert "--role=roles/iam.serviceAccountTokenCreator" in str(error.value)
    assert TOKEN not in str(error.value)


def test_the_impersonated_account_outlives_a_refresh_and_its_change_is_an_update(gke: Gke) -> None:
    gke.pool = POOL
    props = {**PROPS, IMPERSONATE: DEPLOYER}
    assert EnabledWorkloadPoolProvider().read(CLUSTER, props).outs == props
    difference = EnabledWorkloadPoolProvider().diff(CLUSTER, PROPS, props)
    assert (difference.changes, difference.replaces) == (True, [])
