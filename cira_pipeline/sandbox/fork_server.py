"""Fork server that workers are forked from: `python -m cira_pipeline.sandbox.fork_server SOCKET MODULE...`.

It loads the modules once and then waits for requests at the Unix socket, without Python threads or connections. Each
request forks a worker (worker.py) at once, where a fresh interpreter would load Docling for seconds, and the loaded
pages are shared among all workers. No document and no secret ever enters this process: it must be started with a
worker's environment. The requesting process holds the other ends of the worker's channel and lifeline, so the worker
ends with the requester, not with this process. This process reports the exit status of its workers.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from cira_pipeline.sandbox.starting import MESSAGE_BYTES, STATUS, short_address
from cira_pipeline.sandbox.worker import become_killable, serve

_log = logging.getLogger(__name__)

# A requester writes before it is accepted; one that has not must not delay the others.
_REQUEST_TIMEOUT_S = 1.0
_STDIN, _STDOUT, _STDERR = 0, 1, 2
_MOST_DESCRIPTORS = 1 << 20


class ForkServer:
    def __init__(self, listener: socket.socket, modules: Sequence[str]) -> None:
        self._listener = listener
        self._modules = frozenset(modules)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._status_of: dict[int, tuple[int, int]] = {}
        """pidfd of each living worker -> its pid, and the pipe to which its exit status is written."""

    def serve_forever(self) -> NoReturn:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._answer()
                else:
                    self._report_exit(key.fd)

    def _answer(self) -> None:
        connection, _ = self._listener.accept()
        descriptors: list[int] = []
        with connection:
            try:
                connection.settimeout(_REQUEST_TIMEOUT_S)
                request, descriptors, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 4)
                if request:
                    self._fork(connection, json.loads(request), descriptors)
            except (OSError, ValueError, KeyError, TypeError) as error:
                # The requester sees the connection close, and starts a fresh worker instead.
                _log.warning("fork server could not fork a worker: %r", error)
            finally:
                for descriptor in descriptors:
                    os.close(descriptor)

    def _fork(self, connection: socket.socket, request: dict[str, object], descriptors: list[int]) -> None:
        channel, lifeline, status, errors = descriptors
        memory_bytes = int(str(request["memory_bytes"]))
        missing = sorted(set(map(str, request["modules"])) - self._modules)  # type: ignore[call-overload]
        if missing:
            connection.send(json.dumps({"refused": f"not loaded: {', '.join(missing)}"}).encode())
            return
        pid = os.fork()
        if pid == 0:
            _become_worker(channel, lifeline, errors, memory_bytes)
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        descriptors.remove(status)
        self._status_of[descriptor] = pid, status
        self._selector.register(descriptor, selectors.EVENT_READ)
        socket.send_fds(connection, [json.dumps({"pid": pid}).encode()], [descriptor])

    def _report_exit(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        pid, status = self._status_of.pop(descriptor)
        _, how = os.waitpid(pid, 0)
        try:
            os.write(status, STATUS.pack(os.waitstatus_to_exitcode(how)))
        except BrokenPipeError:
            pass  # the requester of the worker has ended, too
        finally:
            os.close(status)
            os.close(descriptor)


def _become_worker(channel: int, lifeline: int, errors: int, memory_bytes: int) -> NoReturn:
    """Runs the worker in the forked child; never returns into the server's loop."""
    code = 1
    try:
        os.setsid()
        for given, standard in ((lifeline, _STDIN), (errors, _STDOUT), (errors, _STDERR)):
            os.dup2(given, standard)
        os.closerange(_STDERR + 1, channel)
        os.closerange(channel + 1, _MOST_DESCRIPTORS)
        become_killable(memory_bytes)
        serve(socket.socket(fileno=channel))
        code = 0
    except BaseException:  # noqa: BLE001 - it is printed to the worker's standard error
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def main(path: Path, modules: Sequence[str]) -> NoReturn:
    # Ctrl-C reaches every process of a terminal; the supervisor decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for module in modules:
        import_module(module)
    # The loaded modules stay for good, and a collection would write to their pages, which would then not be shared.
    gc.collect()
    gc.freeze()
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        usual = os.umask(0o177)
        with short_address(path) as address:
            listener.bind(address)
        os.umask(usual)
        listener.listen()
        ForkServer(listener, modules).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
