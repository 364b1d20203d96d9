"""Erasing reaches Dagster too: its event log shows what stands on an invoice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetKeyTable, SqlEventLogStorageTable
from sqlalchemy import String, cast, select

from assets.partitions import PARTITIONS_NAME, invoice_jobs
from assets.specs import STAGES, asset_key
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.jobs.erasure import Erasure, ErasureRepository
from cira_pipeline.jobs import JobId
from resources.postgres import PostgresResource
from sensors.erased_jobs import erased_jobs
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf

SHOWN = "Bellweather Tools"


def _said(pipeline: Pipeline) -> str:
    """Everything Dagster keeps of events, as text."""
    tables = (SqlEventLogStorageTable, AssetCheckExecutionsTable, AssetKeyTable)
    said: list[str] = []
    storage: Any = pipeline.instance.event_log_storage
    with storage.index_connection() as connection:
        for table in tables:
            rows = connection.execute(select(*(cast(each, String) for each in table.c)))
            # Printed, a row is cut short.
            said += [str(tuple(row)) for row in rows]
    return "\n".join(said)


def _erase(pipeline: Pipeline, job_id: JobId) -> None:
    objects = ObjectStore(pipeline.settings.object_store_url)
    Erasure(pipeline.database, objects, pipeline.jobs, stopping_s=0).erase(job_id)


def _tick(pipeline: Pipeline) -> None:
    resources = {"postgres": PostgresResource(url=pipeline.settings.postgres_url.get_secret_value())}
    with dg.build_sensor_context(instance=pipeline.instance, resources=resources) as context:
        erased_jobs(context)


def _materialized(pipeline: Pipeline, keys: list[str]) -> dict[str, list[str]]:
    return {
        stage: sorted(pipeline.instance.get_materialized_partitions(asset_key(stage)) & set(keys)) for stage in STAGES
    }


def test_an_erased_invoice_is_gone_from_dagsters_events_and_its_neighbours_stay(pipeline: Pipeline) -> None:
    urls = [pipeline.server.serve(f"/{each}.pdf", invoice_pdf(f"ERASE-{each}")) for each in (1, 2)]
    missing = pipeline.server.url("/missing.pdf")
    kept, erased, failed = pipeline.submit(urls[0], urls[1], missing)
    pipeline.process()
    said = _said(pipeline)
    for shown in ("ERASE-1", "ERASE-2", SHOWN, "missing.pdf"):
        assert shown in said, shown
    for job_id in (erased, failed):
        _erase(pipeline, job_id)
    assert "ERASE-2" in _said(pipeline), "until the sensor has looked"
    _tick(pipeline)

    said = _said(pipeline)
    assert "ERASE-2" not in said
    assert "missing.pdf" not in said
    assert "ERASE-1" in said
    assert _materialized(pipeline, [kept, erased, failed]) == {stage: [kept] for stage in STAGES}
    assert list(pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME)) == [kept]
    status = pipeline.instance.get_status_by_partition(asset_key(STAGES[0]), [kept], invoice_jobs)
    assert status[kept].name == "MATERIALIZED"
    [record] = pipeline.instance.get_asset_records([asset_key(STAGES[-1])])
    assert record.asset_entry.last_materialization.dagster_event.partition == kept
    assert ErasureRepository(pipeline.database).owed_by_dagster() == []
    _tick(pipeline)


def test_what_a_later_run_says_of_an_erased_job_goes_with_the_next_erasure(pipeline: Pipeline) -> None:
    [job_id] = pipeline.submit(pipeline.server.serve("/1.pdf", invoice_pdf("ERASE-3")))
    pipeline.process()
    _erase(pipeline, job_id)
    _tick(pipeline)
    assert "ERASE-3" not in _said(pipeline)
    _erase(pipeline, job_id)
    assert ErasureRepository(pipeline.database).owed_by_dagster() == [job_id]
    _tick(pipeline)
    assert ErasureRepository(pipeline.database).owed_by_dagster() == []


def test_erasing_works_on_the_event_log_that_production_has(
    pipeline: Pipeline, database_url: str, tmp_path: Path
) -> None:
    """Dagster's tables in PostgreSQL, through its own storage of them."""
    folder = tmp_path / "in-postgres"
    folder.mkdir()
    url = urlsplit(database_url)._replace(scheme="postgresql+psycopg2").geturl()
    with dg.DagsterInstance.local_temp(str(folder), {"storage": {"postgres": {"postgres_url": url}}}) as instance:
        in_postgres = replace(pipeline, instance=instance)
        kept, erased = in_postgres.submit(
            *(pipeline.server.serve(f"/p{each}.pdf", invoice_pdf(f"ERASE-P{each}")) for each in (1, 2))
        )
        in_postgres.process()
        assert "ERASE-P2" in _said(in_postgres)
        _erase(in_postgres, erased)
        _tick(in_postgres)
        said = _said(in_postgres)
        assert "ERASE-P2" not in said
        assert "ERASE-P1" in said
        assert _materialized(in_postgres, [kept, erased]) == {stage: [kept] for stage in STAGES}
