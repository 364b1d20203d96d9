"""Order of a run's jobs by source host, so that a slow or silent source blocks no thread that has other work.

Hosts take turns. A host with its maximum of requests in flight is passed over; when that lasts, most of its jobs are
deferred without a run. While several clients have unfinished jobs, each has an even share of the threads in flight. All
jobs of a host whose circuit is open are deferred at once.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cira_pipeline.errors import CiraError, SourceBusy, SourcePaused
from cira_pipeline.jobs import JobId
from cira_pipeline.resilience.source_hosts import HostState, SourceHosts

PATIENCE_S = 5.0
"""How long a run waits for a request to a host; then all but a few of the host's jobs are deferred."""
LAST_PATIENCE_S = 30.0
"""How long it waits for the few."""
LOOK_AGAIN_S = 0.1
SHORT_PAUSE_S = 5.0
"""A shorter pause of a host is waited for."""


@dataclass(frozen=True)
class Turn:
    """A job to start. `host`: where its document is fetched from, `None` where nothing is fetched."""

    job_id: JobId
    host: str | None


@dataclass(frozen=True)
class PutBack:
    """Jobs that are not started in this run because of `error`, and may be tried again `wait_s` seconds from now."""

    job_ids: Sequence[JobId]
    error: CiraError
    wait_s: float


class SourceTurns:
    """The jobs of one run and their order by host. Thread-safe."""

    def __init__(
        self,
        job_ids: Sequence[JobId],
        sources: Mapping[JobId, str],
        hosts: SourceHosts,
        stopping: threading.Event,
        *,
        threads: int,
        clients: Mapping[JobId, str],
    ) -> None:
        self._hosts = hosts
        self._stopping = stopping
        self._lock = threading.Lock()
        self._waiting: dict[str | None, deque[JobId]] = {}
        for job_id in job_ids:
            self._waiting.setdefault(sources.get(job_id), deque()).append(job_id)
        # A single host has no others that it could block.
        spare = 1 if len(self._waiting) > 1 and threads > 1 else 0
        self._most_of_host = min(hosts.limit, threads - spare)
        self._fetching: dict[str, int] = {}
        self._busy_since: dict[str, float] = {}
        self._few = set[str]()
        self._threads = threads
        self._clients = clients
        self._unfinished = Counter(clients.get(job_id, "") for job_id in job_ids)
        self._in_flight = Counter[str]()
        self._states: dict[str, tuple[float, HostState]] = {}

    def take(self) -> Turn | PutBack | None:
        """The next job to start; waits while all hosts are busy. `None`: no job is left, or the run is stopping."""
        while not self._stopping.is_set():
            with self._lock:
                if not self._waiting:
                    return None
                for host in list(self._waiting):
                    found = self._of_host(host)
                    if found is not None:
                        return found
            self._stopping.wait(LOOK_AGAIN_S)
        return None

    @contextmanager
    def fetching(self, host: str | None) -> Iterator[None]:
        """Surrounds the stage that downloads the job's document, which `take` has counted already."""
        try:
            yield
        finally:
            if host is not None:
                with self._lock:
                    self._fetching[host] -= 1

    def _of_host(self, host: str | None) -> Turn | PutBack | None:
        if host is None:
            return self._turn(host)
        state = self._state(host)
        now = time.monotonic()
        if state.state == "open" and state.pause_left_s > SHORT_PAUSE_S:
            return self._put_back(host, 0, _paused(state), state.pause_left_s)
        most = 1 if state.state == "half-open" else self._most_of_host
        if state.state != "open" and self._fetching.get(host, 0) < most and state.in_flight < state.limit:
            self._busy_since.pop(host, None)
            return self._turn(host)
        busy_s = now - self._busy_since.setdefault(host, now)
        if host not in self._few and busy_s > PATIENCE_S:
            self._few.add(host)
            if len(self._waiting[host]) > self._hosts.limit:
                return self._put_back(host, self._hosts.limit, _busy(state), 0)
        if busy_s > LAST_PATIENCE_S:
            return self._put_back(host, 0, _busy(state), 0)
        return None

    def ended(self, job_id: JobId) -> None:
        """Notes that the job of a turn is no longer in flight."""
        with self._lock:
            client = self._clients.get(job_id, "")
            self._in_flight[client] -= 1
            self._unfinished[client] -= 1

    def _turn(self, host: str | None) -> Turn | None:
        """The first job of the host whose client has less than its share of the threads in flight."""
        share = math.ceil(self._threads / max(1, len(+self._unfinished)))
        job_id = next(
            (each for each in self._waiting[host] if self._in_flight[self._clients.get(each, "")] < share), None
        )
        if job_id is None:
            return None
        self._in_flight[self._clients.get(job_id, "")] += 1
        jobs = self._waiting.pop(host)
        jobs.remove(job_id)
        if jobs:
            self._waiting[host] = jobs  # at the end: the other hosts' turn
        if host is not None:
            self._fetching[host] = self._fetching.get(host, 0) + 1
        return Turn(job_id, host)

    def _put_back(self, host: str, kept: int, error: CiraError, wait_s: float) -> PutBack:
        jobs = list(self._waiting.pop(host))
        if kept:
            self._waiting[host] = deque(jobs[:kept])
        if isinstance(error, SourceBusy):
            self._hosts.note_slow(host)
        self._unfinished.subtract(self._clients.get(job_id, "") for job_id in jobs[kept:])
        return PutBack(jobs[kept:], error, wait_s)

    def _state(self, host: str) -> HostState:
        """State of a host, looked up in Redis ten times a second at most."""
        now = time.monotonic()
        known = self._states.get(host)
        if known is None or now - known[0] > LOOK_AGAIN_S / 2:
            known = self._states[host] = (now, self._hosts.look(host))
        return known[1]


def _paused(state: HostState) -> SourcePaused:
    last = f"; the last failure: {state.last_error}" if state.last_error else ""
    return SourcePaused(f"{state.host} is paused for another {state.pause_left_s:.0f} s{last}", host=state.host)


def _busy(state: HostState) -> SourceBusy:
    return SourceBusy(
        f"{state.host} answers slowly: {state.in_flight} of {state.limit} allowed requests are in flight",
        host=state.host,
    )
