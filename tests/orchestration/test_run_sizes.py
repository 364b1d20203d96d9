"""How runs follow the queue, and that nobody waits for ever or costs a run of their own without need."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from assets.partitions import PARTITIONS_NAME
from cira_pipeline.clock import utc_now
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.batches import BatchRepository, RunSizes
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.errors import ReadingCrashed
from cira_pipeline.jobs import JobId, Stage
from tests.orchestration.conftest import Pipeline
from tests.orchestration.test_new_invoices import bounds, requests

SIZES = RunSizes(most_jobs=10, small_runs=2, wait_s=60, most_runs=5, jobs_at_once=100)


@pytest.fixture
def jobs(database: Database) -> JobRepository:
    return JobRepository(database)


@pytest.fixture
def batches(database: Database) -> BatchRepository:
    return BatchRepository(database)


def submit(jobs: JobRepository, count: int, start: int = 0) -> list[JobId]:
    urls = (f"https://example.com/{number}.pdf" for number in range(start, start + count))
    return [each.job.job_id for each in jobs.submit([Submission(url) for url in urls])]


def plan(batches: BatchRepository, *, open_runs: int = 0, later_s: float = 0, sizes: RunSizes = SIZES) -> int:
    open_of_client = {"default": open_runs} if open_runs else {}
    return batches.plan(sizes, open_runs=open_of_client, positions=_none, now=utc_now() + timedelta(seconds=later_s))


def _none(_job_ids: Collection[JobId]) -> Mapping[JobId, int]:
    return {}


def test_one_invoice_gets_a_run_at_once(jobs: JobRepository, batches: BatchRepository) -> None:
    submit(jobs, 1)
    assert plan(batches) == 1


def test_few_invoices_wait_for_more_while_runs_are_busy_but_not_for_long(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    submit(jobs, 3)
    assert plan(batches, open_runs=2) == 0
    assert plan(batches, open_runs=2, later_s=61) == 3


def test_thousands_get_large_runs_and_no_more_than_the_machine_can_bear(
    jobs: JobRepository, batches: BatchRepository
) -> None:
    waiting = submit(jobs, 99)
    assert plan(batches, open_runs=2) == 30
    assert [(batch.first_job, batch.last_job) for batch in batches.open()] == [
        (waiting[start], waiting[start + 9]) for start in (0, 10, 20)
    ]
    assert plan(batches, open_runs=5) == 0


def test_two_sensors_at_once_never_plan_one_job_twice(jobs: JobRepository, batches: BatchRepository) -> None:
    submit(jobs, 50)
    with ThreadPoolExecutor(4) as threads:
        planned = sum(threads.map(lambda _: plan(batches), range(4)))
    members = [
        job.job_id for batch in batches.jobs([each.batch_id for each in batches.open()]).values() for job in batch
    ]
    assert planned == 50
    assert len(members) == len(set(members)) == 50


def test_many_retried_jobs_share_a_run_where_their_keys_stand_side_by_side(pipeline: Pipeline) -> None:
    ids = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(9)))
    asked = requests(pipeline.tick())
    for request in asked:
        create_run_for_test(
            pipeline.instance, "process_invoices", tags=dict(request.tags), status=DagsterRunStatus.SUCCESS
        )
    for job in ids:
        pipeline.jobs.fail(job, Stage.OCR_TEXT, ReadingCrashed("it crashed"))
    for job in (*ids[1:4], *ids[6:8]):
        pipeline.jobs.retry(job)
    assert [bounds(request) for request in requests(pipeline.tick())] == [(ids[1], ids[3]), (ids[6], ids[7])]


def test_a_retried_job_whose_key_was_removed_gets_it_back(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    (request,) = requests(pipeline.tick())
    create_run_for_test(pipeline.instance, "process_invoices", tags=dict(request.tags), status=DagsterRunStatus.SUCCESS)
    pipeline.jobs.fail(job, Stage.OCR_TEXT, ReadingCrashed("it crashed"))
    pipeline.instance.delete_dynamic_partition(PARTITIONS_NAME, job)
    pipeline.jobs.retry(job)
    fresh = pipeline.submit(pipeline.server.url("/b.pdf"), pipeline.server.url("/c.pdf"))

    (request,) = requests(pipeline.tick())

    assert bounds(request) == (job, fresh[-1])
    assert pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME) == [job, *fresh]
