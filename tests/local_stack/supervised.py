"""A `cira up` in a process of its own, over definitions small enough to start quickly, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
from pydantic import SecretStr

from cira_pipeline.db.access.api_keys import Scope
from cira_pipeline.db.database import Database
from cira_pipeline.local_stack.running import RunningServices, running_services
from cira_pipeline.settings import Settings
from tests.keys import new_key

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 400
_T = TypeVar("_T")
# Address of Dagster's UI -> a key that may launch there.
_KEYS: dict[str, str] = {}


class Supervised:
    """Starts on construction; `wait_until_ready` before use; `end` in any case."""

    def __init__(self, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.lines: list[str] = []
        self._key = ""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CIRA_", "DAGSTER_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.local_stack.run_supervisor", "tests.local_stack.waiting_definitions"],
            cwd=ROOT,
            env={**inherited, "CIRA_HOME": str(home), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip() for line in iter(self.process.stdout.readline, ""))

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_until_ready(self) -> RunningServices:
        def ready() -> RunningServices | None:
            assert self.process.poll() is None, self.output
            return running_services(self.home)

        services = eventually(ready, START_TIMEOUT_S)
        assert services is not None, self.output
        self._key = self._key or self.new_key(services, Scope.ADMIN)
        _KEYS[services.ui_url] = self._key
        return services

    def new_key(self, services: RunningServices, *scopes: Scope) -> str:
        database = Database(services.postgres_url)
        try:
            return new_key(services.fill_in(Settings(home=self.home)), database, *scopes)
        finally:
            database.dispose()

    def send(self, number: signal.Signals) -> int:
        """Send the signal, wait for the end; returns the exit status."""
        self.process.send_signal(number)
        status = self.process.wait(90)
        self._reader.join(10)
        return status

    def end(self) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGTERM)

    def settings(self) -> Settings:
        return self.wait_until_ready().fill_in(Settings(home=self.home))


def eventually(look: Callable[[], _T], timeout_s: float = 60) -> _T:
    """The first true answer, or the last one when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not (answer := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer


def alive_in(home: Path) -> list[str]:
    """Every living process that has to do with the folder: by its arguments, or by its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(home) in " ".join([*process.cmdline(), *process.environ().values()]):
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found


def ports_of(services: RunningServices) -> list[int]:
    urls = (services.postgres_url, services.redis_url, services.ui_url)
    return [httpx.URL(url).port or 0 for url in urls]


def graphql(ui_url: str, query: str, **variables: Any) -> Any:
    """Asks as somebody who may launch; the supervisor was waited for."""
    question = {"query": query, "variables": variables}
    headers = {"Authorization": f"Bearer {_KEYS[ui_url]}"}
    answer = httpx.post(f"{ui_url}/graphql", json=question, headers=headers, timeout=60).json()
    assert answer.get("data") is not None, answer
    return answer["data"]


def launch_waiting_run(ui_url: str, folder: Path) -> str:
    """Starts the asset `waiting` as the UI does; returns the run's id."""
    launched = graphql(
        ui_url,
        "mutation($p: ExecutionParams!) { launchRun(executionParams: $p)"
        " { __typename ... on LaunchRunSuccess { run { runId } } } }",
        p={
            "selector": {
                "repositoryLocationName": "cira",
                "repositoryName": "__repository__",
                "jobName": "__ASSET_JOB",
                "assetSelection": [{"path": ["waiting"]}],
            },
            "runConfigData": {"ops": {"waiting": {"config": {"folder": str(folder)}}}},
            "mode": "default",
        },
    )["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def run_states(ui_url: str) -> dict[str, str]:
    """Run id -> status."""
    runs = graphql(ui_url, "{ runsOrError { ... on Runs { results { runId status } } } }")["runsOrError"]["results"]
    return {run["runId"]: run["status"] for run in runs}


def process_of_run(folder: Path, run_id: str) -> int:
    """The process that does the run, once its asset has begun."""
    note = folder / f"{run_id}.pid"
    assert eventually(note.exists, 120), f"run {run_id} did not begin"
    return int(note.read_text())


def secret(value: SecretStr | None) -> str:
    assert value is not None
    return value.get_secret_value()
