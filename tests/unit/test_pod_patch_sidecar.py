"""The sidecar's shell command, run for real against a metadata server that fails in the ways that one does."""

import http.server
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from federation.pod_patch import SIDECAR_REFRESH_SECONDS, pod_patch

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMDQ4NTc2In0.c2lnbmF0dXJl"
AUDIENCE = "//iam.example/a b&format=none#?é"
WAIT_SECONDS = 10

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@dataclass
class MetadataServer:
    """Answers with `answers` in turn, then the last again; slowly, so that a half-written token would be seen."""

    answers: list[tuple[int, str]] = field(default_factory=lambda: [(200, TOKEN)])
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    host: str = ""

    def next_answer(self) -> tuple[int, str]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def served(metadata: MetadataServer, port: int = 0) -> Iterator[MetadataServer]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            metadata.requests.append((self.path, self.headers.get("Metadata-Flavor")))
            status, body = metadata.next_answer()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            middle = len(body) // 2
            self.wfile.write(body[:middle].encode())
            time.sleep(0.01)
            self.wfile.write(body[middle:].encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    metadata.host = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield metadata
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Sidecar:
    """The running command, its token file, what it printed, and how long it asked to sleep each time."""

    process: subprocess.Popen[str]
    token_file: Path
    sleeps: Path

    def output(self) -> str:
        """Ends the sidecar; what it printed."""
        os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.communicate()[0]

    def slept(self) -> list[str]:
        return self.sleeps.read_text().split() if self.sleeps.exists() else []


RunSidecar = Callable[[str], Sidecar]


@pytest.fixture
def run_sidecar(tmp_path: Path) -> Iterator[RunSidecar]:
    """Runs the patch's own command; `sleep` is a short one that notes what it was asked for."""
    started: list[Sidecar] = []
    (tmp_path / "bin").mkdir()
    (tmp_path / "token").mkdir()
    sleep = tmp_path / "bin" / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/sleeps\nexec {shutil.which("sleep")} 0.02\n')
    sleep.chmod(0o755)

    def run(host: str) -> Sidecar:
        patch = pod_patch(route="google", role_arn="role", audience=AUDIENCE, region="eu-west-1", service_account="s")
        (container,) = patch["spec"]["template"]["spec"]["initContainers"]
        environment = {variable["name"]: variable["value"] for variable in container["env"]}
        token_file = tmp_path / "token" / "token"
        environment |= {
            "TOKEN_FILE": str(token_file),
            "GCE_METADATA_HOST": host,
            "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
            "http_proxy": "http://127.0.0.1:1",
        }
        process = subprocess.Popen(
            container["command"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(Sidecar(process, token_file, tmp_path / "sleeps"))
        return started[-1]

    yield run
    for sidecar in started:
        if sidecar.process.poll() is None:
            sidecar.output()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_SECONDS} s for {what}"
        time.sleep(0.01)


def test_the_token_is_asked_for_as_the_metadata_server_wants_it_with_the_audience_url_encoded(
    run_sidecar: RunSidecar,
) -> None:
    with served(MetadataServer()) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(sidecar.token_file.exists, "the token file")

    path, flavor = metadata.requests[0]
    url = urllib.parse.urlsplit(path)
    assert url.path == "/computeMetadata/v1/instance/service-accounts/default/identity"
    assert urllib.parse.parse_qs(url.query) == {"audience": [AUDIENCE], "format": ["full"]}
    assert flavor == "Google"
    assert sidecar.token_file.read_text() == TOKEN


def test_the_token_file_can_be_read_by_its_group_and_by_nobody_else(run_sidecar: RunSidecar) -> None:
    with served(MetadataServer()) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(sidecar.token_file.exists, "the token file")

    assert stat.S_IMODE(sidecar.token_file.stat().st_mode) == 0o640


def test_the_token_is_refreshed_long_before_its_hour_is_over(run_sidecar: RunSidecar) -> None:
    with served(MetadataServer([(200, "first"), (200, "second")])) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(lambda: sidecar.token_file.exists() and sidecar.token_file.read_text() == "second", "a new token")

    assert sidecar.slept()[0] == str(SIDECAR_REFRESH_SECONDS)
    assert SIDECAR_REFRESH_SECONDS <= 300


def test_a_reader_sees_a_whole_token_at_every_moment_of_a_refresh(run_sidecar: RunSidecar) -> None:
    tokens = {letter * 15_000 for letter in "ab"}
    answers = [(200, token) for token in sorted(tokens) * 20]
    with served(MetadataServer(answers)) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(sidecar.token_file.exists, "the token file")
        seen = set()
        while len(metadata.requests) < 20:
            seen.add(sidecar.token_file.read_text())

    assert seen == tokens


def test_errors_while_the_pod_starts_are_outlasted_by_asking_ever_less_often(run_sidecar: RunSidecar) -> None:
    with served(MetadataServer([(500, TOKEN)] * 3 + [(404, TOKEN)] * 3 + [(200, TOKEN)])) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(sidecar.token_file.exists, "the token file")

    assert sidecar.slept()[:6] == ["1", "2", "4", "8", "16", "30"]


def test_a_metadata_server_that_refuses_connections_at_first_is_outlasted(run_sidecar: RunSidecar) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    sidecar = run_sidecar(f"127.0.0.1:{port}")
    wait_until(lambda: len(sidecar.slept()) >= 2, "two failed attempts")

    with served(MetadataServer(), port):
        wait_until(sidecar.token_file.exists, "the token file")

    assert sidecar.token_file.read_text() == TOKEN


@pytest.mark.parametrize("answer", [(500, "error page"), (200, "")], ids=["an error", "an empty answer"])
def test_a_failed_refresh_leaves_the_token_that_is_there(run_sidecar: RunSidecar, answer: tuple[int, str]) -> None:
    with served(MetadataServer([(200, TOKEN), answer])) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(lambda: len(metadata.requests) >= 4, "refreshes")

    assert sidecar.token_file.read_text() == TOKEN


def test_after_a_failed_refresh_it_asks_again_soon(run_sidecar: RunSidecar) -> None:
    with served(MetadataServer([(200, TOKEN), (500, ""), (200, TOKEN)])) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(lambda: len(sidecar.slept()) >= 3, "three attempts")

    assert sidecar.slept()[:3] == [str(SIDECAR_REFRESH_SECONDS), "1", str(SIDECAR_REFRESH_SECONDS)]


def test_neither_the_token_nor_an_error_s_body_is_ever_printed(run_sidecar: RunSidecar) -> None:
    with served(MetadataServer([(500, TOKEN), (200, TOKEN), (500, TOKEN)])) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(lambda: len(metadata.requests) >= 5, "attempts of every kind")
        output = sidecar.output()

    assert "no identity token yet, trying again in 1 s" in output
    assert not any(part in output for part in TOKEN.split("."))


def test_it_ends_at_once_when_the_pod_does(run_sidecar: RunSidecar, tmp_path: Path) -> None:
    (tmp_path / "bin" / "sleep").write_text(f"#!/bin/sh\nexec {shutil.which('sleep')} 60\n")
    with served(MetadataServer()) as metadata:
        sidecar = run_sidecar(metadata.host)
        wait_until(sidecar.token_file.exists, "the token file")
        sidecar.process.terminate()

        assert sidecar.process.wait(timeout=5) == 0
