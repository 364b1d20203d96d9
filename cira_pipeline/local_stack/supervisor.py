"""Runs everything CIRA needs as children of one process: started in order, watched, restarted, stopped in order.

PostgreSQL and Valkey run only when their URLs are not given. Whatever ends the supervisor, nothing stays behind: it
stops its children itself when it can, and its sentinel does when it cannot (docs/decisions/0003-supervision.md). How
they are watched, and why watching cannot end unnoticed: docs/decisions/0022-watching-and-full-disks.md.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType

from pydantic import SecretStr

from cira_pipeline.db.database import Database
from cira_pipeline.errors import AlreadyRunning, CiraError, ServiceUnreachable
from cira_pipeline.local_stack.api_process import api_child
from cira_pipeline.local_stack.child import Child
from cira_pipeline.local_stack.dagster_home import (
    DEFINITIONS_MODULE,
    code_environment,
    dagster_storage_url,
    prepare_dagster_home,
)
from cira_pipeline.local_stack.dagster_processes import CODE_SERVER_SOCKET, UI_USUAL_PORT, DagsterProcesses
from cira_pipeline.local_stack.database_lock import DatabaseLock
from cira_pipeline.local_stack.folder_lock import FolderLock
from cira_pipeline.local_stack.fork_server_process import fork_server_child
from cira_pipeline.local_stack.keeper import Keeper, shorten
from cira_pipeline.local_stack.ports import LOOPBACK, free_port
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.local_stack.processes import stop_marked
from cira_pipeline.local_stack.running import RunningServices, forget_services, process_started
from cira_pipeline.local_stack.sentinel import RUNS_PATIENCE_S, start_sentinel, stop_everything
from cira_pipeline.local_stack.socket_folder import remove_socket_folder, socket_folder
from cira_pipeline.local_stack.stopped_processes import StoppedProcesses
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.local_stack.watch import Watch
from cira_pipeline.sandbox.pool import worker_modules
from cira_pipeline.settings import Settings, inherited_environment

_WATCH_S = 0.5
_UPKEEP_S = 5.0
_STOP_PATIENCE_S = 5.0
_LOG_MAX_BYTES = 20_000_000

_log = logging.getLogger(__name__)


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
        self._keepers: list[Keeper] = []
        self._watches: list[Watch] = []
        self._database_lock: DatabaseLock | None = None
        self._stopped_processes = StoppedProcesses(self.home)
        self._sentinel: subprocess.Popen[bytes] | None = None
        self._noted: RunningServices | None = None
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
        self._guard(lock)
        with _signals_as_interrupts() as ignore_signals, _log_file(self._logs / "supervisor.log"):
            try:
                # What a supervisor left whose sentinel was killed as well.
                stop_everything(self.home)
                services = self._start()
                self._begin_watching(lock)
                yield services
            finally:
                ignore_signals()
                self._stop()
                lock.release()

    def wait(self) -> None:
        """Block as long as everything is watched.

        Raises: AlreadyRunning when another `cira up` took the database while PostgreSQL was away; ServiceUnreachable
        when a watch has ended, for whatever reason.
        """
        while not self._failed.wait(_WATCH_S):
            for watch in self._watches:
                if not watch.alive:
                    raise ServiceUnreachable(
                        f"nothing watches over {watch.name} any more, so CIRA stops: see {self._logs}/supervisor.log"
                    )
        raise self._failure or ServiceUnreachable("a service cannot be kept running")

    def _guard(self, lock: FolderLock) -> None:
        """Start the sentinel, also when the one before was killed."""
        if self._sentinel is None or self._sentinel.poll() is not None:
            self._sentinel = start_sentinel(
                self.home, environment=inherited_environment(), kept_open=(lock.descriptor,)
            )

    def _begin_watching(self, lock: FolderLock) -> None:
        """A thread for each child and each duty: none waits for another one's."""
        duties: list[tuple[str, Callable[[], None], float]] = [
            *((keeper.child.name, keeper.look, _WATCH_S) for keeper in self._keepers),
            ("the sentinel", lambda: self._guard(lock), _UPKEEP_S),
            ("stopped processes", self._continue_stopped, _UPKEEP_S),
            ("the note of services", self._note_services, _WATCH_S),
            ("the lengths of logs", self._shorten_logs, _UPKEEP_S),
            ("the database's lock", self._keep_database_lock, _UPKEEP_S),
        ]
        for name, step, every_s in duties:
            self._watches.append(Watch(name, step, every_s=every_s, stopping=self._stopping, say=self._say))
        for watch in self._watches:
            watch.start()

    def _continue_stopped(self) -> None:
        pids = {pid for keeper in self._keepers if (pid := keeper.child.pid) is not None}
        if self._sentinel is not None:
            pids.add(self._sentinel.pid)
        for process in self._stopped_processes.continued(pids):
            self._say(f"Process {process.pid} was stopped by a signal; it goes on")

    def _shorten_logs(self) -> None:
        for keeper in self._keepers:
            shorten(keeper.child.log, _LOG_MAX_BYTES)

    def _keep_database_lock(self) -> None:
        if self._database_lock is not None:
            try:
                self._database_lock.check()
            except AlreadyRunning as error:
                self._give_up(error)

    def _make_folders(self) -> None:
        """Folders with invoices and passwords are closed to other users; the inbox is open for dropped files."""
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
        self._database_lock = DatabaseLock(postgres_url)
        self._database_lock.acquire()
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
            self._keepers.append(Keeper(child, say=self._say, stopping=self._stopping))
            shorten(child.log, _LOG_MAX_BYTES)
            child.launch()
        for child in children:
            child.wait_until_ready()

    def _environment(self, settings: Settings) -> dict[str, str]:
        dagster_url = settings.dagster_postgres_url or settings.postgres_url
        embedded = self._settings.postgres_url is None and settings.dagster_postgres_url is None
        return {
            **inherited_environment(),
            **code_environment(),
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
        """Write the note when something in it has changed, or could not be written before."""
        if self._services is None:
            return
        note = RunningServices(
            supervisor_pid=os.getpid(),
            supervisor_started=process_started(os.getpid()) or 0.0,
            postgres_url=self._services.postgres_url,
            redis_url=self._services.redis_url,
            object_store=self._services.settings.object_store_url,
            ui_url=self._services.ui_url,
            api_url=self._services.api_url,
            pids={keeper.child.name: pid for keeper in self._keepers if (pid := keeper.child.pid) is not None},
            restarts={keeper.child.name: keeper.restarts for keeper in self._keepers},
            watch_failures=sum(watch.failures for watch in self._watches),
        )
        if note != self._noted and not self._stopping.is_set():
            note.write(self.home)
            self._noted = note

    def _say(self, line: str) -> None:
        _log.info(line)
        # A terminal that was closed (SIGHUP) or a broken pipe must not keep anything from being stopped or watched.
        with suppress(OSError, ValueError):
            self._listener(line)

    def _give_up(self, failure: CiraError) -> None:
        self._failure = failure
        self._stopping.set()
        self._failed.set()

    def _stop(self) -> None:
        self._stopping.set()
        for watch in self._watches:
            if watch.name == "the note of services":
                # Else it may write the note after it was removed.
                watch.join(_STOP_PATIENCE_S)
        forget_services(self.home)
        for keeper in reversed(self._keepers):
            self._say(f"Stopping {keeper.child.name}")
            keeper.stop()
        stop_marked(self.home, patience_s=RUNS_PATIENCE_S)
        if self._sockets is not None:
            remove_socket_folder(self._sockets)
        if self._database_lock is not None:
            self._database_lock.release()
        if self._sentinel is not None:
            # With nothing left to stop, it ends at once.
            self._sentinel.communicate()


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


@contextmanager
def _log_file(path: Path) -> Iterator[None]:
    """Messages also go to a file of mode 600, to be read after the terminal is closed."""
    handler = RotatingFileHandler(path, maxBytes=_LOG_MAX_BYTES, backupCount=1, delay=True, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("cira_pipeline.local_stack")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()


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
