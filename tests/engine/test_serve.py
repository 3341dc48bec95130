"""`python -m sandbox serve` and `run`, as a user runs them."""

import json
import os
import signal
import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest

from sandbox.cli import served_endpoints
from tests.engine.conftest import PROJECT, ServedSandbox, end, serve


def sandbox_command(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=PROJECT,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
    )


def print_variable(name: str) -> list[str]:
    return ["--", sys.executable, "-c", f"import os; print(os.environ.get({name!r}, 'unset'))"]


def ports(served: ServedSandbox) -> list[int]:
    endpoints = served.endpoints
    urls = [endpoints.aws, endpoints.google, endpoints.kubernetes, endpoints.control]
    return [port for url in urls if (port := urlsplit(url).port)] + list(endpoints.provider_ports.values())


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_is_ready_within_ten_seconds(sandbox: ServedSandbox) -> None:
    assert sandbox.ready_after_seconds < 10


def test_it_listens_on_loopback_only(sandbox: ServedSandbox) -> None:
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}  # as written, and mapped into IPv6
    listening = [
        line.split()[1].partition(":")
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{sandbox.process.pid}/net/{table}").read_text().splitlines()[1:]
    ]
    elsewhere = {int(port, 16) for address, _, port in listening if address not in loopback}
    assert not elsewhere & set(ports(sandbox))


def test_ctrl_c_ends_it_and_frees_every_port(tmp_path: Path) -> None:
    served = serve(tmp_path / "sandbox")
    assert all(is_open(port) for port in ports(served))
    assert end(served) == 0
    assert not any(is_open(port) for port in ports(served))


def test_a_second_one_in_the_same_directory_is_refused(sandbox: ServedSandbox) -> None:
    second = sandbox_command("serve", "--directory", str(sandbox.directory))
    assert second.returncode == 2
    assert "already served" in second.stderr
    assert "--directory" in second.stderr


def test_a_directory_of_other_files_is_not_cleared(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("work")
    refused = sandbox_command("serve", "--directory", str(tmp_path))
    assert refused.returncode == 2
    assert "--directory" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_another_runs_files_in_the_same_directory_are_left_to_it(tmp_path: Path) -> None:
    look_after_serve = f"""
import os, subprocess, sys
command = [sys.executable, "-m", "sandbox", "serve", "--directory", {str(tmp_path)!r}]
served = subprocess.Popen(command, cwd={str(PROJECT)!r}, stdout=subprocess.PIPE)
served.stdout.readline()
served.terminate()
served.wait()
print(os.path.exists(os.environ["KUBECONFIG"]))
"""
    command = ["--", sys.executable, "-c", look_after_serve]
    assert sandbox_command("run", "--directory", str(tmp_path), *command).stdout.strip() == "True"


def test_it_is_served_again_from_a_fresh_world_where_it_was_before(tmp_path: Path) -> None:
    first = serve(tmp_path)
    end(first)
    left = tmp_path / "pulumi-state"
    left.mkdir()
    end(serve(tmp_path))
    assert not left.exists()


def test_its_endpoints_are_printed_without_a_token(tmp_path: Path) -> None:
    served = serve(tmp_path / "sandbox")
    end(served)
    assert served.process.stdout is not None
    printed = served.process.stdout.read()
    assert served.endpoints.aws in printed
    assert served.endpoints.google_token not in printed
    assert served.endpoints.kubernetes_token not in printed


def test_the_file_that_holds_its_tokens_is_the_owners_alone(sandbox: ServedSandbox) -> None:
    assert (sandbox.directory / "sandbox.json").stat().st_mode & 0o077 == 0
    assert (sandbox.directory / "kubeconfig").stat().st_mode & 0o077 == 0


def test_a_command_finds_the_served_sandbox(sandbox: ServedSandbox) -> None:
    result = sandbox_command("run", "--directory", str(sandbox.directory), *print_variable("AWS_ENDPOINT_URL"))
    assert result.stdout.strip() == sandbox.endpoints.aws


def test_a_command_gets_a_sandbox_of_its_own_where_none_is_served(tmp_path: Path) -> None:
    result = sandbox_command("run", "--directory", str(tmp_path), *print_variable("AWS_ENDPOINT_URL"))
    port = urlsplit(result.stdout.strip()).port
    assert port is not None
    assert not is_open(port), "it ends with the command"
    assert list(tmp_path.iterdir()) == [], "and leaves no file"


def test_the_commands_exit_status_is_passed_on(sandbox: ServedSandbox) -> None:
    result = sandbox_command("run", "--directory", str(sandbox.directory), "--", "sh", "-c", "exit 7")
    assert result.returncode == 7


def test_a_command_finds_the_projects_stacks(tmp_path: Path) -> None:
    listed = sandbox_command("run", "--directory", str(tmp_path), "--", "pulumi", "stack", "ls", "--json")
    assert {stack["name"] for stack in json.loads(listed.stdout)} == {"example", "sbx"}


def test_a_second_command_leaves_the_first_its_workspace(sandbox: ServedSandbox) -> None:
    wait_and_look = "echo; read _; ls Pulumi.yaml"
    command = [sys.executable, "-m", "sandbox", "run", "--directory", str(sandbox.directory)]
    first = subprocess.Popen(
        [*command, "--", "sh", "-c", wait_and_look],
        cwd=PROJECT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdout is not None
    first.stdout.readline()
    sandbox_command("run", "--directory", str(sandbox.directory), "--", "true")
    assert first.communicate("\n", timeout=30)[0].strip() == "Pulumi.yaml"


def test_a_missing_command_is_named(sandbox: ServedSandbox) -> None:
    result = sandbox_command("run", "--directory", str(sandbox.directory), "--", "no-such-command")
    assert result.returncode == 2
    assert "no-such-command" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_is_no_program_is_named(sandbox: ServedSandbox) -> None:
    result = sandbox_command("run", "--directory", str(sandbox.directory), "--", "./Pulumi.yaml")
    assert result.returncode == 2
    assert "./Pulumi.yaml" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_unknown_provider_is_named_with_those_there_are() -> None:
    result = sandbox_command("run", "--attach", "aws,azure", "--", "true")
    assert result.returncode == 2
    assert "azure" in result.stderr
    assert "aws,gcp,kubernetes" in result.stderr


def test_attach_narrows_what_the_engine_is_given(sandbox: ServedSandbox) -> None:
    result = sandbox_command(
        "run", "--directory", str(sandbox.directory), "--attach", "aws", *print_variable("PULUMI_DEBUG_PROVIDERS")
    )
    assert result.stdout.strip() == f"aws:{sandbox.endpoints.provider_ports['aws']}"


@pytest.mark.parametrize("variable", ["AWS_PROFILE", "AWS_SESSION_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_the_callers_own_credentials_do_not_reach_the_command(sandbox: ServedSandbox, variable: str) -> None:
    result = sandbox_command(
        "run",
        "--directory",
        str(sandbox.directory),
        *print_variable(variable),
        environment={**os.environ, variable: "the-real-one"},
    )
    assert result.stdout.strip() == "unset"


def test_sigterm_ends_the_command_and_its_own_sandbox(tmp_path: Path) -> None:
    tell_and_sleep = "import os, time; print(os.getpid(), os.environ['AWS_ENDPOINT_URL']); time.sleep(60)"
    command = [sys.executable, "-m", "sandbox", "run", "--directory", str(tmp_path)]
    process = subprocess.Popen(
        [*command, "--", sys.executable, "-uc", tell_and_sleep], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    child, url = process.stdout.readline().split()
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=10)
    port = urlsplit(url).port
    assert port is not None
    assert not is_open(port)
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)


def test_a_sandbox_that_was_killed_is_not_taken_for_a_served_one(tmp_path: Path) -> None:
    served = serve(tmp_path / "sandbox")
    served.process.kill()
    served.process.wait()
    result = sandbox_command("run", "--directory", str(served.directory), *print_variable("AWS_ENDPOINT_URL"))
    assert result.returncode == 0
    assert result.stdout.strip() != served.endpoints.aws


def test_another_program_on_a_port_of_an_ended_sandbox_is_not_taken_for_it(tmp_path: Path) -> None:
    served = serve(tmp_path)
    endpoints = served.endpoints.to_json()
    end(served)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:  # answers 501 to everything
        Thread(target=other.serve_forever, daemon=True).start()
        control = f"http://127.0.0.1:{other.server_port}"
        (tmp_path / "sandbox.json").write_text(json.dumps(endpoints | {"control": control}))
        assert served_endpoints(tmp_path) is None
        other.shutdown()


def test_control_gives_a_pod_its_metadata_server(sandbox: ServedSandbox) -> None:
    pod = httpx.post(
        f"{sandbox.endpoints.control}/pods",
        json={"namespace": "default", "serviceAccount": "default"},
        trust_env=False,
    )
    assert pod.status_code == 201
    flavor = {"Metadata-Flavor": "Google"}
    answer = httpx.get(f"http://{pod.json()['metadataHost']}/", headers=flavor, trust_env=False)
    assert answer.headers["Metadata-Flavor"] == "Google"


def test_control_names_the_field_that_a_pod_lacks(sandbox: ServedSandbox) -> None:
    pod = httpx.post(f"{sandbox.endpoints.control}/pods", json={"namespace": "default"}, trust_env=False)
    assert pod.status_code == 400
    assert "serviceAccount" in json.dumps(pod.json())
