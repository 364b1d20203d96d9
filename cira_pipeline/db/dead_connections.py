"""A connection that a failover, a restart or a firewall cut is noticed and replaced before it is used.

SQLAlchemy's own way (`pool_pre_ping`) asks the server before every use, which doubles what is sent for most statements.
Whoever closes a connection says so on it, and that can be seen without asking; only one that lay idle for long may have
been cut without a word.
"""

from __future__ import annotations

import select
import time

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

TRUSTED_S = 10.0
"""A connection used within this time is asked only when there is something to read on it."""

_LAST_USED = "cira_last_used"


def replace_dead_connections(engine: Engine) -> None:
    """From now on, `engine` hands out living connections; finding a dead one replaces all that are idle."""

    def used(_: object, entry: ConnectionPoolEntry) -> None:
        entry.info[_LAST_USED] = time.monotonic()

    def check(connection: psycopg.Connection, entry: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        last_used = entry.info.get(_LAST_USED)
        if last_used is None:
            return  # just opened
        if time.monotonic() - last_used < TRUSTED_S and not _has_news(connection):
            return
        try:
            engine.dialect.do_ping(connection)  # type: ignore[arg-type]
        except psycopg.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", used)
    event.listen(engine, "checkout", check)


def _has_news(connection: psycopg.Connection) -> bool:
    """Whether something arrived that nobody asked for: the end of the connection, or a notice."""
    if connection.closed:
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
