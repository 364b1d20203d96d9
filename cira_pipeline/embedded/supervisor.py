"""Runs everything CIRA needs as children of one process: started in order, watched, restarted, stopped in order.

PostgreSQL and Valkey run only when their URLs are not given. Whatever ends the supervisor, nothing stays behind: it
stops its children itself when it can, and its sentinel does when it cannot (docs/decisions/0003-supervision.md).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from pydantic import SecretStr

from cira_pipeline.embedded.api_process import api_child
from cira_pipeline.embedded.child import Child
from cira_pipeline.embedded.dagster_home import DEFINITIONS_MODULE, dagster_storage_url, prepare_dagster_home
from cira_pipeline.embedded.dagster_processes import CODE_SERVER_SOCKET, UI_USUAL_PORT, DagsterProcesses
from cira_pipeline.embedded.folder_lock import FolderLock
from cira_pipeline.embedded.fork_server_process import fork_server_child
from cira_pipeline.embedded.ports import LOOPBACK, free_port
from cira_pipeline.embedded.postgres import EmbeddedPostgres
from cira_pipeline.embedded.processes import stop_marked
from cira_pipeline.embedded.running import RunningServices, forget_services, process_started
from cira_pipeline.embedded.sentinel import RUNS_PATIENCE_S, start_sentinel, stop_everything
from cira_pipeline.embedded.socket_folder import remove_socket_folder, socket_folder
from cira_pipeline.embedded.valkey import EmbeddedValkey
from cira_pipeline.errors import CiraError, ServiceUnreachable
from cira_pipeline.isolation.pool import worker_modules
from cira_pipeline.settings import Settings, inherited_environment
from cira_pipeline.storage.database import Database

_WATCH_S = 0.5
_FIRST_RESTART_DELAY_S = 1.0
_LONGEST_RESTART_DELAY_S = 30.0
# A child that ran this long had recovered; its next death starts the count anew.
_RECOVERED_AFTER_S = 120.0
_MAX_RESTARTS = 5
_LOG_MAX_BYTES = 20_000_000


@dataclass(frozen=True)
class Services:
    """What a running supervisor offers. URLs hold passwords. `settings` has every address filled in."""

    postgres_url: str
    redis_url: str
    ui_url: str
    api_url: str
    settings: Settings
    _environment: Mapping[str, str] = field(repr=False)

    def environment(self) -> dict[str, str]:
        """The environment its children have: for a process that shall work on the same services."""
        return dict(self._environment)


@dataclass
class _Restarts:
    count: int = 0
    started: float = field(default_factory=time.monotonic)
    next_try: float | None = None


class Supervisor:
    """`with Supervisor(settings).running() as services:` runs everything for the length of the block.

    `say` gets one plain line for each thing a person should know (a child died and is started again).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        say: Callable[[str], None] = lambda _line: None,
        definitions_module: str = DEFINITIONS_MODULE,
    ) -> None:
        self.home = settings.home.absolute()
        self._settings = settings
        self._listener = say
        self._definitions_module = definitions_module
        self._logs = self.home / "logs"
        self._children: list[Child] = []
        self._restarts: dict[str, _Restarts] = {}
        self._stopping = threading.Event()
        self._failed = threading.Event()
        self._failure: CiraError | None = None
        self._services: Services | None = None
        self._sockets: Path | None = None

    @contextmanager
    def running(self) -> Iterator[Services]:
        """Everything ready inside, everything stopped after.

        In the main thread SIGTERM and SIGHUP raise KeyboardInterrupt like Ctrl-C, and while stopping further signals
        are ignored, for stopping takes a bounded time. Raises AlreadyRunning, ServiceUnreachable, ConfigurationError.
        """
        self._make_folders()
        lock = FolderLock(self.home)
        lock.acquire()
        sentinel = start_sentinel(self.home, environment=inherited_environment(), kept_open=(lock.descriptor,))
        with _signals_as_interrupts() as ignore_signals:
            try:
                # What a supervisor left whose sentinel was killed as well.
                stop_everything(self.home)
                services = self._start()
                watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                watcher.start()
                yield services
            finally:
                ignore_signals()
                self._stop(sentinel)
                lock.release()

    def wait(self) -> None:
        """Block until a child cannot be kept running. Raises what it failed with."""
        while not self._failed.wait(_WATCH_S):
            pass
        raise self._failure or ServiceUnreachable("a service cannot be kept running")

    def _make_folders(self) -> None:
        """Invoices and passwords are nobody else's business; the inbox is, for people drop files there."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for private in (self._logs, self.home / "objects"):
            private.mkdir(exist_ok=True, mode=0o700)
        if self._settings.inbox is None:
            self._settings.inbox_path.mkdir(exist_ok=True)

    def _start(self) -> Services:
        postgres_url, redis_url = self._start_postgres(), self._start_valkey()
        ui_port = free_port(UI_USUAL_PORT)
        ui_url = f"http://{LOOPBACK}:{ui_port}"
        settings = self._settings.model_copy(
            update={
                "home": self.home,
                "postgres_url": SecretStr(postgres_url),
                "redis_url": SecretStr(redis_url),
                "object_store": self._settings.object_store or (self.home / "objects").as_uri(),
                "dagster_ui_url": self._settings.dagster_ui_url or ui_url,
                "reading_fork_server": self._settings.reading_fork_server or self.home / "fork-server.socket",
            }
        )
        environment = self._environment(settings)
        self._say("Bringing the database's tables up to date")
        database = Database(postgres_url)
        try:
            database.migrate(analyst_password=_secret(settings.analyst_password))
        finally:
            database.dispose()
        self._start_dagster(environment, ui_port, self._fork_server(settings))
        api_url = self._start_api(environment)
        self._services = Services(postgres_url, redis_url, ui_url, api_url, settings, environment)
        self._note_services()
        return self._services

    def _start_postgres(self) -> str:
        if self._settings.postgres_url is not None:
            return self._settings.postgres_url.get_secret_value()
        self._say("Starting PostgreSQL")
        server = EmbeddedPostgres(self.home / "postgres", environment=inherited_environment(), marked_by=self.home)
        self._adopt(server)
        return server.url()

    def _start_valkey(self) -> str:
        if self._settings.redis_url is not None:
            return self._settings.redis_url.get_secret_value()
        self._say("Starting Valkey")
        server = EmbeddedValkey(self.home / "valkey", environment=inherited_environment(), marked_by=self.home)
        self._adopt(server)
        return server.url()

    def _fork_server(self, settings: Settings) -> tuple[Child, ...]:
        """Its socket stays the same when it is started again."""
        address = settings.reading_fork_server
        if address is None or self._settings.reading_fork_server is not None:
            return ()
        log = self._logs / "fork-server.log"
        return (fork_server_child(address=address, modules=worker_modules(settings), folder=self.home, log=log),)

    def _start_dagster(self, environment: Mapping[str, str], ui_port: int, beside: tuple[Child, ...]) -> None:
        """`beside` are started with the code server, which takes as long."""
        self._say("Starting Dagster")
        self._sockets = socket_folder(self.home)
        code_server_socket = self._sockets / CODE_SERVER_SOCKET
        dagster = DagsterProcesses(
            environment=environment,
            folder=self.home,
            logs=self._logs,
            workspace=prepare_dagster_home(self.home / "dagster", code_server_socket=code_server_socket),
            code_server_socket=code_server_socket,
            ui_port=ui_port,
            definitions_module=self._definitions_module,
        )
        self._adopt(*beside, dagster.code_server())
        self._adopt(dagster.webserver(), dagster.daemon())

    def _start_api(self, environment: Mapping[str, str]) -> str:
        """On loopback: keys travel in clear, and TLS is for a proxy before it."""
        self._say("Starting the REST service")
        port = free_port(self._settings.api_port or None)
        log = self._logs / "api.log"
        self._adopt(api_child(environment=environment, folder=self.home, log=log, host=LOOPBACK, port=port))
        return f"http://{LOOPBACK}:{port}"

    def _adopt(self, *children: Child) -> None:
        """Start children side by side and wait until all are ready. They are stopped in the opposite order."""
        for child in children:
            self._children.append(child)
            self._restarts[child.name] = _Restarts()
            _begin_new_log(child.log)
            child.launch()
        for child in children:
            child.wait_until_ready()

    def _environment(self, settings: Settings) -> dict[str, str]:
        dagster_url = settings.dagster_postgres_url or settings.postgres_url
        embedded = self._settings.postgres_url is None and settings.dagster_postgres_url is None
        return {
            **inherited_environment(),
            **settings.as_environment(),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "DAGSTER_POSTGRES_URL": dagster_storage_url(
                dagster_url.get_secret_value() if dagster_url else "", relaxed=embedded
            ),
            "DAGSTER_EVENT_BATCH_SIZE": "500",
            # A run that does not start within these is failed and started anew beside its first process, on a machine
            # that was too busy already; Dagster's own 60 s are not enough for one.
            "DAGSTER_GRPC_TIMEOUT_SECONDS": "300",
            "PYTHONUNBUFFERED": "1",
        }

    def _note_services(self) -> None:
        if self._services is None:
            return
        RunningServices(
            supervisor_pid=os.getpid(),
            supervisor_started=process_started(os.getpid()) or 0.0,
            postgres_url=self._services.postgres_url,
            redis_url=self._services.redis_url,
            object_store=self._services.settings.object_store_url,
            ui_url=self._services.ui_url,
            api_url=self._services.api_url,
            pids={child.name: child.pid for child in self._children if child.pid is not None},
        ).write(self.home)

    def _say(self, line: str) -> None:
        # A terminal that was closed (SIGHUP) or a broken pipe must not keep anything from being stopped.
        with suppress(OSError):
            self._listener(line)

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_S):
            for child in list(self._children):
                if child.pid is None and not self._stopping.is_set():
                    self._revive(child)

    def _revive(self, child: Child) -> None:
        """Start a dead child again, a little later after each death; give up after five in a row."""
        state, now = self._restarts[child.name], time.monotonic()
        if state.next_try is None:
            state.count = 0 if now - state.started > _RECOVERED_AFTER_S else state.count
            if state.count >= _MAX_RESTARTS:
                self._give_up(
                    ServiceUnreachable(f"{child.name} ended {state.count + 1} times in a row; see {child.log}")
                )
                return
            delay = min(_FIRST_RESTART_DELAY_S * 2**state.count, _LONGEST_RESTART_DELAY_S)
            self._say(f"{child.name} ended; starting it again in {delay:.0f} s (log: {child.log})")
            state.count, state.next_try = state.count + 1, now + delay
        if now < state.next_try:
            return
        state.next_try, state.started = None, now
        try:
            child.stop()
            child.launch()
            child.wait_until_ready()
        except CiraError as error:
            self._say(f"{child.name} did not start: {error.message.splitlines()[0]}")
            return
        self._say(f"{child.name} runs again")
        self._note_services()

    def _give_up(self, failure: CiraError) -> None:
        self._failure = failure
        self._stopping.set()
        self._failed.set()

    def _stop(self, sentinel: subprocess.Popen[bytes]) -> None:
        self._stopping.set()
        forget_services(self.home)
        for child in reversed(self._children):
            self._say(f"Stopping {child.name}")
            child.stop()
        stop_marked(self.home, patience_s=RUNS_PATIENCE_S)
        if self._sockets is not None:
            remove_socket_folder(self._sockets)
        # With nothing left to stop, the sentinel ends at once.
        sentinel.communicate()


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


def _begin_new_log(log: Path) -> None:
    """Keep one earlier log when it has grown long."""
    if log.exists() and log.stat().st_size > _LOG_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))


@contextmanager
def _signals_as_interrupts() -> Iterator[Callable[[], None]]:
    """SIGTERM and SIGHUP as KeyboardInterrupt; yields what makes all three be ignored from then on."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    caught = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in caught}
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup asks for SIGHUP to be ignored.
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, interrupt)

    def ignore() -> None:
        for number in caught:
            signal.signal(number, signal.SIG_IGN)

    try:
        yield ignore
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
