"""Detects and replaces dead pool connections (failover, restart, firewall) before they are used.

SQLAlchemy's own check (`pool_pre_ping`) asks the server before every use, which doubles the round trips of most
statements. A peer that closes a connection leaves that on the socket, which is readable without a round trip; only a
connection that was idle for long may have been cut silently, and is pinged.
"""

from __future__ import annotations

import select
import time

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

TRUSTED_S = 10.0
"""A connection used within this time is pinged only when its socket has data to read."""

_LAST_USED = "cira_last_used"


def replace_dead_connections(engine: Engine) -> None:
    """Makes `engine` hand out only living connections; detecting a dead one replaces all idle ones."""

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
    """Whether unsolicited data arrived: the end of the connection, or a notice."""
    if connection.closed:
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
