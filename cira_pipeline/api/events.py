"""Changes of jobs as they are committed: one PostgreSQL LISTEN connection per process feeds all event streams.

Every writer's changes come, in the order of their commits, whoever made them and whatever Redis does. What happens
while nobody listens, or while the connection is being made anew, is not sent later: a stream says `resync` then, and
its client asks for what it wants to know.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from fastapi.sse import format_sse_event
from sqlalchemy import URL

from cira_pipeline.db.jobs.statements import NOTIFY_CHANNEL
from cira_pipeline.errors import RateExceeded

HEARTBEAT_S = 15.0
STREAMS_A_KEY = 10
_MAX_WAITING = 1_000
_RECONNECT_S = 1.0
_RESYNC = format_sse_event(event="resync", data_str="{}")
_HEARTBEAT = format_sse_event(comment="still here")

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Listener:
    client: str | None
    key_id: str
    waiting: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_MAX_WAITING))

    def tell(self, message: bytes) -> None:
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            # Too slow for what happens: it is told to look for itself.
            while not self.waiting.empty():
                self.waiting.get_nowait()
            self.waiting.put_nowait(_RESYNC)


class JobEvents:
    """For one event loop. Hears while somebody listens, and only then."""

    def __init__(self, url: URL) -> None:
        self._conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._listeners: set[_Listener] = set()
        self._hearing: asyncio.Task[None] | None = None

    async def stream(self, client: str | None, key_id: str) -> AsyncIterator[bytes]:
        """Server-sent events (WHATWG HTML, 9.2) of one client's jobs, of all with `None`; never ends by itself."""
        async with self._listening(client, key_id) as listener:
            yield _RESYNC
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        message = await listener.waiting.get()
                except TimeoutError:
                    message = _HEARTBEAT
                yield message

    def check(self, key_id: str) -> None:
        """Raises: RateExceeded when the key has as many streams as it may."""
        if sum(each.key_id == key_id for each in self._listeners) >= STREAMS_A_KEY:
            raise RateExceeded(f"the key has {STREAMS_A_KEY} streams already", retry_after_s=HEARTBEAT_S)

    async def close(self) -> None:
        # Taken away first: a listener that comes while this one ends starts to hear anew.
        hearing, self._hearing = self._hearing, None
        if hearing is not None:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    @asynccontextmanager
    async def _listening(self, client: str | None, key_id: str) -> AsyncIterator[_Listener]:
        listener = _Listener(client, key_id)
        self._listeners.add(listener)
        if self._hearing is None:
            self._hearing = asyncio.create_task(self._hear())
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                await self.close()

    async def _hear(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {NOTIFY_CHANNEL}")
                    # Whatever changed until now was not heard.
                    self._tell_all(_RESYNC)
                    async for notification in connection.notifies():
                        self._tell(json.loads(notification.payload))
            except psycopg.Error as error:
                _log.warning("changes of jobs are not heard (%s); trying again", type(error).__name__)
                await asyncio.sleep(_RECONNECT_S)

    def _tell(self, change: dict[str, Any]) -> None:
        client = change.pop("client")
        message = format_sse_event(
            event="job", id=f"{change['job_id']}:{change['version']}", data_str=json.dumps(change)
        )
        for listener in self._listeners:
            if listener.client is None or listener.client == client:
                listener.tell(message)

    def _tell_all(self, message: bytes) -> None:
        for listener in self._listeners:
            listener.tell(message)
