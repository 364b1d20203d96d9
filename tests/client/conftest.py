"""Clients of the service as it runs, and a server that answers what a test wants."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from cira_pipeline.client import Client, Patience
from tests.api.conftest import RunningApi, api, api_settings, start_api  # noqa: F401 - fixtures

QUICK = Patience(timeout_s=30, attempts=4, first_pause_s=0.01)


@pytest.fixture
def client(api: RunningApi) -> Iterator[Client]:  # noqa: F811
    with Client(api.url, api.key(), patience=QUICK) as client:
        yield client


@dataclass
class Answer:
    """`None` for `status`: the connection is closed without an answer."""

    status: int | None = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]


@dataclass
class ScriptedServer:
    """Gives the answers in order, the last one for ever; `requests` are those that came."""

    url: str
    answers: list[Answer]
    requests: list[Request] = field(default_factory=list)


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedServer]]:
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(*answers: Answer) -> ScriptedServer:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                script.requests.append(Request(self.command, self.path, headers))
                answer = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                if answer.status is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

            def log_message(self, *_arguments: object) -> None:
                """Nothing on the screen of the tests."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        script = ScriptedServer(f"http://127.0.0.1:{server.server_address[1]}", list(answers))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return script

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
