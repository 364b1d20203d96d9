"""Pool of worker processes: kept warm between documents, replaced when a document ends one."""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from cira_pipeline.errors import (
    DocumentTooSlow,
    ReaderUnavailable,
    ReadingCrashed,
    ReadingOutOfMemory,
    ReadingTimedOut,
    RunInterrupted,
)
from cira_pipeline.sandbox.fair_slots import FairSlots, current_owner
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.process import Limits, Stopping, WorkerProcess
from cira_pipeline.sandbox.processors import processors
from cira_pipeline.settings import Settings

_log = logging.getLogger(__name__)

SPARE_READING_PROCESSES = 1
"""Extra workers beyond the number that one client may use at once, reserved for the documents of other clients."""

# A worker that retains more than this share of its memory limit after a document is replaced: allocators give back
# little.
_KEPT_SHARE = 0.5


class WorkerPool:
    """Up to `processes` workers for one owner, and `spare` more that one owner leaves to others (`FairSlots`).

    Each is started when it is first needed; a `warm` pool starts an idle one ahead whenever there is none, and a
    document that ends its worker pays for the start of the next one in its own time. Thread-safe.
    """

    def __init__(
        self,
        modules: Sequence[str],
        *,
        processes: int,
        memory_mb: int,
        crashes: int,
        fork_server: Path | None = None,
        spare: int = 0,
        warm: bool = False,
    ) -> None:
        self.processes = processes
        self._warm = warm
        self._fork_server = fork_server
        self._modules = modules
        self._memory_bytes = memory_mb * 1_000_000
        self._crashes = crashes
        self._slots = FairSlots(processes, spare)
        self._idle: list[WorkerProcess] = []
        self._lock = threading.Lock()
        self._abandoned = 0
        self._starting = False

    def ask(self, request: Message, *, timeout_s: float, step_timeout_s: float = math.inf) -> Message:
        """Sends `request` to a worker for the current owner (`on_behalf_of`) and returns the answer.

        Waits for a free worker, which is not counted in `timeout_s`; `step_timeout_s` limits each step that the worker
        reports (`messages.step_begins`). A document that ends its worker, or takes all its memory, is tried again in a
        fresh one: the worker may have been damaged before, or the machine short of memory.

        Raises: what the function raised; ReadingCrashed or ReadingOutOfMemory, when it happened `crashes` times;
        DocumentTooSlow; ReadingTimedOut when the worker was kept from its work; ReaderUnavailable when no worker
        starts; RunInterrupted after `abandon`.
        """
        abandoned = self._abandoned
        limits = Limits(timeout_s, step_timeout_s)

        def stopping() -> bool:
            return self._abandoned != abandoned

        def raise_if_stopped() -> None:
            if stopping():
                raise RunInterrupted("the run was stopped before a worker was free to read this document")

        with self._slots.slot(current_owner(), raise_if_stopped) as held:
            for _ in range(self._crashes - 1):
                started = time.monotonic()
                try:
                    return self._asked(request, limits, stopping, held)
                except (ReadingCrashed, ReadingOutOfMemory):
                    # All attempts together take no longer than one may.
                    limits = replace(limits, timeout_s=limits.timeout_s - (time.monotonic() - started))
            return self._asked(request, limits, stopping, held)

    def start_ahead(self) -> None:
        """Starts a worker in the background when none is idle, so that the next document does not wait for it."""
        with self._lock:
            if self._idle or self._starting:
                return
            self._starting = True
        threading.Thread(target=self._start_idle, name="starting a worker", daemon=True).start()

    def abandon(self) -> None:
        """Ends all work under way at once; its callers get RunInterrupted. The pool stays usable."""
        self._abandoned += 1

    @property
    def most(self) -> int:
        """Maximum number of workers at work at once."""
        return self._slots.total

    def close(self) -> None:
        """Ends the idle workers. Those at work end with this process."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    def pids(self) -> tuple[int, ...]:
        """Process ids of the idle workers."""
        with self._lock:
            return tuple(worker.pid for worker in self._idle)

    def _asked(self, request: Message, limits: Limits, stopping: Stopping, held: int) -> Message:
        worker = self._idle_worker(held) or self._started(stopping)
        if self._warm:
            self.start_ahead()
        try:
            answer = worker.ask(request, limits=limits, stopping=stopping)
        except (DocumentTooSlow, ReadingTimedOut, ReadingCrashed, ReadingOutOfMemory, RunInterrupted):
            # Also when the worker itself reports the error: a step that hangs may still be running in it.
            worker.kill()
            if self._warm and not stopping():
                self._start_idle()
            raise
        except Exception:
            self._keep(worker)
            raise
        except BaseException:
            worker.kill()
            raise
        self._keep(worker)
        return answer

    def _started(self, stopping: Stopping) -> WorkerProcess:
        return WorkerProcess(self._modules, self._memory_bytes, stopping, self._fork_server)

    def _start_idle(self) -> None:
        """A failure here happens again where the worker is needed, and is reported there."""
        abandoned = self._abandoned
        try:
            worker = self._started(lambda: self._abandoned != abandoned)
        except (ReaderUnavailable, RunInterrupted) as error:
            _log.warning("no idle worker could be started ahead of the next document: %s", error)
        else:
            self._keep(worker)
        finally:
            self._starting = False

    def _idle_worker(self, held: int) -> WorkerProcess | None:
        """The one used last, whose memory is warm. In a warm pool an owner with other slots leaves the last one."""
        while True:
            with self._lock:
                leaves = 1 if self._warm and held > 1 else 0
                worker = self._idle.pop() if len(self._idle) > leaves else None
            if worker is None or worker.alive:
                return worker
            worker.kill()

    def _keep(self, worker: WorkerProcess) -> None:
        with self._lock:
            room = len(self._idle) < self._slots.total
            if room and worker.memory_used_bytes <= _KEPT_SHARE * self._memory_bytes:
                self._idle.append(worker)
                return
        worker.kill()


def reading_processes(settings: Settings) -> int:
    return settings.reading_processes or processors()


def worker_pool(settings: Settings, *, reads: bool = True) -> WorkerPool:
    """The worker pool of this process; every call returns the same one, so recognition and reading share its workers.

    `reads`: whether this process reads documents; each worker then loads Docling and its models, which takes seconds.
    Where it does not, as in the REST service, workers are small, so as many are spare as one client may use.
    """
    modules = worker_modules(settings, reads=reads)
    processes = reading_processes(settings)
    return _pool(
        modules,
        processes,
        SPARE_READING_PROCESSES if reads else processes,
        not reads,
        settings.reading_memory_mb if reads else settings.recognition_memory_mb,
        settings.reading_crashes,
        settings.reading_fork_server,
    )


def worker_modules(settings: Settings, *, reads: bool = True) -> tuple[str, ...]:
    """Modules that a worker loads before its first document."""
    intake, ocr = "cira_pipeline.intake.in_worker", "cira_pipeline.ocr.in_worker"
    return (intake, ocr) if reads and settings.reader == "local" else (intake,)


@lru_cache(maxsize=8)
def _pool(
    modules: tuple[str, ...],
    processes: int,
    spare: int,
    warm: bool,
    memory_mb: int,
    crashes: int,
    fork_server: Path | None,
) -> WorkerPool:
    pool = WorkerPool(
        modules,
        processes=processes,
        spare=spare,
        warm=warm,
        memory_mb=memory_mb,
        crashes=crashes,
        fork_server=fork_server,
    )
    atexit.register(pool.close)
    return pool


# A forked child has its parent's sockets, but not its workers.
os.register_at_fork(after_in_child=_pool.cache_clear)
