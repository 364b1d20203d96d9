"""Processes that a signal has stopped (SIGSTOP) go on after a moment: one that is stopped holds up all others.

A stopped process keeps its connections, its locks and its port, and says nothing. Continuing it loses nothing, where
killing it loses what it was at. A process in a debugger is in another state and left alone.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

from cira_pipeline.local_stack.processes import FOLDER_MARK, signal_process

STOPPED_PATIENCE_S = 10.0


class StoppedProcesses:
    """Of the children, of what they started, and of all that carries the folder's mark."""

    def __init__(self, folder: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._mark = str(folder.absolute())
        self._monotonic = monotonic
        self._seen: dict[psutil.Process, float] = {}

    def continued(self, children: Iterable[int]) -> list[psutil.Process]:
        """Sends SIGCONT to what has been stopped for longer than the patience; returns those processes.

        `children` are the pids whose descendants belong to the folder.
        """
        now, roots = self._monotonic(), set(children)
        stopped = [process for process in psutil.process_iter() if self._is_ours(process, roots)]
        self._seen = {process: self._seen.get(process, now) for process in stopped}
        due = [process for process, since in self._seen.items() if now - since >= STOPPED_PATIENCE_S]
        for process in due:
            signal_process(process, signal.SIGCONT)
            del self._seen[process]
        return due

    def _is_ours(self, process: psutil.Process, roots: set[int]) -> bool:
        try:
            if process.status() != psutil.STATUS_STOPPED:
                return False
            if process.pid in roots or any(parent.pid in roots for parent in process.parents()):
                return True
            return process.environ().get(FOLDER_MARK) == self._mark
        except (psutil.Error, OSError):
            return False  # gone meanwhile, or another user's
