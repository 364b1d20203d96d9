"""HTTP server (uvicorn) with limits against slow or endless request headers."""

from __future__ import annotations

import asyncio
from typing import Any

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cira_pipeline.api.app import create_app
from cira_pipeline.api.services import open_services
from cira_pipeline.settings import Settings

HEADERS_TIMEOUT_S = 10.0
MAX_HEADER_BYTES = 32_768
KEEP_ALIVE_S = 15
SHUTDOWN_S = 10
_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with a time and size limit for request headers (against Slowloris attacks)."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._header_bytes = 0
        self._headers_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_are_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._headers_due is None and self._between_requests():
            self._expect_headers()
        if self._headers_due is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        # The headers are still incomplete, so all of `data` belongs to them.
        if self._headers_due is not None and self._header_bytes > MAX_HEADER_BYTES:
            self._end(_TOO_LARGE)

    def on_headers_complete(self) -> None:
        self._headers_are_here()
        super().on_headers_complete()

    def _between_requests(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)

    def _expect_headers(self) -> None:
        self._header_bytes = 0
        self._headers_due = self.loop.call_later(HEADERS_TIMEOUT_S, self._end, _TIMED_OUT)

    def _headers_are_here(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _end(self, answer: bytes) -> None:
        self._headers_are_here()
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or Ctrl-C; requests in progress may take up to ten seconds to finish.

    Raises: ConfigurationError.
    """
    uvicorn.Server(server_config(create_app(open_services(settings)), settings)).run()


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """uvicorn's configuration for the REST service."""
    return uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        backlog=512,
    )
