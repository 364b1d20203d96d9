"""Says to every other process that this one lives: an advisory lock of PostgreSQL that ends with its connection.

The connection ends with the process, however that dies; that of a machine that is cut off ends when TCP gives it up.
After a restart of PostgreSQL nobody holds any lock, so that a lock taken before says nothing about its taker.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import suppress

from sqlalchemy import Connection, Engine, text

from cira_pipeline.errors import StoreUnavailable


class LivenessLock:
    """Thread-safe. It opens one connection of its own, at the first `lock`, and keeps it until `close`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._key = 0
        self._guard = threading.Lock()

    def lock(self) -> int:
        """The key of the advisory lock that is held from now on as long as this process lives.

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
        # Another key each time: one that somebody saw without its lock must never be held again.
        key = secrets.randbits(62)
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            # Detached, it takes no place in the pool.
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
