"""The server that starts runs: it notices dead ones after the database was away, and ends when it is told to."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import psycopg
import pytest
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import FuturesAwareThreadPoolExecutor
from dagster._grpc.__generated__ import dagster_api_pb2

import resources.warm_code_server as warm
from tests.local_stack.supervised import eventually

PATIENCE_S = 60.0


@pytest.fixture
def instance(database_url: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    url = urlsplit(database_url)._replace(scheme="postgresql+psycopg2").geturl()
    with dg.DagsterInstance.local_temp(str(tmp_path), {"storage": {"postgres": {"postgres_url": url}}}) as instance:
        yield instance


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """Set when the server is to end."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def code_server(ended: threading.Event) -> Iterator[warm.WarmApiServer]:
    origin = LoadableTargetOrigin(module_name="tests.local_stack.waiting_definitions")
    with FuturesAwareThreadPoolExecutor(max_workers=1) as executor:
        started = warm.WarmApiServer(
            server_termination_event=ended,
            logger=logging.getLogger(__name__),
            server_threadpool_executor=executor,
            loadable_target_origin=origin,
            location_name="cira",
        )
        yield started
        ended.set()
        started.cleanup()
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def process_that(seconds: float) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(seconds,), daemon=True)
    process.start()
    return process  # type: ignore[return-value]


def connections(allowed: bool, url: str) -> None:
    """As a database that was stopped, and one that runs again."""
    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(urlsplit(url)._replace(path="/postgres").geturl(), autocommit=True) as admin:
        admin.execute(f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS {allowed}')
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def test_a_run_that_died_while_the_database_was_away_is_noticed_when_it_is_back(
    code_server: warm.WarmApiServer,
    instance: dg.DagsterInstance,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = create_run_for_test(instance, "process_invoices", status=DagsterRunStatus.STARTED)
    connections(False, database_url)
    dead = process_that(0)
    dead.join()
    code_server._executions[run.run_id] = (dead, instance.get_ref())
    assert eventually(lambda: "the check for dead runs failed" in caplog.text, PATIENCE_S)
    connections(True, database_url)

    def failed() -> bool:
        found = instance.get_run_by_id(run.run_id)
        return found is not None and found.status is DagsterRunStatus.FAILURE

    assert eventually(failed, PATIENCE_S)
    assert eventually(lambda: run.run_id not in code_server._executions, PATIENCE_S)


def test_a_server_that_is_told_to_end_does_not_wait_for_a_run_without_end(
    code_server: warm.WarmApiServer,
    ended: threading.Event,
    instance: dg.DagsterInstance,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Meanwhile it starts no run, and every one that is asked for fails."""
    monkeypatch.setattr(warm, "RUNS_MAY_TAKE_S", 1.0)
    endless = process_that(600)
    code_server._executions["a run"] = (endless, instance.get_ref())
    code_server.ShutdownServer(dagster_api_pb2.Empty(), None)  # type: ignore[arg-type]
    assert ended.wait(PATIENCE_S)
    endless.kill()
