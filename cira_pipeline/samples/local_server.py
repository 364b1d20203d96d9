"""Serves samples by URL from a local HTTP server, in place of suppliers' portals."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

HOST = "127.0.0.1"


@contextmanager
def served(files: Mapping[str, bytes]) -> Iterator[Mapping[str, str]]:
    """Serves `files` by name within the block; yields the URL of each."""
    server = ThreadingHTTPServer((HOST, 0), _handler(files))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="samples", daemon=True)
    thread.start()
    try:
        yield {name: f"http://{HOST}:{server.server_port}/{quote(name)}" for name in files}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(files: Mapping[str, bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(unquote(self.path.lstrip("/")))
            if content is None:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            self.send_response(HTTPStatus.OK)
            # As many portals do; CIRA recognises a document by its bytes.
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Logs nothing, because the terminal shows the results."""

    return Handler
