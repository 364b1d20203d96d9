"""A real HTTP server on loopback that misbehaves exactly as a test tells it to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[[BaseHTTPRequestHandler], object]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *args: Any) -> None:
        """Clients that hang up in the middle are what these tests are about."""


class HostileServer:
    """`behaviours` are asked by path, without the query; `requests` are the request targets that came in."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[str] = []
        self.hosts: list[str | None] = []
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self, path: str, content: bytes, *, status: int = 200, **headers: str) -> str:
        """Serves `content` as it stands; header names are given with underscores for hyphens."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            handler.send_header("Content-Length", str(len(content)))
            for name, value in headers.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(content)

        self.behaviours[path] = answer
        return self.url(path)

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        return self.serve(path, b"", status=status, Location=location)

    def behave(self, path: str, behaviour: Behaviour) -> str:
        self.behaviours[path] = behaviour
        return self.url(path)

    def drips(self, path: str, beginning: bytes, drop: bytes, every_s: float = 0.02) -> str:
        """Sends `beginning` and then `drop` for ever, a little at a time."""

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(beginning)
            while not self.over.wait(every_s):
                handler.wfile.write(drop)

        return self.behave(path, drip)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hostile = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def do_GET(self) -> None:
                hostile.requests.append(self.path)
                hostile.hosts.append(self.headers["Host"])
                self.close_connection = True
                behaviour = hostile.behaviours.get(self.path.partition("?")[0])
                if behaviour is None:
                    self.send_error(404)
                else:
                    behaviour(self)

            def log_message(self, *args: Any) -> None: ...

        return Handler
