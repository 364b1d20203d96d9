"""Dagster as three children: one code server, the webserver and the daemon, both of which use that code server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from cira_pipeline.local_stack.child import CommandChild
from cira_pipeline.local_stack.dagster_home import LOCATION_NAME, code_folder
from cira_pipeline.local_stack.liveness import (
    DAEMON_PATIENCE_S,
    SILENCE_PATIENCE_S,
    DaemonHeartbeat,
    grpc_answers,
    http_answers,
)
from cira_pipeline.local_stack.ports import LOOPBACK, listening_at
from cira_pipeline.local_stack.sentinel import RUNS_PATIENCE_S

CODE_SERVER_SOCKET = "code-server.socket"
UI_USUAL_PORT = 3000


@dataclass(frozen=True)
class DagsterProcesses:
    """What the three have in common. `folder` is the one whose mark they carry; the UI's port is on loopback.

    The code server obeys every client that connects, so it listens on a socket in a folder of this user only.
    """

    environment: Mapping[str, str]
    folder: Path
    logs: Path
    workspace: Path
    code_server_socket: Path
    ui_port: int
    definitions_module: str

    @property
    def ui_url(self) -> str:
        return f"http://{LOOPBACK}:{self.ui_port}"

    def code_server(self) -> CommandChild:
        """Loads the definitions once and starts the runs, from a process that is warm like itself
        (docs/decisions/0018-warm-runs.md); listens only when the definitions are loaded."""
        return self._child(
            "code-server",
            *(
                "resources.warm_code_server",
                "api",
                "grpc",
                "--module-name",
                self.definitions_module,
                "--location-name",
                LOCATION_NAME,
                # Dagster would import from its working folder, `python -m`'s path aside.
                "--working-directory",
                str(code_folder()),
            ),
            *("--socket", str(self.code_server_socket), "--use-python-environment-entry-point"),
            ready=lambda: listening_at(self.code_server_socket),
            still_answers=lambda: grpc_answers(str(self.code_server_socket)),
            descendants_patience_s=RUNS_PATIENCE_S,
        )

    def webserver(self) -> CommandChild:
        return self._child(
            "webserver",
            *("resources.webserver", "--workspace", str(self.workspace)),
            *("--host", LOOPBACK, "--port", str(self.ui_port)),
            ready=lambda: ui_answers(self.ui_url),
            still_answers=lambda: http_answers(f"{self.ui_url}/server_info"),
        )

    def daemon(self) -> CommandChild:
        """Sensors, schedules, the run queue, backfills and run monitoring; ready when each gave a sign of life."""
        return self._child(
            "daemon",
            *("resources.fast_sensor_daemon", "run", "--workspace", str(self.workspace)),
            ready=lambda: unhealthy_daemons(self.ui_url) == (),
            still_answers=DaemonHeartbeat(self.environment["DAGSTER_POSTGRES_URL"]).answers,
            silence_patience_s=DAEMON_PATIENCE_S,
        )

    def _child(
        self,
        name: str,
        *module: str,
        ready: Callable[[], bool],
        still_answers: Callable[[], bool],
        silence_patience_s: float = SILENCE_PATIENCE_S,
        descendants_patience_s: float = 0,
    ) -> CommandChild:
        return CommandChild(
            name=name,
            arguments=(sys.executable, "-m", *module),
            environment=self.environment,
            folder=self.folder,
            log=self.logs / f"{name}.log",
            ready=ready,
            still_answers=still_answers,
            silence_patience_s=silence_patience_s,
            descendants_patience_s=descendants_patience_s,
        )


def ui_answers(ui_url: str) -> bool:
    try:
        return httpx.get(f"{ui_url}/server_info", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def unhealthy_daemons(ui_url: str) -> tuple[str, ...] | None:
    """The required daemons that Dagster finds unhealthy; none (not empty) when the UI does not answer."""
    try:
        answer = httpx.get(f"{ui_url}/daemon_health", timeout=10, trust_env=False)
        return tuple(answer.raise_for_status().json()["unhealthy"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
