"""A database URL with sslmode=verify-full: no connection to a server whose certificate or host name is not verified."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import make_url

from cira_pipeline.db.database import Database
from cira_pipeline.errors import ServiceUnreachable
from tests.certificates import certificate_for

_SSL_REQUEST_BYTES = 8


class TlsFront:
    """TLS in the way of PostgreSQL before the embedded server, which has none: answers S, forwards what it decrypts."""

    def __init__(self, upstream: tuple[str, int], certificate: Path) -> None:
        self._upstream = upstream
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            client.recv(_SSL_REQUEST_BYTES)
            client.sendall(b"S")
            with (
                self._context.wrap_socket(client, server_side=True) as seen,
                socket.create_connection(self._upstream) as server,
            ):
                threading.Thread(target=_copy, args=(server, seen), daemon=True).start()
                _copy(seen, server)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65_536):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def localhost_pem(tmp_path: Path) -> Path:
    return certificate_for("localhost", tmp_path)


@pytest.fixture
def front(database_url: str, localhost_pem: Path) -> Iterator[TlsFront]:
    address = make_url(database_url)
    started = TlsFront((address.host or "", address.port or 0), localhost_pem)
    yield started
    started.close()


def verified(database_url: str, front: TlsFront, host: str, ca: Path) -> str:
    url = make_url(database_url).set(host=host, port=front.port)
    return url.set(query={"sslmode": "verify-full", "sslrootcert": str(ca)}).render_as_string(hide_password=False)


def test_the_server_with_the_known_certificate_is_used_by_cira_and_by_dagsters_driver(
    database_url: str, front: TlsFront, localhost_pem: Path
) -> None:
    url = verified(database_url, front, "localhost", localhost_pem)
    database = Database(url)
    database.ping()
    database.dispose()
    with psycopg2.connect(url) as connection:
        assert connection.info.ssl_in_use


@pytest.mark.parametrize("kind", ["another authority", "another host", "no such file", "no TLS at all"])
def test_money_and_accounts_go_to_no_server_that_is_not_verified(
    kind: str, database_url: str, front: TlsFront, localhost_pem: Path, tmp_path: Path
) -> None:
    impostor = tmp_path / "impostor"
    impostor.mkdir()
    url = {
        "another authority": verified(database_url, front, "localhost", certificate_for("localhost", impostor)),
        "another host": verified(database_url, front, "127.0.0.1", localhost_pem),
        "no such file": verified(database_url, front, "localhost", tmp_path / "rds.pem"),
        "no TLS at all": f"{database_url}?sslmode=verify-full&sslrootcert={localhost_pem}",
    }[kind]
    reason = {
        "another authority": "certificate verify failed",
        "another host": 'does not match host name "127.0.0.1"',
        "no such file": "rds.pem",
        "no TLS at all": "does not support SSL",
    }[kind]
    database = Database(url)
    with pytest.raises(ServiceUnreachable, match=reason):
        database.ping()
    database.dispose()
    with pytest.raises(psycopg2.OperationalError, match=reason):
        psycopg2.connect(url)
