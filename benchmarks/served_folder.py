"""Serves a folder of documents over HTTP on loopback."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from cira_pipeline.local_stack.ports import LOOPBACK


@contextmanager
def served_folder(folder: Path) -> Iterator[str]:
    """The address of `folder`, which need not exist yet."""
    folder.mkdir(parents=True, exist_ok=True)
    server = http.server.ThreadingHTTPServer((LOOPBACK, 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Logs nothing, because the benchmark prints its table."""
