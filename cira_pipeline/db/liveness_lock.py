"""Liveness of a process, shown by a PostgreSQL advisory lock that ends with its connection.

The connection ends with the process, however that dies; on a machine that is cut off it ends when TCP times out.
A restart of PostgreSQL releases all locks, so a lock taken before the restart proves nothing about its process.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress

from sqlalchemy import Connection, Engine, text

from cira_pipeline.errors import StoreUnavailable


class LivenessLock:
    """Advisory lock of this process. Thread-safe. Opens its own connection at the first `lock`, kept until `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._key = 0
        self._guard = threading.Lock()

    def lock(self) -> int:
        """Key of the advisory lock that is held from now on while this process lives.

        Raises: StoreUnavailable.
        """
        with self._guard:
            if self._connection is not None and not self._lives(self._connection):
                self._end()
            if self._connection is None:
                self._connection, self._key = self._taken()
            return self._key

    def close(self) -> None:
        with self._guard:
            self._end()

    def _taken(self) -> tuple[Connection, int]:
        # A new key each time: a key that was seen without its lock must never be locked again.
        key = secrets.randbits(62)
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            # Detached, it takes no slot of the pool.
            connection.detach()
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        except BaseException:
            connection.close()
            raise
        return connection, key

    @staticmethod
    def _lives(connection: Connection) -> bool:
        try:
            connection.execute(text("SELECT 1"))
        except StoreUnavailable:
            return False
        return True

    def _end(self) -> None:
        if self._connection is not None:
            with suppress(StoreUnavailable):
                self._connection.close()
            self._connection = None
