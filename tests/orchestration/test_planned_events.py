"""A run's planned events, written together: Dagster's UI shows the same as with Dagster's own storage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import psycopg
import pytest
from dagster._core.storage.dagster_run import DagsterRun

from assets.partitions import PARTITIONS_NAME, invoice_jobs
from assets.specs import STAGES, asset_key
from sensors.new_invoices import RANGE_END_TAG, RANGE_START_TAG
from tests.orchestration.conftest import Pipeline
from tests.orchestration.test_event_batches import submit

KEYS = [f"job_{number:03}" for number in range(30)]
PLANNED = (
    "SELECT dagster_event_type, step_key, asset_key, partition FROM public.event_logs "
    "WHERE run_id = %s AND dagster_event_type LIKE '%%PLANNED' ORDER BY 1, 3, 4, event"
)
CHECKS = (
    "SELECT asset_key, check_name, partition, execution_status FROM public.asset_check_executions "
    "WHERE run_id = %s ORDER BY 1, 2, 3"
)
LAST_RUNS = "SELECT asset_key FROM public.asset_keys WHERE last_run_id = %s ORDER BY 1"
CHECK_BYTES = "SELECT max(length(evaluation_event)) FROM public.asset_check_executions WHERE run_id = %s"


def storage(kind: str, database_url: str) -> dict[str, Any]:
    config = {"postgres_url": urlsplit(database_url)._replace(scheme="postgresql+psycopg2").geturl()}
    if kind == "dagster":
        return {"storage": {"postgres": config}}
    ours = {"module": "resources.dagster_storage", "class": "BatchedPostgresStorage", "config": config}
    return {"storage": {"custom": ours}}


def planned_run(pipeline: Pipeline, instance: dg.DagsterInstance, keys: list[str]) -> DagsterRun:
    instance.add_dynamic_partitions(PARTITIONS_NAME, keys)
    tags = {RANGE_START_TAG: keys[0], RANGE_END_TAG: keys[-1]}
    return instance.create_run_for_job(pipeline.definitions.get_job_def("process_invoices"), tags=tags)


def told(database_url: str, run: DagsterRun) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(database_url) as connection:
        return [connection.execute(query, (run.run_id,)).fetchall() for query in (PLANNED, CHECKS, LAST_RUNS)]


def test_dagster_shows_the_planned_run_as_its_own_storage_would(
    pipeline: Pipeline, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Batches end in the middle of an asset, as those of a run of hundreds of jobs do.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "50")
    shown = {}
    for kind in ("dagster", "ours"):
        folder = tmp_path / kind
        folder.mkdir()
        with dg.DagsterInstance.local_temp(str(folder), storage(kind, database_url)) as instance:
            run = planned_run(pipeline, instance, KEYS)
            shown[kind] = told(database_url, run)
            instance.report_run_failed(run)
            for stage in STAGES:
                failed = instance.get_status_by_partition(asset_key(stage), KEYS, invoice_jobs)
                assert failed is not None
                assert {str(status) for status in failed.values()} == {"AssetPartitionStatus.FAILED"}
    assert shown["ours"] == shown["dagster"]
    events, checks, last_runs = shown["ours"]
    assert len(checks) == 3 * len(KEYS)
    assert len(events) == 4 * len(KEYS) + 3
    assert len(last_runs) == 4


def test_what_a_check_is_planned_for_does_not_grow_with_the_square_of_the_run(
    pipeline: Pipeline, database_url: str, tmp_path: Path
) -> None:
    longest: list[int] = []
    with (
        dg.DagsterInstance.local_temp(str(tmp_path), storage("ours", database_url)) as instance,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        for keys in (KEYS[:2], KEYS):
            run = planned_run(pipeline, instance, keys)
            (size,) = connection.execute(CHECK_BYTES, (run.run_id,)).fetchone() or (0,)
            longest.append(size)
    # A time stamp has a digit more or less; each job's key that it named would add ten bytes.
    assert 0 < longest[1] < longest[0] + len(KEYS)


def test_a_run_of_a_planned_range_shows_its_checks_as_evaluated(
    pipeline: Pipeline, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    with dg.DagsterInstance.local_temp(str(tmp_path), storage("ours", database_url)) as instance:
        in_postgres = replace(pipeline, instance=instance)
        jobs = submit(in_postgres, "PE-1", "PE-2", "PE-3")
        (run,) = in_postgres.process()
        assert run.success
        _, checks, _ = told(database_url, run.dagster_run)
    assert len(checks) == 3 * len(jobs)
    assert {status for *_, status in checks} <= {"SUCCEEDED", "FAILED"}
