"""One moment by which a whole download must be done, whatever it consists of."""

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
    """`ends` on the clock `monotonic`, in seconds."""

    ends: float
    allowed_s: float
    monotonic: Callable[[], float]

    @classmethod
    def after(cls, allowed_s: float, monotonic: Callable[[], float] = time.monotonic) -> Deadline:
        return cls(monotonic() + allowed_s, allowed_s, monotonic)

    def left_s(self) -> float:
        """Seconds left, more than zero. Raises `DownloadTimedOut` when there are none."""
        left = self.ends - self.monotonic()
        if left <= 0:
            raise self.passed()
        return left

    def passed(self) -> DownloadTimedOut:
        return DownloadTimedOut(f"the download was not done after {self.allowed_s:g} s", allowed_s=self.allowed_s)


# Waiting no longer than the deadline for calls that cannot be interrupted.

T = TypeVar("T")


def within(deadline: Deadline, function: Callable[[], T]) -> T:
    """What `function` returns or raises, or `DownloadTimedOut` when the deadline comes first.

    The operating system's resolver and botocore bound their single steps, if anything, and not the sum of them. An
    abandoned call goes on in its thread, which does not keep the process from ending, and its result is dropped.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is waited for
            outcome.set_exception(error)

    # Threads of an executor would be waited for when the process ends.
    threading.Thread(target=run, name="cira-download", daemon=True).start()
    try:
        return outcome.result(timeout=deadline.left_s())
    except concurrent.futures.TimeoutError as error:
        # A TimeoutError of the call itself is the same class.
        if outcome.done():
            raise
        raise deadline.passed() from error
