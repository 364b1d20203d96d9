"""Deadline of a whole download, across redirects, retries and single reads."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from cira_pipeline.errors import DownloadTimedOut


@dataclass(frozen=True)
class Deadline:
    """A deadline at `ends` on the clock `monotonic`, in seconds."""

    ends: float
    allowed_s: float
    monotonic: Callable[[], float]

    @classmethod
    def after(cls, allowed_s: float, monotonic: Callable[[], float] = time.monotonic) -> Deadline:
        return cls(monotonic() + allowed_s, allowed_s, monotonic)

    def left_s(self) -> float:
        """Seconds left, more than zero. Raises `DownloadTimedOut` after the deadline."""
        left = self.ends - self.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> DownloadTimedOut:
        return DownloadTimedOut(f"the download did not finish within {self.allowed_s:g} s", allowed_s=self.allowed_s)


# Bounded waiting for calls that cannot be interrupted.

T = TypeVar("T")


def within(deadline: Deadline, function: Callable[[], T]) -> T:
    """Result or exception of `function`, or `DownloadTimedOut` when the deadline comes first.

    The operating system's resolver and botocore bound single steps at best, not their sum. An abandoned call continues
    in its thread, which does not keep the process from ending, and its result is dropped.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            outcome.set_exception(error)

    # Threads of an executor would keep the process from ending.
    threading.Thread(target=run, name="cira-download", daemon=True).start()
    try:
        return outcome.result(timeout=deadline.left_s())
    except concurrent.futures.TimeoutError as error:
        # A TimeoutError of the call itself has the same class.
        if outcome.done():
            raise
        raise deadline.passed() from error
