"""Everything `cira up` promises, on the real thing."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from cira_pipeline.cli.services import connected_settings
from cira_pipeline.db.database import Database
from cira_pipeline.intake.isolated import Recogniser
from cira_pipeline.local_stack.api_process import api_answers
from cira_pipeline.local_stack.dagster_processes import ui_answers, unhealthy_daemons
from cira_pipeline.local_stack.fork_server_process import fork_server_answers
from cira_pipeline.local_stack.ports import listening
from cira_pipeline.local_stack.running import running_services
from cira_pipeline.ocr.isolated import IsolatedReader
from cira_pipeline.samples.generator import Order, labelled_document
from cira_pipeline.sandbox.pool import WorkerPool, worker_modules
from tests.local_stack.conftest import SECRETS
from tests.local_stack.supervised import (
    Supervised,
    alive_in,
    eventually,
    launch_waiting_run,
    ports_of,
    process_of_run,
    run_states,
    secret,
)

pytestmark = pytest.mark.slow


def test_one_command_brings_up_database_cache_ui_daemon_and_rest_service(up: Supervised) -> None:
    services = up.wait_until_ready()
    database = Database(services.postgres_url)
    assert database.is_migrated()
    database.dispose()
    with redis.Redis.from_url(services.redis_url) as client:
        assert client.ping()
    assert ui_answers(services.ui_url)
    assert unhealthy_daemons(services.ui_url) == ()
    assert api_answers(services.api_url)


def test_results_are_on_disk_before_a_commit_returns(up: Supervised) -> None:
    with psycopg.connect(up.wait_until_ready().postgres_url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_dagsters_tables_stay_apart_from_the_results(up: Supervised) -> None:
    with psycopg.connect(up.wait_until_ready().postgres_url) as connection:
        tables = set(connection.execute("SELECT schemaname, tablename FROM pg_tables").fetchall())
    assert {("public", "runs"), ("public", "event_logs"), ("cira", "jobs"), ("cira", "records")} <= tables
    assert not {("cira", "runs"), ("cira", "event_logs"), ("public", "records")} & tables


def test_nobody_without_the_password_reads_the_invoices(up: Supervised) -> None:
    services = up.wait_until_ready()
    port = ports_of(services)[0]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://cira_owner:wrong@127.0.0.1:{port}/cira")
    with redis.Redis(port=ports_of(services)[1]) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_passwords_are_readable_by_their_owner_only(up: Supervised) -> None:
    up.wait_until_ready()
    for name in ("services.json", "postgres/password", "valkey/valkey.conf"):
        assert stat.S_IMODE((up.home / name).stat().st_mode) == 0o600, name
    passwords = [secret(up.settings().postgres_url), secret(up.settings().redis_url)]
    # None for the zombies and ended processes that any machine has.
    arguments = " ".join(" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    assert not any(url.rpartition("@")[0].rpartition(":")[2] in arguments for url in passwords)


def test_services_listen_on_this_machine_only(up: Supervised) -> None:
    services = up.wait_until_ready()
    pids = set(services.pids.values())
    listening_on = {
        connection.laddr.ip.removeprefix("::ffff:")
        for connection in psutil.net_connections("tcp")
        if connection.pid in pids and connection.status == psutil.CONN_LISTEN
    }
    assert listening_on == {"127.0.0.1"}


def test_other_commands_in_the_folder_find_the_services(up: Supervised, monkeypatch: pytest.MonkeyPatch) -> None:
    up.wait_until_ready()
    monkeypatch.setenv("CIRA_HOME", str(up.home))
    settings = connected_settings()
    with psycopg.connect(secret(settings.postgres_url)) as connection:
        assert connection.execute("SELECT count(*) FROM cira.jobs").fetchone() == (0,)
    assert ui_answers(settings.dagster_ui_url or "")


def test_a_second_start_in_the_folder_says_that_one_runs(up: Supervised) -> None:
    services = up.wait_until_ready()
    second = subprocess.run(
        [Path(sys.executable).with_name("cira"), "up"],
        env={**os.environ, "CIRA_HOME": str(up.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert services.ui_url in second.stderr
    assert ui_answers(services.ui_url)


def test_a_run_whose_process_is_killed_is_noticed_and_started_again(up: Supervised, tmp_path: Path) -> None:
    ui_url = up.wait_until_ready().ui_url
    run_id = launch_waiting_run(ui_url, tmp_path)
    os.kill(process_of_run(tmp_path, run_id), signal.SIGKILL)
    assert eventually(lambda: run_states(ui_url)[run_id] == "FAILURE", 60)
    (tmp_path / "go").touch()
    assert eventually(lambda: _retry_of(ui_url, run_id) == "SUCCESS", 120), run_states(ui_url)


def test_a_run_is_forked_from_a_process_that_has_loaded_the_definitions(up: Supervised, tmp_path: Path) -> None:
    services = up.wait_until_ready()
    run = psutil.Process(process_of_run(tmp_path, launch_waiting_run(services.ui_url, tmp_path)))
    warm = run.parent()
    (tmp_path / "go").touch()
    assert warm is not None
    assert "forkserver" in " ".join(warm.cmdline())
    assert warm.ppid() == services.pids["code-server"]


def test_services_that_die_are_started_again_with_their_addresses(up: Supervised) -> None:
    services = up.wait_until_ready()
    names = ("PostgreSQL", "Valkey", "fork-server", "webserver")
    for name in names:
        os.kill(services.pids[name], signal.SIGKILL)

    def revived() -> bool:
        now = running_services(up.home)
        return now is not None and all(now.pids.get(name) not in (None, services.pids[name]) for name in names)

    def everything_answers() -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(services.postgres_url):
            return ui_answers(services.ui_url) and fork_server_answers(up.home / "fork-server.socket")
        return False

    assert eventually(revived, 120), up.output
    # They are noted when they are started, and answer a little later.
    assert eventually(everything_answers, 120), up.output
    with psycopg.connect(services.postgres_url) as connection, redis.Redis.from_url(services.redis_url) as client:
        assert connection.execute("SELECT count(*) FROM cira.jobs").fetchone() == (0,)
        assert client.ping()


def test_documents_are_read_in_processes_forked_from_one_that_has_loaded_docling(up: Supervised) -> None:
    services = running_services(up.home)
    assert services is not None
    settings, address = up.settings(), up.home / "fork-server.socket"
    pool = WorkerPool(worker_modules(settings), processes=1, memory_mb=600, crashes=1, fork_server=address)
    page = labelled_document(Order(seed=1, kinds=("pdf-text",)), 0).content
    read = IsolatedReader(settings, pool).read(Recogniser(settings, pool)(page))
    (worker,) = (psutil.Process(pid) for pid in pool.pids())
    assert worker.ppid() == services.pids["fork-server"]
    assert SECRETS["AWS_SECRET_ACCESS_KEY"] in psutil.Process(up.process.pid).environ().values()
    for process in (worker, psutil.Process(services.pids["fork-server"])):
        assert not set(SECRETS.values()) & set(process.environ().values())
    assert read.reading.lines
    pool.close()
    assert stat.S_IMODE(address.stat().st_mode) == 0o600


def test_a_run_that_lost_its_code_server_is_ended_and_done_once_more(up: Supervised, tmp_path: Path) -> None:
    ui_url = up.wait_until_ready().ui_url
    run_id = launch_waiting_run(ui_url, tmp_path)
    process = process_of_run(tmp_path, run_id)
    os.kill(up.wait_until_ready().pids["code-server"], signal.SIGKILL)
    assert eventually(lambda: run_states(ui_url)[run_id] == "FAILURE", 120)
    assert not psutil.pid_exists(process)
    (tmp_path / "go").touch()
    assert eventually(lambda: _retry_of(ui_url, run_id) == "SUCCESS", 120), run_states(ui_url)


def test_killed_outright_it_leaves_nothing_and_the_next_start_has_the_data(up: Supervised, tmp_path: Path) -> None:
    services = up.wait_until_ready()
    with psycopg.connect(services.postgres_url) as connection:
        connection.execute("CREATE TABLE kept (what text)")
        connection.execute("INSERT INTO kept VALUES ('an invoice')")
    run_id = launch_waiting_run(services.ui_url, tmp_path)
    process_of_run(tmp_path, run_id)
    up.send(signal.SIGKILL)
    # At once, as an impatient person would: it waits until the old ones are gone.
    following = Supervised(up.home)
    try:
        again = following.wait_until_ready()
        assert not any(psutil.pid_exists(pid) for pid in services.pids.values())
        with psycopg.connect(again.postgres_url) as connection:
            assert connection.execute("SELECT what FROM kept").fetchone() == ("an invoice",)
        with redis.Redis.from_url(again.redis_url) as client:
            assert client.ping()
        (tmp_path / "go").touch()
        assert eventually(lambda: _retry_of(again.ui_url, run_id) == "SUCCESS", 120), run_states(again.ui_url)
    finally:
        status = following.send(signal.SIGTERM)
    assert status == 0
    assert alive_in(up.home) == []
    assert not any(listening(port) for port in ports_of(again))
    assert not (up.home / "services.json").exists()


def test_ctrl_c_stops_everything_even_with_a_run_at_work(
    tmp_path: Path, database_url: str, redis_url: str, postgres_url: str
) -> None:
    """And with services given from outside, these are used, not started, and not stopped."""
    supervised = Supervised(tmp_path / ".cira", {"CIRA_POSTGRES_URL": database_url, "CIRA_REDIS_URL": redis_url})
    services = supervised.wait_until_ready()
    assert (services.postgres_url, services.redis_url) == (database_url, redis_url)
    assert set(services.pids) == {"fork-server", "code-server", "webserver", "daemon", "api"}
    process = process_of_run(tmp_path, launch_waiting_run(services.ui_url, tmp_path))
    assert supervised.send(signal.SIGINT) == 0
    assert not psutil.pid_exists(process)
    assert alive_in(tmp_path / ".cira") == []
    with psycopg.connect(database_url) as connection, redis.Redis.from_url(redis_url) as client:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("FAILURE",)]
        assert client.ping()


def test_interrupted_while_starting_it_leaves_nothing(tmp_path: Path) -> None:
    supervised = Supervised(tmp_path / ".cira")
    assert eventually(lambda: "Starting Dagster" in supervised.output, 60), supervised.output
    assert supervised.send(signal.SIGHUP) == 0
    assert alive_in(tmp_path / ".cira") == []


def test_it_ends_with_an_error_when_the_definitions_cannot_be_loaded(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.local_stack.run_supervisor", "tests.local_stack.no_such_definitions"],
        env={**os.environ, "CIRA_HOME": str(tmp_path / ".cira")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert "no_such_definitions" in done.stderr
    assert "code-server.log" in done.stderr
    assert alive_in(tmp_path / ".cira") == []


def _retry_of(ui_url: str, run_id: str) -> str | None:
    """The status of the newest run after `run_id`."""
    states = run_states(ui_url)
    newest = next(iter(states))
    return None if newest == run_id else states[newest]
