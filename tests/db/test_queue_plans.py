"""The sensor's questions stay cheap whatever has piled up: PostgreSQL answers each from an index of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, text

from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.batches import JOBS_SQL, OPEN_SQL, RUNNING_IN_NO_BATCH_SQL, WAITING_SQL
from cira_pipeline.db.jobs.partition_keys import JOBS_OF_SQL
from tests.db.many_jobs import fill_queue


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Far more finished jobs than open ones, as after a month."""
    with database.begin() as connection:
        fill_queue(connection, finished=30_000, running=100, waiting=3_000)
        yield connection


def plan_of(connection: Connection, sql: str, **parameters: Any) -> str:
    rows = connection.execute(text(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}"), parameters)
    return "\n".join(row[0] for row in rows)


def test_waiting_jobs_are_found_without_reading_finished_ones(connection: Connection) -> None:
    plan = plan_of(connection, WAITING_SQL, max_jobs=100, avoid=["a.example"], admitted=[])
    assert "jobs_client_waiting_idx" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan


def test_open_runs_are_found_without_reading_finished_jobs(connection: Connection) -> None:
    plan = plan_of(connection, OPEN_SQL)
    assert "jobs_open_batch_idx" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan


def test_jobs_whose_run_alone_has_them_are_found_without_reading_others(connection: Connection) -> None:
    plan = plan_of(connection, RUNNING_IN_NO_BATCH_SQL)
    assert "jobs_running_in_no_batch_idx" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan


def test_the_jobs_of_a_run_are_found_by_it(connection: Connection) -> None:
    plan = plan_of(connection, JOBS_SQL, batch_ids=[f"bat_{7:026}"])
    assert "jobs_batch_id_idx" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan


def test_the_jobs_of_a_partition_key_are_found_without_reading_others(connection: Connection) -> None:
    plan = plan_of(connection, JOBS_OF_SQL, keys=[f"bat_{7:026}", f"inv_{7:026}"])
    assert "jobs_partition_key_idx" in plan, plan
    assert "Seq Scan on jobs" not in plan, plan
