"""One ASGI application on one port of 127.0.0.1, in a thread of its own."""

import socket
import threading

import uvicorn
from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
START_SECONDS = 5.0


def listen_on_loopback(port: int = 0) -> socket.socket:
    """A bound socket on 127.0.0.1; port 0 takes a free one. Raises OSError when the port is taken."""
    # asyncio turns Nagle's algorithm off (40 ms a response) only where the protocol is named
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    return listener


class HttpServer:
    """Serves an application from `start` to `stop`. The url is known, and the port taken, before the start."""

    def __init__(self, port: int = 0) -> None:
        self._socket = listen_on_loopback(port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: ASGIApp) -> None:
        """Begin to answer; returns when the first request can be taken."""
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name=f"http:{self.port}", daemon=True
        )
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(START_SECONDS / 0.01)):
            if self._server.started:
                return
            waited.wait(0.01)
        raise RuntimeError(f"{self.url} did not start within {START_SECONDS:.0f} s")

    def stop(self) -> None:
        """End the server and free the port."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        self._socket.close()
