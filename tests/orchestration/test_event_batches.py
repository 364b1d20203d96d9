"""Materialisations are written together, soon, all of them, and Dagster's tables say the same as one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest
from dagster import DagsterEventType

from assets.specs import STAGES, asset_key
from cira_pipeline.jobs import JobId
from tests.local_stack.supervised import eventually
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf

PATIENCE_S = 60.0


@pytest.fixture
def in_postgres(
    pipeline: Pipeline, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pipeline]:
    """Dagster's tables where production has them, and its setting for batches as `cira up` gives it."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
    folder = tmp_path / "in-postgres"
    folder.mkdir()
    url = urlsplit(database_url)._replace(scheme="postgresql+psycopg2").geturl()
    with dg.DagsterInstance.local_temp(str(folder), {"storage": {"postgres": {"postgres_url": url}}}) as instance:
        yield replace(pipeline, instance=instance)


@pytest.fixture
def written(in_postgres: Pipeline, monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, str | None]]]:
    """Each batch that reaches Dagster's storage: (asset, partition) of its materialisations."""
    storage, batches = in_postgres.instance.event_log_storage, list[list[tuple[str, str | None]]]()
    genuine = storage.store_event_batch

    def note(events: list[dg.EventLogEntry]) -> None:
        happened = [event.get_dagster_event() for event in events]
        if happened[0].event_type is DagsterEventType.ASSET_MATERIALIZATION:
            batches.append([(each.asset_key.to_user_string(), each.partition) for each in happened if each.asset_key])
        genuine(events)

    monkeypatch.setattr(storage, "store_event_batch", note)
    return batches


def shown(pipeline: Pipeline) -> dict[str, list[str]]:
    """Asset -> the partitions of its materialisations, as often as there are any."""
    return {
        stage: sorted(
            record.partition_key or ""
            for record in pipeline.instance.fetch_materializations(asset_key(stage), limit=1_000).records
        )
        for stage in STAGES
    }


def submit(pipeline: Pipeline, *names: str) -> list[JobId]:
    return pipeline.submit(*(pipeline.server.serve(f"/{name}.pdf", invoice_pdf(name)) for name in names))


def test_each_is_written_once_and_batches_are_of_one_asset(
    in_postgres: Pipeline, written: list[list[tuple[str, str | None]]]
) -> None:
    jobs = submit(in_postgres, "EB-1", "EB-2", "EB-3")
    (run,) = in_postgres.process()
    assert run.success
    assert shown(in_postgres) == {stage: sorted(jobs) for stage in STAGES}
    assert written, "nothing was written together"
    assert all(len({asset for asset, _ in batch}) == 1 for batch in written)
    for stage in STAGES:
        # What Dagster keeps beside the events of an asset: its newest materialisation.
        newest = in_postgres.instance.get_latest_materialization_event(asset_key(stage))
        (record,) = in_postgres.instance.fetch_materializations(asset_key(stage), limit=1).records
        assert newest is not None
        assert newest.get_dagster_event().partition == record.partition_key


def test_what_is_finished_is_shown_while_others_are_at_work(in_postgres: Pipeline) -> None:
    quick, slow = submit(in_postgres, "EB-4", "EB-5")
    in_postgres.server.hold("/EB-5.pdf")
    at_work = threading.Thread(target=in_postgres.process)
    at_work.start()
    try:
        assert eventually(lambda: shown(in_postgres) == {stage: [quick] for stage in STAGES}, PATIENCE_S), shown(
            in_postgres
        )
        assert at_work.is_alive()
    finally:
        in_postgres.server.release("/EB-5.pdf")
        at_work.join(PATIENCE_S)
    assert shown(in_postgres) == {stage: sorted([quick, slow]) for stage in STAGES}


def test_a_run_that_fails_has_shown_all_that_was_finished(in_postgres: Pipeline) -> None:
    jobs = submit(in_postgres, "EB-6", "EB-7")
    in_postgres.submit(in_postgres.server.url("/none.pdf"))
    (run,) = in_postgres.process()
    assert not run.success
    assert shown(in_postgres) == {stage: sorted(jobs) for stage in STAGES}
    last = [event.dagster_event_type for event in in_postgres.instance.all_logs(run.run_id)]
    assert DagsterEventType.ASSET_MATERIALIZATION not in last[last.index(DagsterEventType.STEP_FAILURE) :]


def test_a_batch_that_cannot_be_written_is_written_one_by_one(
    in_postgres: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(events: list[dg.EventLogEntry]) -> None:
        if events[0].dagster_event_type is DagsterEventType.ASSET_MATERIALIZATION:
            raise RuntimeError("no batches today")
        genuine(events)

    storage = in_postgres.instance.event_log_storage
    genuine = storage.store_event_batch
    monkeypatch.setattr(storage, "store_event_batch", refuse)
    jobs = submit(in_postgres, "EB-8", "EB-9")
    in_postgres.process()
    assert shown(in_postgres) == {stage: sorted(jobs) for stage in STAGES}


def test_afterwards_the_instance_is_as_it_was(in_postgres: Pipeline) -> None:
    before = in_postgres.instance.handle_new_event
    submit(in_postgres, "EB-10")
    in_postgres.process()
    assert in_postgres.instance.handle_new_event == before
