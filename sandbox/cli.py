"""`python -m sandbox`: serve the emulated clouds, run a command in them, or show the guide's steps."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer

from sandbox.engine import Engine, EngineError
from sandbox.environment import PROVIDERS, Endpoints, command_environment
from sandbox.server import SERVED_FILE, Sandbox
from sandbox.workspace import PROJECT_FILE, make_workspace, stack_names
from toolchain import ToolchainError, find_or_install_pulumi

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)

Directory = Annotated[Path, typer.Option(help="Where the sandbox keeps its files.")]
DEFAULT_DIRECTORY = Path(".sandbox")

MARKER = "made-by-sandbox"
"""In every directory that a sandbox filled, to know it from one that must not be cleared."""


@app.command()
def serve(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Run everything in the foreground, from a fresh world, until ctrl-C."""
    if served_endpoints(directory) is not None:
        fail(f"a sandbox is already served from {directory}; end it, or name another place with --directory")
    clear(directory)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Sandbox(directory) as sandbox:
        print_endpoints(sandbox.endpoints)
        typer.echo("\nIn another terminal:  python -m sandbox run -- pulumi up --stack sbx\nEnd with ctrl-C.")
        ended.wait()
    (directory / SERVED_FILE).unlink()
    typer.echo("ended")


@app.command(context_settings={"ignore_unknown_options": True})
def run(
    command: Annotated[list[str], typer.Argument(metavar="CMD…")],
    attach: Annotated[str, typer.Option(help="Providers that the sandbox serves to the engine.")] = ",".join(PROVIDERS),
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Run CMD in the sandbox that is served, or else in one of its own that ends with CMD."""
    attached = [name for name in attach.split(",") if name]
    if unknown := sorted(set(attached) - set(PROVIDERS)):
        fail(
            f"--attach {attach}: there is no provider {', '.join(unknown)}; write one or more of {','.join(PROVIDERS)}"
        )
    path_entries = pulumi_path_entries()
    with sandbox_for_command(directory) as (endpoints, files):
        environment = command_environment(os.environ, endpoints, files, path_entries, attached)
        project = Path.cwd()
        inside_project = (project / PROJECT_FILE).exists()
        where = make_workspace(project, files / "workspace") if inside_project else project
        if inside_project and Path(command[0]).name == "pulumi":
            create_stacks(where, environment)
        status = run_to_end(command, environment, where)
    raise typer.Exit(status)


@app.command()
def demo(directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Bring the stack sbx up, walk the guide's eleven steps, and take it down again."""
    from sandbox.demo import run_demo

    path_entries = pulumi_path_entries()
    with own_sandbox(directory) as sandbox:
        succeeded = run_demo(sandbox, Path.cwd(), path_entries, typer.echo)
    raise typer.Exit(0 if succeeded else 1)


def fail(message: str) -> None:
    """End with status 2 and one line that says what to change."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(2)


def pulumi_path_entries() -> Sequence[Path]:
    """The directories that hold the Pulumi CLI and its language host, installed first if need be."""
    try:
        return find_or_install_pulumi(lambda line: typer.echo(line, err=True)).path_entries
    except ToolchainError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def clear(directory: Path) -> None:
    """Take away what an earlier `serve` left, not what is another run's; a directory of other files is refused."""
    directory.mkdir(parents=True, exist_ok=True)
    left = [entry for entry in directory.iterdir() if not (entry / MARKER).exists()]
    if left and not (directory / MARKER).exists():
        fail(f"{directory} holds files that are not a sandbox's; empty it, or name another place with --directory")
    for entry in left:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (directory / MARKER).touch()


def create_stacks(workspace: Path, environment: Mapping[str, str]) -> None:
    """Make the stacks that the project has files for, as far as the sandbox's backend, empty at first, lacks them."""
    for stack in stack_names(workspace):
        engine = Engine(workspace, stack, environment)
        try:
            if not engine.stack_exists():
                engine.create_stack()
        except EngineError as error:  # perhaps a stack that the command is not about
            typer.echo(f"warning: the stack {stack} was not made: {error}", err=True)


def served_endpoints(directory: Path) -> Endpoints | None:
    """The sandbox that another process serves from `directory`, if it answers."""
    served = directory / SERVED_FILE
    if not served.exists():
        return None
    endpoints = Endpoints.from_json(json.loads(served.read_text()))
    try:
        httpx.get(endpoints.control, timeout=2, trust_env=False).raise_for_status()
    except httpx.HTTPError:
        return None  # left behind by a sandbox that was killed; by now the port may be another program's
    return endpoints


@contextmanager
def own_sandbox(directory: Path) -> Iterator[Sandbox]:
    """A sandbox for one command; its files go when it ends, and SIGTERM ends it as ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=directory.resolve()) as files:
        (Path(files) / MARKER).touch()
        with Sandbox(Path(files)) as sandbox:
            yield sandbox


@contextmanager
def sandbox_for_command(directory: Path) -> Iterator[tuple[Endpoints, Path]]:
    """The endpoints and file directory of the served sandbox, or of one that lasts as long as the block."""
    if endpoints := served_endpoints(directory):
        yield endpoints, directory.resolve()
    else:
        with own_sandbox(directory) as sandbox:
            yield sandbox.endpoints, sandbox.directory


def run_to_end(command: Sequence[str], environment: dict[str, str], where: Path) -> int:
    """Run the command on this terminal; ctrl-C and SIGTERM are its to handle, and its status is ours."""
    try:
        child = subprocess.Popen(command, env=environment, cwd=where)
    except FileNotFoundError:
        fail(f"there is no command {command[0]!r} on PATH")
    except PermissionError:
        fail(f"{command[0]!r} is not a program that you may run")
    previous = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),  # the terminal sends it to the child as well
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: child.terminate()),
    }
    try:
        status = child.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return status if status >= 0 else 128 - status


def print_endpoints(endpoints: Endpoints) -> None:
    """Tell where the sandbox listens; never a token."""
    typer.echo("The sandbox answers on:")
    for name in ("aws", "google", "kubernetes", "control"):
        typer.echo(f"  {name:<11}{getattr(endpoints, name)}")
    sys.stdout.flush()
