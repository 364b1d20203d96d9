"""The sensor: no job may be lost or run twice, wherever a tick is cut off."""

from __future__ import annotations

import dagster as dg
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from assets.partitions import BATCH_TAG, PARTITIONS_NAME
from cira_pipeline.jobs import JobStatus, Stage
from sensors.new_invoices import MAX_ATTEMPTS, RANGE_END_TAG, RANGE_START_TAG
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf


def requests(result: dg.SensorResult | dg.SkipReason) -> list[dg.RunRequest]:
    return list(getattr(result, "run_requests", None) or ())


def bounds(request: dg.RunRequest) -> tuple[str | None, str | None]:
    if request.partition_key:
        return request.partition_key, request.partition_key
    return request.tags.get(RANGE_START_TAG), request.tags.get(RANGE_END_TAG)


def failed_run(pipeline: Pipeline, request: dg.RunRequest, *, will_retry: str | None = None) -> dg.DagsterRun:
    tags = dict(request.tags) | ({"dagster/will_retry": will_retry} if will_retry else {})
    return create_run_for_test(pipeline.instance, "process_invoices", tags=tags, status=DagsterRunStatus.FAILURE)


def test_waiting_jobs_become_ranges_oldest_first(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(7)))
    asked = requests(pipeline.tick())
    assert [bounds(request) for request in asked] == [(jobs[0], jobs[2]), (jobs[3], jobs[5]), (jobs[6], jobs[6])]
    assert pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME) == jobs


def test_a_tick_with_nothing_waiting_says_so(pipeline: Pipeline) -> None:
    assert isinstance(pipeline.tick(), dg.SkipReason)


def test_a_tick_that_never_reached_dagster_is_repeated_with_the_same_run_keys(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(4)))
    lost = requests(pipeline.tick_and_crash())
    assert pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME) == []

    late = pipeline.submit(pipeline.server.url("/late.pdf"))
    repeated = requests(pipeline.tick())

    assert [request.run_key for request in repeated[: len(lost)]] == [request.run_key for request in lost]
    assert pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME) == jobs + late


def test_a_batch_with_a_run_is_not_asked_for_again(pipeline: Pipeline) -> None:
    pipeline.submit(pipeline.server.url("/a.pdf"))
    (request,) = requests(pipeline.tick())
    create_run_for_test(pipeline.instance, "process_invoices", tags=dict(request.tags), status=DagsterRunStatus.STARTED)
    assert isinstance(pipeline.tick(), dg.SkipReason)


def test_a_job_cancelled_before_its_keys_were_added_does_not_wedge_the_sensor(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(3)))
    pipeline.tick_and_crash()
    pipeline.jobs.cancel(jobs[0])
    (request,) = requests(pipeline.tick())
    assert bounds(request) == (jobs[0], jobs[2])
    assert set(jobs) <= set(pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME))


def test_a_job_whose_run_died_gets_a_run_of_its_own(pipeline: Pipeline) -> None:
    url = pipeline.server.serve("/a.pdf", invoice_pdf("BT-8001"))
    job, _ = pipeline.submit(url, pipeline.server.url("/b.pdf"))
    (request,) = requests(pipeline.tick())
    run = failed_run(pipeline, request, will_retry="false")
    pipeline.jobs.start(job, Stage.OCR_TEXT, run.run_id)

    asked = requests(pipeline.tick())

    assert (job, job) in [bounds(request) for request in asked]
    assert request.tags[BATCH_TAG] not in {each.tags[BATCH_TAG] for each in asked}


def test_a_job_waits_for_the_automatic_retry_dagster_owes_its_run(pipeline: Pipeline) -> None:
    pipeline.submit(pipeline.server.url("/a.pdf"))
    (request,) = requests(pipeline.tick())
    failed_run(pipeline, request, will_retry="true")
    assert isinstance(pipeline.tick(), dg.SkipReason)


def test_a_job_gets_no_second_run_before_dagster_said_whether_it_retries_the_first(pipeline: Pipeline) -> None:
    pipeline.submit(pipeline.server.url("/a.pdf"))
    (request,) = requests(pipeline.tick())
    failed_run(pipeline, request)
    assert isinstance(pipeline.tick(), dg.SkipReason)


def test_a_job_that_kills_every_run_fails_with_a_code_instead_of_going_round_for_ever(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    for _ in range(MAX_ATTEMPTS):
        (request,) = requests(pipeline.tick())
        run = failed_run(pipeline, request, will_retry="false")
        pipeline.jobs.start(job, Stage.OCR_TEXT, run.run_id)
    assert requests(pipeline.tick()) == []
    ended = pipeline.jobs.get(job)
    assert (ended.status, ended.error_code) == (JobStatus.FAILED, "run_interrupted")
    assert ended.stage is Stage.OCR_TEXT


def test_jobs_that_were_in_flight_together_run_alone_before_one_of_them_fails(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(3)))
    (request,) = requests(pipeline.tick())
    for _ in range(MAX_ATTEMPTS):
        run = failed_run(pipeline, request, will_retry="false")
        for job in jobs[:2]:
            pipeline.jobs.start(job, Stage.OCR_TEXT, run.run_id)

    alone = {bounds(each)[0]: each for each in requests(pipeline.tick())}

    assert set(alone) == set(jobs)
    assert {pipeline.jobs.get(job).status for job in jobs} == {JobStatus.QUEUED}
    for job in jobs:
        run = failed_run(pipeline, alone[job], will_retry="false")
        pipeline.jobs.start(job, Stage.OCR_TEXT, run.run_id)
    pipeline.tick()
    assert [pipeline.jobs.get(job).status for job in jobs] == [JobStatus.FAILED, JobStatus.FAILED, JobStatus.QUEUED]


def test_a_job_that_its_last_run_had_not_taken_up_again_is_not_the_reason_why_it_died(pipeline: Pipeline) -> None:
    innocent, guilty = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(2)))
    (request,) = requests(pipeline.tick())
    for _ in range(MAX_ATTEMPTS):
        run = failed_run(pipeline, request, will_retry="false")
        pipeline.jobs.start(innocent, Stage.OCR_TEXT, run.run_id)
    last = failed_run(pipeline, request, will_retry="false")
    for run_id in ("before", "before that", last.run_id):
        pipeline.jobs.start(guilty, Stage.OCR_TEXT, run_id)
    pipeline.tick()
    assert pipeline.jobs.get(innocent).status is JobStatus.QUEUED
    assert pipeline.jobs.get(guilty).status is JobStatus.FAILED
