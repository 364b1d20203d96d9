"""One worker process as its owner sees it: started, asked, watched while it works, killed when it goes too far."""

from __future__ import annotations

import math
import select
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from cira_pipeline import errors
from cira_pipeline.errors import (
    CiraError,
    DocumentTooSlow,
    InternalError,
    ReaderUnavailable,
    ReadingCrashed,
    ReadingOutOfMemory,
    ReadingTimedOut,
    RunInterrupted,
)
from cira_pipeline.sandbox.messages import HEAD_BYTES, Message, lengths, packed, unpacked
from cira_pipeline.sandbox.starting import start_worker

START_TIMEOUT_S = 300.0
_WATCH_MS = 50
_PIECE_BYTES = 1 << 20
# Allocations fail from here on; the watch is to notice first, and to say what happened.
_WALL = 2

# A worker that computes for less of the time than this does not get on: the machine is too busy, or it waits for ever.
_COMPUTING_SHARE = 0.2
# On a busy machine a worker may take so many times its limit until it has computed for as long as that.
_PATIENCE = 3

Stopping = Callable[[], bool]


@dataclass(frozen=True)
class Limits:
    """How long a worker may compute: `timeout_s` in all, and `step_timeout_s` for each step that it reports.

    Processor time tells a document that is slow from a machine that is busy; by the clock it may take a few times as
    long, but only while the worker gets on.
    """

    timeout_s: float
    step_timeout_s: float = math.inf


class _Clock:
    """What is left of the time of a request under `limits`."""

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
            raise DocumentTooSlow(f"{what} was computed for longer than {limit_s:g} s", timeout_s=limit_s)
        if computed_s < _COMPUTING_SHARE * taken_s or taken_s >= _PATIENCE * limit_s:
            raise ReadingTimedOut(
                f"{what} took {taken_s:.0f} s, of which the reader computed {computed_s:.0f} s", timeout_s=limit_s
            )


class WorkerProcess:
    """Not thread-safe: one request at a time. A worker whose `ask` raised is of no use any more, unless told so."""

    def __init__(
        self, modules: Sequence[str], memory_bytes: int, stopping: Stopping, fork_server: Path | None = None
    ) -> None:
        """Starts it, from the fork server when there is one, and waits until it has loaded `modules`.

        Raises: ReaderUnavailable when it does not start, RunInterrupted when `stopping`.
        """
        self._memory_bytes = memory_bytes
        try:
            self._channel, self._process = start_worker(modules, _WALL * memory_bytes, fork_server)
        except OSError as error:
            # A machine that is short of processes, memory or files says nothing about the document.
            raise ReaderUnavailable(f"the reader's process cannot be started: {error}") from error
        try:
            self._seen = psutil.Process(self._process.pid)
        except psutil.Error as error:
            self.kill()
            raise ReaderUnavailable(f"the reader's process ended at its start: {error}") from error
        self._channel.setblocking(False)
        try:
            self._exchange(b"", Limits(START_TIMEOUT_S), stopping)
        except (ReadingCrashed, ReadingOutOfMemory, ReadingTimedOut, DocumentTooSlow) as error:
            raise ReaderUnavailable(f"the reader's process does not start: {error.message}") from error
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
        """Resident memory; 0 when the process is gone."""
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
        """The worker's answer.

        Raises: what the worker's function raised (the process lives on); DocumentTooSlow when it computed for longer
        than `limits` allow, ReadingTimedOut when it was kept from that; ReadingOutOfMemory, ReadingCrashed, and
        RunInterrupted as soon as `stopping` says so (the process is gone).
        """
        answer = self._exchange(packed(request), limits, stopping)
        if "error" in answer.facts:
            raise _error_told(answer.facts["error"])
        return answer

    def kill(self) -> None:
        """Ends it at once; returns when it is gone and reaped."""
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
            raise ReadingCrashed(f"the reader's answer cannot be understood: {error}") from error

    def _answer(self, clock: _Clock, within_limits: Callable[[], None]) -> Message:
        while True:
            message = self._message(within_limits)
            if "step" not in message.facts:
                return message
            clock.next_step()

    def _message(self, within_limits: Callable[[], None]) -> Message:
        facts_bytes, content_bytes = lengths(self._received(HEAD_BYTES, within_limits))
        if facts_bytes + content_bytes > self._memory_bytes:
            raise ReadingCrashed("the reader's answer is longer than all its memory")
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
        """Returns when the channel is ready, or closed at the other end; meanwhile the worker is watched."""
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
            raise ReadingOutOfMemory(f"the document took more than {self._memory_bytes // 1_000_000:,} MB of memory")

    def _why_it_ended(self) -> ReadingCrashed:
        self._process.kill()
        code = self._process.wait()
        self.kill()
        if code is None:
            return ReadingCrashed("the reader ended; how, is not known, for its fork server ended as well")
        if code >= 0:
            return ReadingCrashed(f"the reader ended by itself with code {code}", code=code)
        name = signal.Signals(-code).name
        lack = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return ReadingCrashed(f"the reader was ended by {name}{lack}", signal=name)


def _error_told(told: Mapping[str, object]) -> CiraError:
    """The error of the tree that the worker named."""
    kind = _leaves().get(str(told.get("code")), InternalError)
    detail = told.get("detail")
    return kind(str(told.get("message")), **(detail if isinstance(detail, dict) else {}))


def _leaves() -> dict[str, type[CiraError]]:
    kinds = (each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, CiraError))
    return {kind.code: kind for kind in kinds if "code" in vars(kind)}
