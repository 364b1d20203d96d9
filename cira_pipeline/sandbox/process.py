"""One worker process, as its owner uses it: started, asked, supervised against limits, killed when it exceeds them."""

from __future__ import annotations

import math
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from cira_pipeline.errors import (
    CiraError,
    DocumentTooSlow,
    InternalError,
    ReaderUnavailable,
    ReadingCrashed,
    ReadingOutOfMemory,
    ReadingTimedOut,
    RunInterrupted,
    class_of,
)
from cira_pipeline.sandbox.messages import HEAD_BYTES, Message, lengths, packed, unpacked
from cira_pipeline.sandbox.starting import start_worker

START_TIMEOUT_S = 300.0
_WATCH_MS = 50
_PIECE_BYTES = 1 << 20
# Allocations fail beyond this multiple of the limit; the supervision should notice first and raise a clear error.
_HARD_LIMIT_FACTOR = 2

# A worker that computes for less than this share of the time makes no progress: the machine is overloaded, or it hangs.
_COMPUTING_SHARE = 0.2
# On an overloaded machine a worker may take this many times its limit of wall-clock time to use its processor time.
_WALL_CLOCK_FACTOR = 3

Stopping = Callable[[], bool]


@dataclass(frozen=True)
class Limits:
    """Limits of a worker's processor time: `timeout_s` in all, and `step_timeout_s` for each step that it reports.

    Processor time distinguishes a slow document from an overloaded machine; wall-clock time may be a few times as long,
    but only while the worker makes progress.
    """

    timeout_s: float
    step_timeout_s: float = math.inf


class _Clock:
    """Remaining time of a request under `limits`."""

    def __init__(self, limits: Limits, computed_s: Callable[[], float]) -> None:
        self._limits = limits
        self._computed_s = computed_s
        self._whole = self._step = (time.monotonic(), computed_s())

    def next_step(self) -> None:
        self._step = (time.monotonic(), self._computed_s())

    def check(self) -> None:
        """Raises: DocumentTooSlow, ReadingTimedOut."""
        self._check(self._whole, self._limits.timeout_s, "the document")
        self._check(self._step, self._limits.step_timeout_s, "a page of the document")

    def _check(self, since: tuple[float, float], limit_s: float, what: str) -> None:
        started, computed_before_s = since
        taken_s = time.monotonic() - started
        if taken_s < limit_s:
            return
        computed_s = self._computed_s() - computed_before_s
        if computed_s >= limit_s:
            raise DocumentTooSlow(f"{what} took more than {limit_s:g} s of processor time", timeout_s=limit_s)
        if computed_s < _COMPUTING_SHARE * taken_s or taken_s >= _WALL_CLOCK_FACTOR * limit_s:
            raise ReadingTimedOut(
                f"{what} took {taken_s:.0f} s, of which the reader had only {computed_s:.0f} s of processor time",
                timeout_s=limit_s,
            )


class WorkerProcess:
    """One worker process. Not thread-safe: one request at a time. Unusable once `ask` raised, except where noted."""

    def __init__(
        self, modules: Sequence[str], memory_bytes: int, stopping: Stopping, fork_server: Path | None = None
    ) -> None:
        """Starts the process, from the fork server when there is one, and waits until it has loaded `modules`.

        Raises: ReaderUnavailable when it does not start, RunInterrupted when `stopping`.
        """
        self._memory_bytes = memory_bytes
        try:
            self._channel, self._process = start_worker(modules, _HARD_LIMIT_FACTOR * memory_bytes, fork_server)
        except OSError as error:
            # A machine that is short of processes, memory or files is no property of the document.
            raise ReaderUnavailable(f"the reader's process cannot be started: {error}") from error
        try:
            self._seen = psutil.Process(self._process.pid)
        except psutil.Error as error:
            self.kill()
            raise ReaderUnavailable(f"the reader's process ended while starting: {error}") from error
        self._channel.setblocking(False)
        try:
            self._exchange(b"", Limits(START_TIMEOUT_S), stopping)
        except (ReadingCrashed, ReadingOutOfMemory, ReadingTimedOut, DocumentTooSlow) as error:
            raise ReaderUnavailable(f"the reader's process did not start: {error.message}") from error
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.alive

    @property
    def memory_used_bytes(self) -> int:
        """Resident memory in bytes; 0 when the process is gone."""
        try:
            return int(self._seen.memory_info().rss)
        except psutil.Error:
            return 0

    @property
    def computed_s(self) -> float:
        """Processor seconds of all its threads; 0 when the process is gone."""
        try:
            times = self._seen.cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def ask(self, request: Message, *, limits: Limits, stopping: Stopping) -> Message:
        """Sends `request` to the worker and returns its answer.

        Raises: what the worker's function raised (the process stays usable); DocumentTooSlow when it used more
        processor time than `limits` allow, ReadingTimedOut when it got too little of it; ReadingOutOfMemory,
        ReadingCrashed, and RunInterrupted as soon as `stopping` is true (the process is gone).
        """
        answer = self._exchange(packed(request), limits, stopping)
        if "error" in answer.facts:
            raise _error_from(answer.facts["error"])
        return answer

    def kill(self) -> None:
        """Kills the process at once; returns when it is gone and reaped."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        self._process.close()

    def _exchange(self, request: bytes, limits: Limits, stopping: Stopping) -> Message:
        clock = _Clock(limits, lambda: self.computed_s)

        def within_limits() -> None:
            self._require_within_limits(clock, stopping)

        try:
            self._send(request, within_limits)
            return self._answer(clock, within_limits)
        except (EOFError, ConnectionError) as error:
            raise self._why_it_ended() from error
        except ValueError as error:
            raise ReadingCrashed(f"the reader's answer is malformed: {error}") from error

    def _answer(self, clock: _Clock, within_limits: Callable[[], None]) -> Message:
        while True:
            message = self._message(within_limits)
            if "step" not in message.facts:
                return message
            clock.next_step()

    def _message(self, within_limits: Callable[[], None]) -> Message:
        facts_bytes, content_bytes = lengths(self._received(HEAD_BYTES, within_limits))
        if facts_bytes + content_bytes > self._memory_bytes:
            raise ReadingCrashed("the reader's answer is malformed: it is longer than its memory limit")
        return unpacked(self._received(facts_bytes + content_bytes, within_limits), facts_bytes)

    def _send(self, request: bytes, within_limits: Callable[[], None]) -> None:
        left = memoryview(request)
        while left:
            self._await(select.POLLOUT, within_limits)
            left = left[self._channel.send(left[:_PIECE_BYTES]) :]

    def _received(self, size: int, within_limits: Callable[[], None]) -> bytes:
        received = bytearray()
        while len(received) < size:
            self._await(select.POLLIN, within_limits)
            piece = self._channel.recv(min(size - len(received), _PIECE_BYTES))
            if not piece:
                raise EOFError
            received += piece
        return bytes(received)

    def _await(self, event: int, within_limits: Callable[[], None]) -> None:
        """Returns when the channel is ready, or closed at the other end; meanwhile the worker is supervised."""
        poll = select.poll()
        poll.register(self._channel, event)
        within_limits()
        while not poll.poll(_WATCH_MS):
            within_limits()

    def _require_within_limits(self, clock: _Clock, stopping: Stopping) -> None:
        if stopping():
            self.kill()
            raise RunInterrupted("the run was stopped while this document was being read")
        try:
            clock.check()
        except (DocumentTooSlow, ReadingTimedOut):
            self.kill()
            raise
        if self.memory_used_bytes > self._memory_bytes:
            self.kill()
            raise ReadingOutOfMemory(
                f"reading the document took more than {self._memory_bytes // 1_000_000:,} MB of memory"
            )

    def _why_it_ended(self) -> ReadingCrashed:
        self._process.kill()
        code = self._process.wait()
        self.kill()
        if code is None:
            return ReadingCrashed("the reader ended with an unknown exit status, because its fork server ended as well")
        if code >= 0:
            return ReadingCrashed(f"the reader exited with code {code}", code=code)
        name = signal.Signals(-code).name
        lack = ", which the system sends when memory runs out" if name == "SIGKILL" else ""
        return ReadingCrashed(f"the reader was killed by {name}{lack}", signal=name)


def _error_from(facts: Mapping[str, object]) -> CiraError:
    """The `CiraError` subclass that the worker reported, rebuilt from its facts."""
    kind = class_of(str(facts.get("code"))) or InternalError
    detail = facts.get("detail")
    return kind(str(facts.get("message")), **(detail if isinstance(detail, dict) else {}))
