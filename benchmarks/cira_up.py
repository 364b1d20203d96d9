"""Runs `cira up` as a separate process that is restarted whenever it ends, and lists its child processes by kind.

A service manager does the same with `Restart=always`: so a benchmark may kill the supervisor itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from cira_pipeline.local_stack.processes import CHILD_MARK, marked_processes
from cira_pipeline.local_stack.running import RunningServices, running_services
from cira_pipeline.local_stack.sentinel import stop_everything
from cira_pipeline.settings import Settings

_RESTART_AFTER_S = 1.0
_STOP_S = 120.0
_KIND_OF_CHILD = {"PostgreSQL": "postmaster", "api": "API", "fork-server": "fork server", "code-server": "code server"}


@dataclass
class CiraUp:
    """Runs for the length of the `with` block. `settings.home` is where; `log` gets what it prints."""

    settings: Settings
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables besides the settings."""
    ends: list[str] = field(default_factory=list)
    """How each process ended that ended unexpectedly."""

    def __enter__(self) -> Self:
        self._closing = threading.Event()
        self._meant_to_end = False
        self.process = self._started()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._keeper.join()
        self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.ends.append(f"did not stop within {_STOP_S:.0f} s")
            self.process.kill()
            self.process.wait()
            stop_everything(self.settings.home)

    def expect_end(self) -> None:
        """Marks the next end of the process as caused by the caller."""
        self._meant_to_end = True

    def services(self) -> RunningServices | None:
        return running_services(self.settings.home)

    def wait_until_ready(self, timeout_s: float = 300.0) -> RunningServices:
        ends_at = time.monotonic() + timeout_s
        while time.monotonic() < ends_at:
            if (services := self.services()) is not None:
                return services
            time.sleep(0.2)
        raise TimeoutError(f"cira up is not ready after {timeout_s:.0f} s; see {self.log}")

    def processes(self) -> Mapping[str, list[psutil.Process]]:
        """Every living process by its kind."""
        found: dict[str, list[psutil.Process]] = {}
        for process in marked_processes(self.settings.home):
            with suppress(psutil.Error):
                found.setdefault(self._kind(process), []).append(process)
        with suppress(psutil.Error):
            supervisor = psutil.Process(self.process.pid)
            found["supervisor"] = [supervisor]
            for child in supervisor.children():
                arguments = " ".join(child.cmdline())
                if "local_stack.sentinel" in arguments:
                    found["sentinel"] = [child]
                elif child.name() == "postgres":
                    # Its title may have taken the place of the environment that the mark is in.
                    found["postmaster"] = [child]
        for postmaster in found.get("postmaster", []):
            with suppress(psutil.Error):
                found["PostgreSQL backend"] = postmaster.children()
        return found

    def _kind(self, process: psutil.Process) -> str:
        arguments, parent = " ".join(process.cmdline()), process.ppid()
        child = process.environ().get(CHILD_MARK, "")
        if parent == self.process.pid:
            return _KIND_OF_CHILD.get(child, child)
        if process.name() == "postgres":
            return "PostgreSQL backend"
        if "cira_pipeline.sandbox." in arguments:
            return "reader"
        if child == "code-server" and "forkserver" in arguments:
            # The fork server of the runs is a child of the code server, and they are its own.
            return "run" if "forkserver" in _arguments(parent) else "fork server of runs"
        return "others"

    def _started(self) -> subprocess.Popen[bytes]:
        environment = {**_bare_environment(), **self.environment, **self.settings.as_environment()}
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [Path(sys.executable).with_name("cira"), "up"],
                cwd=self.log.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._closing.is_set():
            try:
                status = self.process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
            if not self._meant_to_end:
                said = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
                self.ends.append(f"exit status {status}: {' / '.join(said[-3:])}")
            self._meant_to_end = False
            if not self._closing.wait(_RESTART_AFTER_S):
                self.process = self._started()


def _arguments(pid: int) -> str:
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return ""


def _bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("CIRA_", "DAGSTER_"))}
