"""Starts worker processes: in a fresh interpreter, or forked from a fork server that has loaded the modules.

A fresh interpreter loads Docling for seconds. `cira up` runs a fork server (fork_server.py), from which a worker is
forked at once; where there is none, or it does not answer, a fresh interpreter is started.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cira_pipeline.settings import inherited_environment

_log = logging.getLogger(__name__)

STATUS = struct.Struct("!i")
"""Exit status of a forked worker: its exit code, or the negative signal number, as `subprocess` counts them."""
MESSAGE_BYTES = 4_096
_FORK_TIMEOUT_S = 10.0
_STATUS_TIMEOUT_S = 10.0
_STDERR = 2
# Environment variables that a worker inherits: no password, key or token, should a document take the worker over.
_INHERITED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "OMP_NUM_THREADS")
_INHERITED_FAMILIES = ("LC_", "PYTHON", "CIRA_SUPERVISED_")


class StartedProcess(Protocol):
    """A worker's process, which ends when the process that holds this object ends."""

    @property
    def pid(self) -> int: ...
    @property
    def alive(self) -> bool: ...
    def kill(self) -> None:
        """By SIGKILL; does nothing when it has ended."""

    def wait(self) -> int | None:
        """Exit code, or the negative number of the signal that ended it, once it has ended; None: unknown."""

    def close(self) -> None:
        """Closes the descriptors held for a process that has ended."""


def start_worker(
    modules: Sequence[str], memory_bytes: int, fork_server: Path | None
) -> tuple[socket.socket, StartedProcess]:
    """Starts a worker; returns this side's end of the channel, and the process with the other. Raises: OSError."""
    if fork_server is not None:
        try:
            return _forked(fork_server, modules, memory_bytes)
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.info("the fork server gave no worker (%s): starting a fresh interpreter", error)
    return _fresh(modules, memory_bytes)


def worker_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value for name, value in inherited.items() if name in _INHERITED or name.startswith(_INHERITED_FAMILIES)
    }
    return {**kept, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An alias for the Unix socket `path` that is short enough for any length of `path`; the kernel takes 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _FreshProcess:
    def __init__(self, process: subprocess.Popen[bytes], lifeline: int) -> None:
        self._process = process
        self._lifeline = lifeline
        self.pid = process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> int | None:
        return self._process.wait()

    def close(self) -> None:
        self._lifeline = _closed(self._lifeline)


class _ForkedProcess:
    """Worker forked by the fork server, its parent, which reports its exit status through the pipe `status`."""

    def __init__(self, pid: int, descriptor: int, status: int, lifeline: int) -> None:
        self.pid = pid
        self._descriptor = descriptor
        """A pidfd: it names this process, never a later one with the same number."""
        self._status = status
        self._lifeline = lifeline
        self._ended = False
        self._code: int | None = None

    @property
    def alive(self) -> bool:
        return not self._ended and not _readable(self._descriptor, 0)

    def kill(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def wait(self) -> int | None:
        if not self._ended:
            _readable(self._descriptor, None)
            # The pipe closes empty when the fork server has ended before its worker.
            status = os.read(self._status, STATUS.size) if _readable(self._status, _STATUS_TIMEOUT_S) else b""
            self._code = STATUS.unpack(status)[0] if len(status) == STATUS.size else None
            self._ended = True
        return self._code

    def close(self) -> None:
        self._descriptor, self._status = _closed(self._descriptor), _closed(self._status)
        self._lifeline = _closed(self._lifeline)


@dataclass(frozen=True)
class _Ends:
    """Channel and lifeline pipe that tie a worker to the process that starts it."""

    channel: socket.socket
    lifeline: int
    their_channel: int
    their_lifeline: int


@contextmanager
def _ends() -> Iterator[_Ends]:
    """After the block the worker owns its ends; when the block fails, all are closed, which ends the worker."""
    with ExitStack() as theirs, ExitStack() as ours:
        channel, their_channel = socket.socketpair()
        ours.callback(channel.close)
        theirs.callback(their_channel.close)
        their_lifeline, lifeline = os.pipe()
        ours.callback(os.close, lifeline)
        theirs.callback(os.close, their_lifeline)
        yield _Ends(channel, lifeline, their_channel.fileno(), their_lifeline)
        ours.pop_all()


def _fresh(modules: Sequence[str], memory_bytes: int) -> tuple[socket.socket, StartedProcess]:
    with _ends() as ends:
        channel = str(ends.their_channel)
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-P", "-m", "cira_pipeline.sandbox.worker", channel, str(memory_bytes), *modules],
            stdin=ends.their_lifeline,
            pass_fds=[ends.their_channel],
            env=worker_environment(inherited_environment()),
            # Ctrl-C in a terminal is for the command, which then ends its workers itself.
            start_new_session=True,
        )
    return ends.channel, _FreshProcess(process, ends.lifeline)


def _forked(server: Path, modules: Sequence[str], memory_bytes: int) -> tuple[socket.socket, StartedProcess]:
    """Raises: OSError while the fork server is away, or when it has loaded other modules; ValueError and the like
    when its answer is malformed."""
    with _ends() as ends, ExitStack() as theirs, ExitStack() as ours:
        status, their_status = os.pipe()
        ours.callback(os.close, status)
        theirs.callback(os.close, their_status)
        connection = theirs.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        connection.settimeout(_FORK_TIMEOUT_S)
        with short_address(server) as address:
            connection.connect(address)
        request = json.dumps({"modules": list(modules), "memory_bytes": memory_bytes}).encode()
        handed_over = [ends.their_channel, ends.their_lifeline, their_status, _STDERR]
        socket.send_fds(connection, [request], handed_over)
        answer, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 1)
        for descriptor in descriptors:
            ours.callback(os.close, descriptor)
        reply = json.loads(answer)
        if "refused" in reply:
            raise ConnectionRefusedError(reply["refused"])
        (descriptor,) = descriptors
        process = _ForkedProcess(reply["pid"], descriptor, status, ends.lifeline)
        ours.pop_all()
    return ends.channel, process


def _readable(descriptor: int, timeout_s: float | None) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if timeout_s is None else 1_000 * timeout_s))


def _closed(descriptor: int) -> int:
    if descriptor >= 0:
        os.close(descriptor)
    return -1
