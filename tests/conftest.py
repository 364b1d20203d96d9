"""The real services tests talk to: one PostgreSQL and one Valkey per session (or worker), one database per test."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psutil
import psycopg
import pytest
from psycopg.sql import SQL

from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.local_stack.processes import marked_processes
from cira_pipeline.local_stack.sentinel import start_sentinel
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.settings import inherited_environment

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

    from cira_pipeline.db.database import Database


# A shell that starts tests in the background, or `nohup`, makes them ignore these signals, and with them the commands
# they send them to. A handler of one's own is not inherited: the commands get the system's, and the tests go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cira", "How long the states of jobs are searched (tests/orchestration/test_job_states.py)")
    group.addoption("--state-examples", type=int, default=50, help="sequences of steps")
    group.addoption("--state-steps", type=int, default=50, help="steps of a sequence at the most")
    group.addoption("--state-random", action="store_true", help="other sequences each time")
    group.addoption("--state-shrink", action="store_true", help="make a sequence that fails shorter, for minutes")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        from tests.spreading import longest_first

        items[:] = longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    from tests.spreading import FileByFile

    config.option.loadscopereorder = False
    return FileByFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures that tests tell and do not judge."""
    for report in terminalreporter.getreports("passed"):
        for name, figure in report.user_properties:
            terminalreporter.write_line(f"{name}: {figure}")


@pytest.fixture(scope="session")
def services_folder() -> Iterator[Path]:
    """A folder that every user may pass to, watched: whatever ends this session, the servers in it end too."""
    parent = _in_memory_or_tmp()
    _remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix="cira-tests-", dir=parent))
    sentinel = start_sentinel(folder, environment=inherited_environment())
    try:
        yield folder
    finally:
        sentinel.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def _in_memory_or_tmp() -> Path:
    """Memory where there is plenty: a database is 500 small files, and most tests have one made for them alone."""
    memory = Path("/dev/shm")
    room = shutil.disk_usage(memory).free if os.access(memory, os.W_OK | os.X_OK) else 0
    return memory if min(room, psutil.virtual_memory().available) > 3_000_000_000 else Path("/tmp")


def _remove_leftovers(parent: Path) -> None:
    """Of sessions that were killed: their servers ended with them, their folders did not."""
    long_ago = time.time() - 3_600
    for folder in parent.glob("cira-tests-*"):
        # Another worker may be at it too.
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < long_ago and not marked_processes(folder):
                shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(services_folder: Path) -> Iterator[str]:
    """A real PostgreSQL, as its superuser. Not durable: a test's data need not survive the machine."""
    environment = inherited_environment()
    server = EmbeddedPostgres(
        services_folder / "postgres", environment=environment, marked_by=services_folder, durable=False
    )
    server.start()
    _make_signing_in_cheap(server.url())
    try:
        yield server.url()
    finally:
        server.stop()


def _make_signing_in_cheap(url: str) -> None:
    """Tests open tens of thousands of connections, and each would hash the password four thousand times."""
    password = urlsplit(url).password
    assert password
    with psycopg.connect(url) as connection:
        connection.execute("SET scram_iterations = 1")
        connection.execute(SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password))


@pytest.fixture(scope="session")
def redis_url(services_folder: Path) -> Iterator[str]:
    """A real Valkey; tests that share it use keys of their own."""
    server = EmbeddedValkey(services_folder / "valkey", environment=inherited_environment(), marked_by=services_folder)
    server.start()
    try:
        yield server.url()
    finally:
        server.stop()


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """A fresh, empty database, dropped afterwards."""
    yield from temporary_database(postgres_url, template=None)


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> Iterator[str]:
    """The name of a database that has been migrated once, for others to be copied from."""
    from cira_pipeline.db.database import Database

    for url in temporary_database(postgres_url, template=None):
        database = Database(url)
        database.migrate()
        database.dispose()
        yield urlsplit(url).path.lstrip("/")


@pytest.fixture(scope="session")
def template_with_dagster(
    postgres_url: str, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Like `migrated_template`, with Dagster's tables too: to make them takes longer than most tests."""
    from tests.health.dagster_instance import dagster_over

    for url in temporary_database(postgres_url, template=migrated_template):
        with dagster_over(url, tmp_path_factory.mktemp("template") / "dagster"):
            pass
        yield urlsplit(url).path.lstrip("/")


@pytest.fixture
def migrated_database_url(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh database with CIRA's tables, dropped afterwards."""
    yield from temporary_database(postgres_url, template=migrated_template)


@pytest.fixture
def database(migrated_database_url: str) -> Iterator[Database]:
    from cira_pipeline.db.database import Database

    database = Database(migrated_database_url)
    try:
        yield database
    finally:
        database.dispose()


def temporary_database(server_url: str, template: str | None) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    # Files are copied: through the log, as is usual, it would take many times longer.
    copied_from = f' TEMPLATE "{template}" STRATEGY file_copy' if template else ""
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{copied_from}')
    try:
        yield urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
