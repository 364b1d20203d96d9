"""What a killed process leaves behind must not stop the next one, and must not stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.local_stack.processes import start_process, stop_marked
from cira_pipeline.local_stack.sentinel import start_sentinel
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.settings import inherited_environment
from tests.local_stack.supervised import alive_in, eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cira-tests-", dir="/tmp") as name:
        path = Path(name)
        sentinel = start_sentinel(path, environment=inherited_environment())
        try:
            yield path
        finally:
            sentinel.communicate()


def postgres(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "postgres", environment=inherited_environment(), marked_by=folder, durable=False)


def test_a_postmaster_pid_that_now_belongs_to_somebody_else_does_not_block_the_start(folder: Path) -> None:
    server = postgres(folder)
    server.start()
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
    pid_file = server.data / "postmaster.pid"
    note = pid_file.read_text()
    server.stop()
    pid_file.write_text(f"{os.getpid()}\n{note.partition(chr(10))[2]}")
    server = postgres(folder)
    server.start()
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (1,)
    server.stop()


def test_servers_left_by_a_killed_start_are_replaced_and_the_database_kept(folder: Path) -> None:
    left = postgres(folder)
    left.start()
    with psycopg.connect(left.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS value")
    cache_left = EmbeddedValkey(folder / "valkey", environment=inherited_environment(), marked_by=folder)
    cache_left.start()
    with redis.Redis.from_url(cache_left.url()) as client:
        client.set("in memory alone", 1)

    server = postgres(folder)
    server.start()
    cache = EmbeddedValkey(folder / "valkey", environment=inherited_environment(), marked_by=folder)
    cache.start()

    assert left.pid is None
    assert cache_left.pid is None
    with psycopg.connect(server.url()) as connection, redis.Redis.from_url(cache.url()) as client:
        assert connection.execute("SELECT value FROM kept").fetchone() == (1,)
        assert client.dbsize() == 0, "the cache writes nothing to the disk, so that a full one does not stop it"
    server.stop()
    cache.stop()


def test_a_taken_usual_port_leads_to_another_one(folder: Path, redis_url: str, postgres_url: str) -> None:
    """The session's own servers may hold the usual ports; a second pair finds others."""
    server = postgres(folder)
    cache = EmbeddedValkey(folder / "valkey", environment=inherited_environment(), marked_by=folder)
    server.start()
    cache.start()
    assert f":{server.port}/" not in postgres_url
    assert f":{cache.port}/" not in redis_url
    cache.stop()
    server.stop()


def test_processes_that_left_their_parent_and_session_are_stopped_too(folder: Path) -> None:
    script = (
        "import subprocess, sys; "
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)"
    )
    parent = start_process(
        [sys.executable, "-c", script],
        log=folder / "log",
        environment=inherited_environment(),
        folder=folder,
        child="parent",
    )
    parent.wait()
    assert len(alive_in(folder)) == 2, "the runaway and the sentinel"
    assert len(stop_marked(folder, patience_s=5)) == 1


def test_nothing_outlives_the_process_that_started_it_even_when_that_is_killed(folder: Path) -> None:
    script = f"""
import sys, time
from pathlib import Path
from cira_pipeline.local_stack.postgres import EmbeddedPostgres
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.local_stack.sentinel import start_sentinel
from cira_pipeline.settings import inherited_environment
folder = Path({str(folder / "own")!r})
folder.mkdir()
environment = inherited_environment()
start_sentinel(folder, environment=environment)
EmbeddedPostgres(folder / "postgres", environment=environment, marked_by=folder, durable=False).start()
EmbeddedValkey(folder / "valkey", environment=environment, marked_by=folder).start()
print("started", flush=True)
time.sleep(600)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    of_folder = [psutil.Process(int(line.split()[0])) for line in alive_in(folder / "own")]
    assert len(of_folder) >= 4
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert eventually(lambda: alive_in(folder / "own") == [], 30), alive_in(folder / "own")
