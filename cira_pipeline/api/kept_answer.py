"""An answer that many ask for and that is worked out once: kept for a moment, with a bound on the wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class KeptAnswer(Generic[T]):
    """For one event loop. At the most one `ask` is under way, so that one that hangs costs one thread, not one a probe.

    Parameters
    ----------
    ask
        Works the answer out; what it raises is raised to all who wait for it, and not kept.
    kept_s
        Seconds for which an answer is given again.
    timeout_s
        Seconds that a caller waits; the work itself goes on, and serves those who ask later.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], *, kept_s: float, timeout_s: float) -> None:
        self._ask = ask
        self._kept_s = kept_s
        self._timeout_s = timeout_s
        self._under_way: asyncio.Task[T] | None = None
        self._answer: tuple[float, T] | None = None

    async def get(self) -> T:
        """Raises: TimeoutError, and what `ask` raises."""
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
            # Those who waited have it already; when none did, asyncio would log it as never retrieved.
            task.exception()
