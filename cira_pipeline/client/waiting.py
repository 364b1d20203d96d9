"""Which of the jobs that somebody waits for have ended, from what the stream of events says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Literal

import httpx

from ..errors import CiraError, JobNotFinished, RateExceeded, ServiceUnreachable, StoreUnavailable
from ..jobs import JobStatus

MANY = 20
"""From this many on, jobs are looked for in the list, 500 at once, and not asked for one by one."""
SILENCE_S = 30.0
"""The service says something every 15 s; a stream that is silent for longer does not come through."""
CACHE_LAGS_S = (0.02, 0.05, 0.1, 0.3, 1.0)
_LONGEST_PAUSE_S = 5.0

# With these the stream cannot be had, and asking now and then does as well.
NO_STREAM = (httpx.TransportError, RateExceeded, StoreUnavailable, ServiceUnreachable)


class Awaited:
    """Jobs that are waited for. `on_end` is called for each as its end becomes known."""

    def __init__(
        self,
        job_ids: Iterable[str],
        timeout_s: float | None,
        on_end: Callable[[str], None] | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.waiting = set(job_ids)
        self._on_end = on_end
        self._timeout_s = timeout_s
        self._monotonic = monotonic
        self._until = None if timeout_s is None else monotonic() + timeout_s
        self._pause_s = 0.25
        self._event = ""

    def ended(self, job_id: str, status: JobStatus) -> None:
        if status.final and job_id in self.waiting:
            self.waiting.discard(job_id)
            if self._on_end is not None:
                self._on_end(job_id)

    def heard(self, line: str) -> Literal["resync"] | None:
        """Takes one line of the stream; `resync`: changes may have been missed, so the service is to be asked."""
        if line.startswith(":"):
            # A keep-alive comment: asking the service once costs little and catches a missed change.
            return "resync"
        name, _, value = line.partition(": ")
        if name == "event":
            self._event = value
            return "resync" if value == "resync" else None
        if name == "data" and self._event == "job":
            change = json.loads(value)
            self.ended(change["job_id"], JobStatus(change["status"]))
        return None

    def pause_s(self) -> float:
        """Until the next asking: longer each time. Raises: JobNotFinished when the time is up."""
        self.check_time()
        pause_s, self._pause_s = self._pause_s, min(self._pause_s * 1.5, _LONGEST_PAUSE_S)
        return pause_s if self._until is None else max(0.0, min(pause_s, self._until - self._monotonic()))

    def check_time(self) -> None:
        """Raises: JobNotFinished."""
        if self._until is not None and self._monotonic() >= self._until:
            left = sorted(self.waiting)
            raise JobNotFinished(f"{len(left)} job(s) have not ended after {self._timeout_s:g} s", job_ids=left)

    def stream_timeout(self) -> httpx.Timeout:
        left_s = SILENCE_S if self._until is None else max(0.1, self._until - self._monotonic())
        return httpx.Timeout(10.0, read=min(SILENCE_S, left_s))


def may_poll_instead(error: Exception) -> bool:
    """Whether polling is to go on where the stream ended so."""
    return isinstance(error, NO_STREAM) or (isinstance(error, CiraError) and error.retryable)
