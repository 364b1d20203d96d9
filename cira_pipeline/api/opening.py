"""Thread pool for opening documents (uploads, page images), with a limit per client.

Opening a document may take seconds (`CIRA_RECOGNITION_TIMEOUT_S`). Without a limit per client and separate threads,
forty concurrent requests of one client would occupy all threads of the service.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from cira_pipeline.errors import TooManyUploads
from cira_pipeline.sandbox.fair_slots import on_behalf_of

MOST_PENDING = 32
"""Maximum uploads and page images of one client in progress or waiting, with their bodies in memory."""

THREADS = 64
_RETRY_AFTER_S = 2

T = TypeVar("T")


class OpeningDocuments:
    """Opens documents in threads, at most `at_once` of one client concurrently; for one event loop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._pending: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="document")

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """Reserves a place for a request; enter it before reading the body. Raises: TooManyUploads."""
        if self._pending[client] >= MOST_PENDING:
            raise TooManyUploads(
                f"{MOST_PENDING} uploads and page images of this client are already in progress",
                retry_after_s=_RETRY_AFTER_S,
            )
        self._pending[client] += 1
        try:
            yield
        finally:
            self._pending[client] -= 1
            if not self._pending[client]:
                del self._pending[client]
                self._turns.pop(client, None)

    async def run(self, client: str, work: Callable[[], T]) -> T:
        """Runs `work` in a thread within the client's limit and returns its result; call it inside a `place`."""

        def for_the_client() -> T:
            with on_behalf_of(client):
                return work()

        async with self._turns.setdefault(client, asyncio.Semaphore(self._at_once)):
            return await asyncio.get_running_loop().run_in_executor(self._threads, for_the_client)
