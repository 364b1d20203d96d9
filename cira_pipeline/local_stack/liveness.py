"""Whether a process that is ready still answers: each probe accepts any answer, for a refusal is a sign of life."""

from __future__ import annotations

import socket
from contextlib import closing

import httpx
import psycopg
from sqlalchemy import make_url

SILENCE_PATIENCE_S = 120.0
DAEMON_PATIENCE_S = 600.0
"""A heartbeat is due every 30 s; a tick that waits for the code server may take up to its limit of 300 s."""
_TIMEOUT_S = 10.0
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEADER_BYTES = 9
_SETTINGS_FRAME = 4
_EMPTY_SETTINGS = bytes((0, 0, 0, _SETTINGS_FRAME, 0, 0, 0, 0, 0))


def http_answers(url: str) -> bool:
    """Whatever the status."""
    try:
        httpx.get(url, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def grpc_answers(address: tuple[str, int] | str) -> bool:
    """Whether a gRPC server sends its HTTP/2 preface (RFC 9113, 3.4) to a new connection.

    `address` is host and port, or the path of a Unix socket. Listening alone proves nothing: the system accepts
    connections for a stopped process.
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    try:
        with closing(socket.socket(family, socket.SOCK_STREAM)) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(address)
            connection.sendall(_HTTP2_PREFACE + _EMPTY_SETTINGS)
            greeting = connection.recv(_FRAME_HEADER_BYTES, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(greeting) == _FRAME_HEADER_BYTES and greeting[3] == _SETTINGS_FRAME


class DaemonHeartbeat:
    """Whether Dagster's daemon writes its heartbeats into its tables.

    While PostgreSQL does not answer, the heartbeat is unknown and the daemon counts as alive.
    """

    def __init__(self, postgres_url: str) -> None:
        self._url = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._newest: float | None = None

    def answers(self) -> bool:
        """Whether the newest heartbeat is another one than at the last call; true as well when it is unknown."""
        try:
            with psycopg.connect(self._url, connect_timeout=5, options="-c statement_timeout=5000") as connection:
                row = connection.execute(
                    "SELECT extract(epoch FROM max(timestamp)) FROM public.daemon_heartbeats"
                ).fetchone()
        except psycopg.Error:
            return True
        newest = float(row[0]) if row is not None and row[0] is not None else None
        changed, self._newest = newest != self._newest, newest
        return changed or newest is None
