"""One port of 127.0.0.1 for many tests, each with an application of its own behind it: a server takes long to start."""

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.http_server import HttpServer


class World:
    """Serves whatever application is put behind its url, until `stop`."""

    def __init__(self) -> None:
        self.app: ASGIApp = Starlette()
        self._server = HttpServer()
        self.url = self._server.url
        self._server.start(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def stop(self) -> None:
        self._server.stop()
