"""What housekeeping removes from Dagster, and what must survive it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text

from assets.housekeeping import remove_keys, remove_runs
from assets.partitions import PARTITIONS_NAME
from cira_pipeline.clock import utc_now
from cira_pipeline.db.jobs.partition_keys import PartitionKeys
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.errors import ReadingCrashed
from cira_pipeline.jobs import JobId, JobStatus, Stage
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.orchestration.test_new_invoices import bounds, requests


def keys(pipeline: Pipeline) -> list[str]:
    return list(pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME))


def age(pipeline: Pipeline, *job_ids: JobId, days: int) -> None:
    with pipeline.database.begin() as connection:
        connection.execute(
            text("UPDATE cira.jobs SET finished_at = finished_at - :age WHERE job_id = ANY(:job_ids)"),
            {"age": timedelta(days=days), "job_ids": list(job_ids)},
        )


def touch(pipeline: Pipeline, job: JobId) -> None:
    """A change of the job, by somebody who does not wait long for it."""
    with pipeline.database.begin() as other:
        other.execute(text("SET LOCAL lock_timeout = '200ms'"))
        other.execute(text("UPDATE cira.jobs SET updated_at = now() WHERE job_id = :job"), {"job": job})


def tidy(pipeline: Pipeline) -> None:
    job = pipeline.definitions.get_job_def("housekeeping")
    assert job.execute_in_process(instance=pipeline.instance).success


def test_keys_of_invoices_done_long_ago_go_and_their_records_stay(pipeline: Pipeline) -> None:
    old, new = pipeline.submit(
        *(pipeline.server.serve(f"/{number}.pdf", invoice_pdf(number)) for number in ("BT-1", "BT-2"))
    )
    pipeline.process()
    age(pipeline, old, days=40)

    tidy(pipeline)

    assert keys(pipeline) == [new]
    assert pipeline.jobs.get(old).status is JobStatus.SUCCEEDED
    assert RecordRepository(pipeline.database).get(old) is not None


def test_failed_and_waiting_invoices_stay_in_sight_however_old(pipeline: Pipeline) -> None:
    failed, waiting = pipeline.submit(pipeline.server.url("/a.pdf"), pipeline.server.url("/b.pdf"))
    pipeline.tick()
    pipeline.jobs.fail(failed, Stage.OCR_TEXT, ReadingCrashed("it crashed"))
    age(pipeline, failed, days=400)
    tidy(pipeline)
    assert keys(pipeline) == [failed, waiting]


def test_a_rejected_invoice_retried_after_its_key_was_removed_runs_again(pipeline: Pipeline) -> None:
    url = pipeline.server.serve("/a.pdf", b"no invoice at all")
    (job,) = pipeline.submit(url)
    pipeline.process()
    assert pipeline.jobs.get(job).status is JobStatus.REJECTED
    age(pipeline, job, days=40)
    tidy(pipeline)
    assert keys(pipeline) == []

    pipeline.server.serve("/a.pdf", invoice_pdf("BT-3"))
    pipeline.jobs.retry(job)
    (request,) = requests(pipeline.tick())
    assert bounds(request) == (job, job)
    assert pipeline.launch(request).success
    assert pipeline.jobs.get(job).status is JobStatus.SUCCEEDED


def test_no_job_is_retried_into_a_key_that_is_being_removed(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.serve("/a.pdf", b"no invoice at all"))
    pipeline.process()
    with PartitionKeys(pipeline.database).long_done([job], utc_now()) as done:
        assert done == (job,)
        with pytest.raises(Exception, match="lock timeout"):
            touch(pipeline, job)
    touch(pipeline, job)


def test_old_runs_go_with_their_events_and_those_at_work_stay(pipeline: Pipeline) -> None:
    instance = pipeline.instance
    ended = create_run_for_test(instance, "process_invoices", status=DagsterRunStatus.SUCCESS)
    at_work = create_run_for_test(instance, "process_invoices", status=DagsterRunStatus.STARTED)
    assert remove_runs(instance, utc_now() - timedelta(days=1)) == 0
    assert remove_runs(instance, utc_now() + timedelta(days=1)) == 1
    assert instance.get_run_by_id(ended.run_id) is None
    assert instance.get_run_by_id(at_work.run_id) is not None


def test_the_output_of_old_runs_does_not_fill_the_disk(tmp_path: Path) -> None:
    """Dagster keeps what each step printed as files, and does not delete them with the run."""
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        ended = create_run_for_test(instance, "process_invoices", status=DagsterRunStatus.SUCCESS)
        at_work = create_run_for_test(instance, "process_invoices", status=DagsterRunStatus.STARTED)
        for run in (ended, at_work):
            with instance.compute_log_manager.capture_logs([run.run_id, "compute_logs", "step"]):
                print("a line")
        assert remove_runs(instance, utc_now() + timedelta(days=1)) == 1
        assert [each.parts[-3] for each in tmp_path.rglob("step.out")] == [at_work.run_id]


def test_housekeeping_that_was_stopped_halfway_goes_on(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{number}.pdf") for number in range(3)))
    pipeline.tick()
    for job in jobs:
        pipeline.jobs.cancel(job)
    pipeline.instance.delete_dynamic_partition(PARTITIONS_NAME, jobs[0])
    assert remove_keys(pipeline.instance, pipeline.database, utc_now() + timedelta(seconds=1)) == 2
    assert keys(pipeline) == []
