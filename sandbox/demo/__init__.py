"""The guide's eleven steps on the unchanged stack sbx, each with what was really seen.

It checks as it shows: a step that finds something else than the guide promises ends the demo with status 1.
"""

import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import httpx
from botocore.exceptions import ClientError

from sandbox.demo import guide, refusals
from sandbox.demo.tour import NotAsExpected, Tour
from sandbox.engine import Engine, EngineError, EngineResult
from sandbox.environment import command_environment
from sandbox.server import Sandbox
from sandbox.workspace import make_workspace

STACK = "sbx"

Say = Callable[[str], None]


def run_demo(sandbox: Sandbox, project: Path, path_entries: Sequence[Path], say: Say) -> bool:
    """Bring sbx up in the sandbox, walk the steps, bring it up again, destroy it. False: something was unexpected."""
    environment = command_environment(os.environ, sandbox.endpoints, sandbox.directory, path_entries)
    engine = Engine(make_workspace(project, sandbox.directory / "workspace"), STACK, environment)
    started = time.monotonic()
    try:
        _walk(Tour(sandbox), engine, say)
    except NotAsExpected as unexpected:
        say(f"FAILED\n  expected: {unexpected.expected}\n  seen:     {unexpected.seen}")
        return False
    except EngineError as error:
        say(f"FAILED\n{error}")
        return False
    say(f"\nAll as the guide promises, in {time.monotonic() - started:.0f} s.")
    return True


def _walk(tour: Tour, engine: Engine, say: Say) -> None:
    engine.create_stack()
    before = guide.workload_pool_before(tour)
    made = engine.update("up")
    say(f"pulumi up --stack {STACK}: {_summary(made)}")
    for diagnostic in made.diagnostics:
        say(f"  warning: {diagnostic}")
    tour.outputs = engine.outputs()

    say("\nThe guide's steps")
    show_step(say, "1", "workload pool", lambda: f"{before}; {guide.workload_pool_after(tour)}")
    for number, title, step in guide.STEPS:
        show_step(say, number, title, partial(step, tour))

    say("\nRefused")
    for title, attempt in refusals.ATTEMPTS:
        show_step(say, "-", title, partial(attempt, tour))

    say("\nAgain, and away")
    show_step(say, "-", "second up", lambda: _second_up(engine))
    show_step(say, "-", "destroy", lambda: f"{_summary(engine.update('destroy'))}; {guide.what_is_left(tour)}")


def show_step(say: Say, number: str, title: str, act: Callable[[], str]) -> None:
    """One line: printed only when the act has ended, with what it saw.

    Raises NotAsExpected, also for a cloud's refusal that the act did not ask for.
    """
    try:
        say(f"{number:>3}  {title:<26} {act()}")
    except (NotAsExpected, ClientError, httpx.HTTPError) as error:
        say(f"{number:>3}  {title:<26} not as expected")
        raise error if isinstance(error, NotAsExpected) else NotAsExpected(f"success of: {title}", error) from error


def _second_up(engine: Engine) -> str:
    result = engine.update("up")
    if result.changed():
        raise NotAsExpected("no changes", _summary(result))
    return f"0 changes, {result.changes.get('same', 0)} unchanged"


def _summary(result: EngineResult) -> str:
    counts = ", ".join(f"{operation} {count}" for operation, count in sorted(result.changed().items()))
    return f"{counts or '0 changes'}, in {result.seconds} s"
