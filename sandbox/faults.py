"""Faults on request: what a real cloud does on a bad day, switched on and off while an emulator runs.

A `Faults` is a value: set a new one on the emulator to change what happens from then on. With the same seed the same
requests fail, counted from the moment the value was set. It deliberately knows no cloud: each brings its own error.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True)
class Faults:
    """What goes wrong. The default is nothing.

    propagation_seconds: how long a written IAM policy takes to have an effect (reads show it at once).
    error_rate: share of requests, 0 to 1, that are answered with the cloud's own "unavailable".
    latency_seconds: added to every request.
    seed: makes the choice of failing requests repeatable.
    """

    propagation_seconds: float = 0.0
    error_rate: float = 0.0
    latency_seconds: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.error_rate <= 1:
            raise ValueError(f"error_rate is a share from 0 to 1, not {self.error_rate}")
        if self.propagation_seconds < 0 or self.latency_seconds < 0:
            raise ValueError("propagation_seconds and latency_seconds can't be negative")


class FaultMiddleware:
    """Delays and fails the requests of an application as `faults()` says at that moment.

    `unavailable` is the answer of a failed request, in the format of the emulated cloud.
    """

    def __init__(self, app: ASGIApp, faults: Callable[[], Faults], unavailable: Response) -> None:
        self._app = app
        self._faults = faults
        self._unavailable = unavailable
        self._current: Faults | None = None
        self._random = random.Random()  # noqa: S311  which request fails is no secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        faults = self._faults()
        if faults is not self._current:
            self._current = faults
            self._random.seed(faults.seed)
        fails = self._random.random() < faults.error_rate
        if faults.latency_seconds:
            await asyncio.sleep(faults.latency_seconds)
        await (self._unavailable if fails else self._app)(scope, receive, send)
