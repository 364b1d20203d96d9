"""Worker process: `python -m cira_pipeline.sandbox.worker SOCKET MEMORY_BYTES MODULE...`, or forked (fork_server.py).

It loads the modules, reports that it is ready, and answers one request after the other. A request names the function
to call (`module:function`), which takes and returns a Message. Standard input is the lifeline: the requesting process
holds its other end, and when that process ends in whatever way, the kernel ends the worker, also in native code.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from cira_pipeline.errors import CiraError, InternalError, ReadingOutOfMemory
from cira_pipeline.sandbox.messages import HEAD_BYTES, Message, lengths, report_steps_to, send, unpacked

# oom_score_adj: when memory runs out, the kernel ends this process before all others, which matter more.
_OOM_SCORE_ADJ = "800"
_LIFELINE = 0
_STDERR = 2


def main(socket_number: int, memory_bytes: int, modules: list[str]) -> None:
    # Ctrl-C reaches every process of a terminal; the process that started this one decides when it ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    become_killable(memory_bytes)
    # Output that libraries print must not reach the channel.
    os.dup2(_STDERR, 1)
    for module in modules:
        import_module(module)
    with socket.socket(fileno=socket_number) as channel:
        serve(channel)


def become_killable(memory_bytes: int) -> None:
    """Makes this process end with its lifeline, standard input, and fail allocations beyond `memory_bytes`."""
    _die_with_parent()
    _limit(memory_bytes)


def serve(channel: socket.socket) -> None:
    """Reports that the worker is ready, and answers requests until the channel closes."""
    send(channel, Message({"ready": True}))
    report_steps_to(channel)
    while (request := _received(channel)) is not None:
        send(channel, _answer(request))


def _die_with_parent() -> None:
    """Requests SIGIO, which ends the process by default, for the moment the lifeline's other end closes."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
    fcntl.fcntl(_LIFELINE, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(_LIFELINE, fcntl.F_SETFL, fcntl.fcntl(_LIFELINE, fcntl.F_GETFL) | fcntl.FASYNC)
    if select.select([_LIFELINE], [], [], 0)[0]:
        sys.exit("the process that started this worker is gone")


def _limit(memory_bytes: int) -> None:
    """Disables core files of a gigabyte, and makes an allocation beyond the limit fail at once."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE_ADJ, encoding="ascii")


def _received(channel: socket.socket) -> Message | None:
    head = _exactly(channel, HEAD_BYTES)
    if head is None:
        return None
    facts_bytes, content_bytes = lengths(head)
    body = _exactly(channel, facts_bytes + content_bytes)
    return None if body is None else unpacked(body, facts_bytes)


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    received = bytearray(size)
    view, count = memoryview(received), 0
    while count < size:
        got = channel.recv_into(view[count:])
        if not got:
            return None
        count += got
    return bytes(received)


def _answer(request: Message) -> Message:
    try:
        return _function(request.facts["call"])(request)
    except CiraError as error:
        return _error_answer(error)
    except MemoryError as error:
        return _error_answer(ReadingOutOfMemory(f"the reader ran out of memory: {error or 'an allocation failed'}"))
    except Exception as error:  # noqa: BLE001 - reported to the requester, whatever a library raises
        return _error_answer(InternalError(f"{type(error).__name__}: {error}"))


def _error_answer(error: CiraError) -> Message:
    detail = {name: part for name, part in error.detail.items() if isinstance(part, str | int | float | bool)}
    return Message({"error": {"code": error.code, "message": error.message, "detail": detail}})


def _function(name: str) -> Callable[[Message], Message]:
    module, _, function = name.partition(":")
    found: Callable[[Message], Message] = getattr(import_module(module), function)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
