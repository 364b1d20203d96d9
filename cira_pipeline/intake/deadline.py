"""One moment by which a whole download must be done, whatever it consists of."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

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
