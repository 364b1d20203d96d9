"""What the supervisor knows of each thing it runs, and a child that is a plain command."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

from cira_pipeline.errors import ServiceUnreachable
from cira_pipeline.local_stack.processes import (
    marked_processes,
    signal_process,
    start_process,
    stop_process,
    why_it_ended,
)

_POLL_S = 0.1


class Child(Protocol):
    """Anything with a process of its own that the supervisor starts, watches, restarts and stops."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int | None:
        """None when it does not run."""

    @property
    def log(self) -> Path: ...
    def launch(self) -> None:
        """Start the process; it need not be ready on return. Does nothing when it runs."""

    def wait_until_ready(self) -> None:
        """Raises ServiceUnreachable, with the last line of its log, when it died or takes too long."""

    @property
    def silence_patience_s(self) -> float:
        """How long it may live without answering before it counts as hung. Long: a busy machine is no fault of its."""

    def answers(self) -> bool:
        """Whether it answers now, be it with a refusal. It is asked every few seconds; may take some seconds itself."""

    def stop(self) -> None:
        """End it; returns when it is gone. Does nothing when it does not run."""


@dataclass
class CommandChild:
    """A command with a test for being ready. `stop` first ends the command's own children, such as Dagster's runs."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    """Whose mark the process carries."""
    log: Path
    ready: Callable[[], bool]
    start_timeout_s: float = 120
    descendants_patience_s: float = 0
    """Seconds the command's own children are given after SIGINT before they are killed; 0: they are the command's."""
    stop_patience_s: float = 10
    still_answers: Callable[[], bool] = lambda: True
    """For a process that is ready: whether it answers, not whether what it needs is there."""
    silence_patience_s: float = 120
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def launch(self) -> None:
        if self.pid is None:
            self.process = start_process(
                self.arguments, log=self.log, environment=self.environment, folder=self.folder, child=self.name
            )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while self.pid is not None and time.monotonic() < deadline:
            if self.ready():
                return
            time.sleep(_POLL_S)
        what = "does not answer" if self.pid is not None else "ended while starting"
        raise ServiceUnreachable(f"{self.name} {what}: {why_it_ended(self.log)}")

    def answers(self) -> bool:
        return self.still_answers()

    def stop(self) -> None:
        process = self.process
        if process is None:
            return
        if self.descendants_patience_s:
            self._stop_descendants(process.pid)
        stop_process(process, by=signal.SIGTERM, patience_s=self.stop_patience_s)
        self.process = None

    def _stop_descendants(self, own_pid: int) -> None:
        """Also those that outlived a command that died: started again, it would not know of them.

        These are killed at once. Told to end, they would report their failure while there is no code server yet, and
        Dagster's retry of them, which needs one, would be given up; run monitoring finds them a little later.
        """
        descendants = marked_processes(self.folder, child=self.name, besides=[own_pid])
        # What multiprocessing started to help ignores signals and ends with its parent: it is not waited for.
        working = [process for process in descendants if not _only_helps(process, own_pid)]
        for process in working:
            signal_process(process, signal.SIGKILL if self.pid is None else signal.SIGINT)
        _, alive = psutil.wait_procs(working, timeout=self.descendants_patience_s)
        for process in alive:
            signal_process(process, signal.SIGKILL)


def _only_helps(process: psutil.Process, own_pid: int) -> bool:
    """Whether it is the resource tracker or the forkserver of the command; what that forks has its command line."""
    try:
        arguments = " ".join(process.cmdline())
        return "resource_tracker" in arguments or ("forkserver" in arguments and process.ppid() == own_pid)
    except psutil.Error:
        return False
