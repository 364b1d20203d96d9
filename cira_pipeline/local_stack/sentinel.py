"""Stops everything of one folder when the supervisor dies without having done so (SIGKILL, out of memory).

Started by the supervisor in a session of its own as `python -m cira_pipeline.local_stack.sentinel FOLDER`. Standard
input is a pipe whose other end only the supervisor holds: its end is the supervisor's end. The sentinel also holds the
folder's lock, so that a new `cira up` begins only when nothing of the old one is left.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from cira_pipeline.local_stack.processes import signal_process, stop_marked

RUNS_PATIENCE_S = 5.0
_SERVICES_PATIENCE_S = 30.0
_STOPPED_PATIENCE_S = 30.0


def start_sentinel(
    folder: Path, *, environment: Mapping[str, str], kept_open: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Watch over this process for `folder`. Close the result's `stdin` and wait when everything is stopped."""
    return subprocess.Popen(  # noqa: S603 - the arguments are our own
        [sys.executable, "-m", __name__, str(folder.absolute())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(environment),
        start_new_session=True,
        pass_fds=tuple(kept_open),
    )


def stop_everything(folder: Path) -> None:
    """Dagster's processes and runs first, then Valkey and PostgreSQL, whose marks are told apart by their programs."""
    services = _service_processes(folder)
    kept = {process.pid for process in services}
    stop_marked(folder, patience_s=RUNS_PATIENCE_S, besides={*kept, *_children(services)})
    for process in services:
        signal_process(process, signal.SIGINT if "postgres" in process.name() else signal.SIGTERM)
    _, alive = psutil.wait_procs(services, timeout=_SERVICES_PATIENCE_S)
    for process in alive:
        signal_process(process, signal.SIGKILL)
    stop_marked(folder, patience_s=RUNS_PATIENCE_S)


def _service_processes(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        name, arguments = process.info["name"] or "", process.info["cmdline"] or []
        of_folder = any(argument.startswith(f"{folder}{os.sep}") for argument in arguments)
        if of_folder and ("postgres" in name or "valkey" in name):
            found.append(process)
    return found


def _children(processes: Sequence[psutil.Process]) -> set[int]:
    pids = set[int]()
    for process in processes:
        try:
            pids.update(child.pid for child in process.children(recursive=True))
        except psutil.NoSuchProcess:
            continue
    return pids


def _wait_for_the_end_of(parent: int) -> None:
    # A process forked by the supervisor may hold the pipe open after it: hence the look at the parent as well.
    stopped_since: float | None = None
    while os.getppid() == parent:
        readable, _, _ = select.select([sys.stdin], [], [], 0.5)
        if readable and not os.read(sys.stdin.fileno(), 1):
            return
        stopped_since = (stopped_since or time.monotonic()) if _is_stopped(parent) else None
        if stopped_since is not None and time.monotonic() - stopped_since > _STOPPED_PATIENCE_S:
            # A supervisor that is stopped (SIGSTOP, Ctrl-Z) watches over nothing.
            signal_process(psutil.Process(parent), signal.SIGCONT)


def _is_stopped(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False


def main() -> None:
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    _wait_for_the_end_of(os.getppid())
    stop_everything(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
