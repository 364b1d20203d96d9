"""One `cira up` on one database: an advisory lock of PostgreSQL on a connection of its own.

Two of them would launch each other's jobs from two queues of runs. The lock ends with its connection, however the
holder ends; that of a machine that is cut off ends about a minute later, when the server's keepalives find nobody.
"""

from __future__ import annotations

import os
import secrets
import socket
import time

import psycopg
from sqlalchemy import make_url

from cira_pipeline.errors import AlreadyRunning, ServiceUnreachable
from cira_pipeline.shown_url import shown_url

# "cira up" in ASCII: an advisory lock of this database that only `cira up` takes.
_LOCK = 0x63697261207570
_PREDECESSOR_PATIENCE_S = 15.0
"""A supervisor that was killed a moment ago holds the lock until the server has noticed."""
_APPLICATION_NAME_BYTES = 63
_HOLDER = """
SELECT a.pid, a.application_name
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND (l.classid::bigint << 32 | l.objid::bigint) = %s
"""


class DatabaseLock:
    """Taken by `acquire`, kept by `check` every few seconds, ended by `release`."""

    def __init__(self, url: str) -> None:
        # Any spelling of the URL is understood elsewhere, the driver's name in it included.
        self._url = make_url(url.strip()).set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.Connection | None = None
        prefix = f"cira up, process {os.getpid()} on {socket.gethostname()}"
        # The random end distinguishes this holder from another of the same name, such as a restarted container.
        self._name = f"{prefix[: _APPLICATION_NAME_BYTES - 9]} {secrets.token_hex(4)}"

    def acquire(self) -> None:
        """Raises: AlreadyRunning when another `cira up` works on the database; ServiceUnreachable."""
        deadline = time.monotonic() + _PREDECESSOR_PATIENCE_S
        while True:
            try:
                other = self._take()
            except psycopg.OperationalError as error:
                reason = str(error).strip().partition("\n")[0]
                raise ServiceUnreachable(f"PostgreSQL at {shown_url(self._url)}: {reason}") from error
            if other is None:
                return
            if time.monotonic() > deadline:
                raise self._refusal(other)
            time.sleep(0.5)

    def check(self) -> None:
        """Takes the lock again when PostgreSQL was away. Raises: AlreadyRunning when another one was faster."""
        try:
            if self._connection is not None:
                self._connection.execute("SELECT 1")
                return
        except psycopg.OperationalError:
            self.release()
        try:
            other = self._take()
        except psycopg.OperationalError:
            return  # still away, which is told by what watches PostgreSQL
        if other is not None:
            raise self._refusal(other)

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _take(self) -> str | None:
        """`None` when it is held from now on, else who holds it."""
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=5,
            application_name=self._name,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
        try:
            for setting, value in (("idle", 30), ("interval", 10), ("count", 3)):
                connection.execute(f"SET tcp_keepalives_{setting} = {value}")
            if self._granted(connection):
                self._connection = connection
                return None
            holder = connection.execute(_HOLDER, (_LOCK,)).fetchone()
            pid, name = holder if holder is not None else (0, "one that has just ended")
            if name == self._name:
                # Its own connection of before, which the server still believes in.
                connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
                if self._granted(connection):
                    self._connection = connection
                    return None
            return str(name)
        finally:
            if self._connection is not connection:
                connection.close()

    @staticmethod
    def _granted(connection: psycopg.Connection) -> bool:
        row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        return row is not None and bool(row[0])

    def _refusal(self, other: str) -> AlreadyRunning:
        holder = other.rpartition(" ")[0] or "another `cira up`"
        return AlreadyRunning(f"the database at {shown_url(self._url)} is already worked on by another one: {holder}")
