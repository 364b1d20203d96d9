"""Child processes that cannot be lost: each carries a mark in its environment, inherited by all it starts.

A process that left its group, its session or its parent is still found by the mark and can be stopped. The mark is the
absolute path of the folder (`.cira`) the processes belong to, so two folders never touch each other's.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

FOLDER_MARK = "CIRA_SUPERVISED_FOLDER"
CHILD_MARK = "CIRA_SUPERVISED_CHILD"


def start_process(
    arguments: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    folder: Path,
    child: str,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C in the terminal reaches only the supervisor.

    It and all it starts carry the marks of `folder` and `child`. Its output is appended to `log` (mode 600). `user` is
    the system user it runs as, when the supervisor is root.
    """
    as_user: dict[str, Any] = {"user": user, "group": user, "extra_groups": []} if user else {}
    with log.open("ab") as output:
        log.chmod(0o600)
        return subprocess.Popen(  # noqa: S603 - the arguments are our own
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environment, FOLDER_MARK: str(folder.absolute()), CHILD_MARK: child},
            start_new_session=True,
            **as_user,
        )


def stop_process(process: subprocess.Popen[bytes], *, by: signal.Signals, patience_s: float) -> None:
    """Ask by signal, wait, then kill; returns when the process is gone and reaped."""
    if process.poll() is not None:
        return
    process.send_signal(by)
    # One that is stopped would hear of it only after the patience.
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def marked_processes(folder: Path, *, child: str | None = None, besides: Iterable[int] = ()) -> list[psutil.Process]:
    """Every living process of the folder (of one child in it), except those with a pid in `besides`."""
    marks = {FOLDER_MARK: str(folder.absolute()), **({CHILD_MARK: child} if child else {})}
    excluded, found = set(besides), []
    for process in psutil.process_iter():
        if process.pid in excluded:
            continue
        try:
            if marks.items() <= process.environ().items() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # gone meanwhile, or another user's, which cannot be ours
    return found


def stop_marked(folder: Path, *, patience_s: float, besides: Iterable[int] = ()) -> list[int]:
    """End every process that carries the mark, first by SIGTERM, then by SIGKILL; returns their pids."""
    excluded, stopped = set(besides), set[int]()
    deadline = time.monotonic() + patience_s
    while remaining := marked_processes(folder, besides=excluded):
        for process in remaining:
            late = time.monotonic() >= deadline
            if process.pid in stopped and not late:
                continue
            stopped.add(process.pid)
            signal_process(process, signal.SIGKILL if late else signal.SIGTERM)
        psutil.wait_procs(remaining, timeout=0.2)
    return sorted(stopped)


def signal_process(process: psutil.Process, by: signal.Signals) -> None:
    try:
        process.send_signal(by)
    except psutil.NoSuchProcess:
        return


def why_it_ended(log: Path) -> str:
    """The last line of a log, where programs say what was wrong, and where to read the rest."""
    lines = (
        [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()] if log.exists() else []
    )
    return f"{lines[-1] if lines else 'it said nothing'} (log: {log})"
