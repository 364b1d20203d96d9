"""Cache for one value that concurrent requests share: computed once, with a lifetime and a timeout."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class KeptAnswer(Generic[T]):
    """A cached value, for one event loop. At most one `ask` runs at a time, so a hanging one occupies one thread.

    Parameters
    ----------
    ask
        Computes the value; its exception is raised to all waiting callers and is not cached.
    kept_s
        Seconds for which a value is reused.
    timeout_s
        Seconds that a caller waits; the computation continues and serves later callers.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, kept_s: float, timeout_s: float) -> None:
        self._ask = ask
        self._kept_s = kept_s
        self._timeout_s = timeout_s
        self._under_way: asyncio.Task[T] | None = None
        self._answer: tuple[float, T] | None = None

    async def get(self) -> T:
        """The cached or newly computed value. Raises: TimeoutError, and what `ask` raises."""
        if self._answer is not None and time.monotonic() - self._answer[0] < self._kept_s:
            return self._answer[1]
        if self._under_way is None:
            self._under_way = asyncio.create_task(self._work_out())
            self._under_way.add_done_callback(self._ended)
        return await asyncio.wait_for(asyncio.shield(self._under_way), self._timeout_s)

    async def _work_out(self) -> T:
        answer = await self._ask()
        self._answer = time.monotonic(), answer
        return answer

    def _ended(self, task: asyncio.Task[T]) -> None:
        self._under_way = None
        if not task.cancelled():
            # Waiting callers have the exception already; without this, asyncio would log it as never retrieved.
            task.exception()
