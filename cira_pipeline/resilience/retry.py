"""Retries of temporary failures with growing, jittered waits that obey `Retry-After` and end at a deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from cira_pipeline.errors import CiraError, CircuitOpen, SourceBusy, SourcePaused

T = TypeVar("T")

LEFT_ALONE = (CircuitOpen, SourceBusy, SourcePaused)
"""Errors whose purpose is to end a call at once, so they are not retried."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and for how long a call is retried.

    Only a `CiraError` that is `retryable` is retried; not an open circuit, whose purpose is to fail at once, nor a
    failure that opened one (`paused_s` among its details).
    An error with `retry_after_s` among its details sets the shortest wait; a part of it, at most `wait_jitter_s`, is
    added, so that callers with the same answer do not all retry at once. A wait that would end after the deadline is
    not begun: the error is raised instead.

    `attempts` includes the first call. `deadline_s` bounds calls and waits together, in seconds; `None` is no bound.
    The call itself must respect the rest of the deadline; a running call is not interrupted.
    """

    attempts: int = 3
    deadline_s: float | None = None
    wait_initial_s: float = 0.5
    wait_max_s: float = 20.0
    wait_jitter_s: float = 1.0

    def call(self, function: Callable[[], T], *, monotonic: Callable[[], float] = time.monotonic) -> T:
        """Calls `function` until it succeeds or must not be retried; raises its last error."""
        ends = None if self.deadline_s is None else monotonic() + self.deadline_s
        failures = 0

        def wait_or_stop(error: Exception) -> bool | float:
            nonlocal failures
            failures += 1
            if not isinstance(error, CiraError) or isinstance(error, LEFT_ALONE) or not error.retryable:
                return False
            if "paused_s" in error.detail:
                return False
            asked = error.detail.get("retry_after_s")
            wait = self._with_jitter(float(asked)) if isinstance(asked, int | float) else None
            longest = self._longest_wait_s(failures) if wait is None else wait
            if ends is not None and monotonic() + longest >= ends:
                return False
            return True if wait is None else wait

        attempts = stamina.retry_context(
            on=wait_or_stop,
            attempts=self.attempts,
            timeout=self.deadline_s,
            wait_initial=self.wait_initial_s,
            wait_max=self.wait_max_s,
            wait_jitter=self.wait_jitter_s,
        )
        for attempt in attempts:
            with attempt:
                return function()
        raise AssertionError("stamina ends with a result or an error")

    def _with_jitter(self, asked_s: float) -> float:
        return asked_s + min(asked_s, self.wait_jitter_s) * random.random()  # noqa: S311 - no secret

    def _longest_wait_s(self, failures: int) -> float:
        """Longest wait of stamina itself after this many failures."""
        return min(self.wait_max_s, self.wait_initial_s * 2.0 ** (failures - 1) + self.wait_jitter_s)
