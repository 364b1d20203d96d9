"""Opening documents for clients: in threads of its own, a few for each client, so that no client takes them all.

An upload or a page picture may take seconds (`CIRA_RECOGNITION_TIMEOUT_S`). Without a bound for each client, forty of
them at once would take every thread of the service, also those that answer other requests.
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
"""Uploads and pictures of one client that wait or are under way, with their bodies in memory."""

THREADS = 64
_RETRY_AFTER_S = 2

T = TypeVar("T")


class OpeningDocuments:
    """`at_once`: documents of one client that are opened at once; its next ones wait. Used in the event loop."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._pending: Counter[str] = Counter()
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="document")

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """To be taken before a body is read. Raises: TooManyUploads."""
        if self._pending[client] >= MOST_PENDING:
            raise TooManyUploads(
                f"{MOST_PENDING} uploads and page pictures of this client are under way",
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
        """The result of `work`, done in a thread in the client's turn, inside a `place`."""

        def for_the_client() -> T:
            with on_behalf_of(client):
                return work()

        async with self._turns.setdefault(client, asyncio.Semaphore(self._at_once)):
            return await asyncio.get_running_loop().run_in_executor(self._threads, for_the_client)
