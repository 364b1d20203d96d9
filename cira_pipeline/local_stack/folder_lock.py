"""One `cira up` in one folder: a lock that the system releases by itself when its holders are gone."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from cira_pipeline.errors import AlreadyRunning
from cira_pipeline.local_stack.running import process_started, running_services

_FILE_NAME = "supervisor.lock"
_CLEANING_PATIENCE_S = 60


class FolderLock:
    """Held by the supervisor and, through the inherited file descriptor, by its sentinel.

    So a supervisor that was killed still blocks the next one until the sentinel has stopped what it left.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.descriptor = os.open(home / _FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def acquire(self) -> None:
        """Raises AlreadyRunning when a living supervisor holds it; waits up to 60 s for a dead one's sentinel."""
        deadline = time.monotonic() + _CLEANING_PATIENCE_S
        while not self._try():
            holder = self._holder()
            if holder is not None or time.monotonic() > deadline:
                self.release()
                raise AlreadyRunning(self._message(holder), pid=holder)
            time.sleep(0.2)
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{os.getpid()} {process_started(os.getpid())}".encode(), 0)

    def release(self) -> None:
        os.close(self.descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> int | None:
        """The pid of the supervisor that wrote itself into the lock, if it lives."""
        pid, _, started = os.pread(self.descriptor, 100, 0).decode().partition(" ")
        return int(pid) if pid.isdigit() and str(process_started(int(pid))) == started else None

    def _message(self, holder: int | None) -> str:
        running = running_services(self._home)
        where = f"; its UI is at {running.ui_url}" if running else ", and is still starting" if holder else ""
        return f"`cira up` is already running over {self._home} (process {holder or 'unknown'}){where}"
