"""The workers of this process: as many as work at once, warm between documents, replaced when a document ends one."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from cira_pipeline.errors import ReadingCrashed, ReadingOutOfMemory, ReadingTimedOut, RunInterrupted
from cira_pipeline.isolation.messages import Message
from cira_pipeline.isolation.process import Stopping, WorkerProcess
from cira_pipeline.isolation.processors import processors
from cira_pipeline.settings import Settings

_WAIT_S = 0.2
# A worker that keeps so much of its memory after a document makes room: allocators give back little.
_KEPT_SHARE = 0.5


class WorkerPool:
    """Up to `processes` workers, each started when it is first needed. Safe to use from many threads."""

    def __init__(
        self, modules: Sequence[str], *, processes: int, memory_mb: int, crashes: int, fork_server: Path | None = None
    ) -> None:
        self.processes = processes
        self._fork_server = fork_server
        self._modules = modules
        self._memory_bytes = memory_mb * 1_000_000
        self._crashes = crashes
        self._slots = threading.BoundedSemaphore(processes)
        self._idle: list[WorkerProcess] = []
        self._lock = threading.Lock()
        self._abandoned = 0

    def ask(self, request: Message, *, timeout_s: float) -> Message:
        """The answer of a worker to `request`; waits for a free one, which is not counted in `timeout_s`.

        A document that ends its worker, or takes all its memory, is tried again in a fresh one: the worker may have
        been spoilt before, or the machine short of memory.

        Raises: what the function raised; ReadingCrashed or ReadingOutOfMemory, when it happened `crashes` times;
        ReadingTimedOut; ReaderUnavailable when no worker starts; RunInterrupted after `abandon`.
        """
        abandoned = self._abandoned

        def stopping() -> bool:
            return self._abandoned != abandoned

        with self._slot(stopping):
            for _ in range(self._crashes - 1):
                try:
                    return self._asked(request, timeout_s, stopping)
                except (ReadingCrashed, ReadingOutOfMemory):
                    continue
            return self._asked(request, timeout_s, stopping)

    def abandon(self) -> None:
        """Ends all work that is under way at once; whoever waits for it gets RunInterrupted. The pool stays usable."""
        self._abandoned += 1

    def close(self) -> None:
        """Ends the workers that are idle. Those at work end with this process, however that ends."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    def pids(self) -> tuple[int, ...]:
        """Of the idle workers."""
        with self._lock:
            return tuple(worker.pid for worker in self._idle)

    @contextmanager
    def _slot(self, stopping: Stopping) -> Iterator[None]:
        while not self._slots.acquire(timeout=_WAIT_S):
            if stopping():
                raise RunInterrupted("the run was stopped before this document was read")
        try:
            yield
        finally:
            self._slots.release()

    def _asked(self, request: Message, timeout_s: float, stopping: Stopping) -> Message:
        worker = self._idle_worker() or WorkerProcess(self._modules, self._memory_bytes, stopping, self._fork_server)
        try:
            answer = worker.ask(request, timeout_s=timeout_s, stopping=stopping)
        except (ReadingTimedOut, ReadingCrashed, ReadingOutOfMemory, RunInterrupted):
            # Also when the worker says so itself: a step that hangs may still be at work in it.
            worker.kill()
            raise
        except Exception:
            self._keep(worker)
            raise
        except BaseException:
            worker.kill()
            raise
        self._keep(worker)
        return answer

    def _idle_worker(self) -> WorkerProcess | None:
        """The one used last, whose memory is warm."""
        while True:
            with self._lock:
                worker = self._idle.pop() if self._idle else None
            if worker is None or worker.alive:
                return worker
            worker.kill()

    def _keep(self, worker: WorkerProcess) -> None:
        if worker.memory_used_bytes > _KEPT_SHARE * self._memory_bytes:
            worker.kill()
            return
        with self._lock:
            self._idle.append(worker)


def reading_processes(settings: Settings) -> int:
    return settings.reading_processes or processors()


def worker_pool(settings: Settings, *, reads: bool = True) -> WorkerPool:
    """The same pool for the life of this process, whoever asks: recognising and reading share its workers.

    `reads`: whether this process has documents read; what for is loaded in each worker, which takes seconds.
    """
    modules = worker_modules(settings, reads=reads)
    fork_server = settings.reading_fork_server
    return _pool(
        modules, reading_processes(settings), settings.reading_memory_mb, settings.reading_crashes, fork_server
    )


def worker_modules(settings: Settings, *, reads: bool = True) -> tuple[str, ...]:
    """What a worker has loaded before its first document."""
    stages = ("intake", "reading") if reads and settings.reader == "local" else ("intake",)
    return tuple(f"cira_pipeline.{stage}.in_worker" for stage in stages)


@lru_cache(maxsize=8)
def _pool(
    modules: tuple[str, ...], processes: int, memory_mb: int, crashes: int, fork_server: Path | None
) -> WorkerPool:
    pool = WorkerPool(modules, processes=processes, memory_mb=memory_mb, crashes=crashes, fork_server=fork_server)
    atexit.register(pool.close)
    return pool


# The child of a fork has its parent's sockets, not its workers.
os.register_at_fork(after_in_child=_pool.cache_clear)
