"""The sensor: no job may be lost or run twice, wherever a tick is cut off."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
from dagster import DagsterRunStatus
from dagster._core.execution.plan.objects import StepFailureData
from dagster._core.storage.runs.schema import RunsTable
from dagster._core.storage.tags import PARTITION_NAME_TAG
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import select

from assets.partitions import BATCH_TAG, PARTITIONS_NAME
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.settings import Settings
from sensors.new_invoices import MAX_ATTEMPTS, MOST_ATTEMPTS, RANGE_END_TAG, RANGE_START_TAG, RETRIED_BY_TAG, SMALL_RUN
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
    if request.partition_key is not None:
        tags[PARTITION_NAME_TAG] = request.partition_key
    return create_run_for_test(pipeline.instance, "process_invoices", tags=tags, status=DagsterRunStatus.FAILURE)


def died_earlier(pipeline: Pipeline, run: dg.DagsterRun, by: timedelta) -> None:
    with pipeline.instance.run_storage.connect() as connection:  # type: ignore[attr-defined]
        of_run = RunsTable.c.run_id == run.run_id
        (updated,) = connection.execute(select(RunsTable.c.update_timestamp).where(of_run)).one()
        connection.execute(RunsTable.update().where(of_run).values(update_timestamp=updated - by))


def start(pipeline: Pipeline, job: JobId, run: dg.DagsterRun) -> None:
    """As the run does it: it knows that the run it takes the job over from is dead."""
    left_by = pipeline.jobs.get(job).run_id
    batch_id = run.tags[BATCH_TAG]
    assert pipeline.jobs.start(job, Stage.OCR_TEXT, run.run_id, planned_as=batch_id, left_by=left_by) is not None


def test_waiting_jobs_become_ranges_oldest_first(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(7)))
    asked = requests(pipeline.tick())
    assert [bounds(request) for request in asked] == [(jobs[0], jobs[2]), (jobs[3], jobs[5]), (jobs[6], jobs[6])]
    assert pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME) == jobs


def test_a_few_invoices_are_asked_for_before_large_runs_and_a_tick_never_asks_for_all_of_a_backlog(
    pipeline: Pipeline,
) -> None:
    from cira_pipeline.definitions import definitions

    pipeline.definitions = definitions(Settings(batch_max_jobs=SMALL_RUN + 1, sensor_max_jobs=1))
    backlog = pipeline.submit(*(pipeline.server.url(f"/{number}.pdf") for number in range(2 * (SMALL_RUN + 1))))
    # Ticks that planned and never reached Dagster.
    pipeline.tick_and_crash()
    pipeline.tick_and_crash()
    submitted = pipeline.jobs.submit([Submission(pipeline.server.url("/few.pdf"), client="few")])
    few = submitted[0].job.job_id
    asked = requests(pipeline.tick())
    assert [bounds(request) for request in asked] == [(few, few), (backlog[0], backlog[SMALL_RUN])]
    for request in asked:
        create_run_for_test(
            pipeline.instance, "process_invoices", tags=dict(request.tags), status=DagsterRunStatus.STARTED
        )
    assert [bounds(request) for request in requests(pipeline.tick())] == [(backlog[SMALL_RUN + 1], backlog[-1])]


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


def keys_between(pipeline: Pipeline, first: str | None, last: str | None) -> list[str]:
    """What a run of this range does: Dagster goes by the order in which keys were added."""
    keys = list(pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME))
    return keys[keys.index(first or "") : keys.index(last or "") + 1]


def test_a_range_in_another_order_than_its_ids_is_whole_again_after_dagsters_tables_were_lost(
    pipeline: Pipeline,
) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(3)))
    (request,) = requests(pipeline.tick())
    # The first one's key stands last, as when housekeeping had taken it away.
    pipeline.instance.delete_dynamic_partition(PARTITIONS_NAME, jobs[0])
    pipeline.instance.add_dynamic_partitions(PARTITIONS_NAME, [jobs[0]])
    failed_run(pipeline, request, will_retry="false")
    assert [bounds(each) for each in requests(pipeline.tick_and_crash())] == [(jobs[1], jobs[0])]

    for key in jobs:
        pipeline.instance.delete_dynamic_partition(PARTITIONS_NAME, key)
    (again,) = requests(pipeline.tick())
    assert sorted(keys_between(pipeline, *bounds(again))) == sorted(jobs)


def test_a_range_whose_first_key_was_taken_away_is_planned_anew_instead_of_failing_every_tick(
    pipeline: Pipeline,
) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(3)))
    (lost,) = requests(pipeline.tick())
    pipeline.jobs.cancel(jobs[0])
    pipeline.instance.delete_dynamic_partition(PARTITIONS_NAME, jobs[0])  # as its erasure does
    assert requests(pipeline.tick()) == []
    (again,) = requests(pipeline.tick())
    assert again.run_key != lost.run_key
    assert keys_between(pipeline, *bounds(again)) == jobs[1:]


def test_two_ranges_of_one_tick_do_not_turn_each_other_round(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(4)))
    first, second = requests(pipeline.tick_and_crash())
    assert [bounds(first), bounds(second)] == [(jobs[0], jobs[2]), (jobs[3], jobs[3])]
    for key in jobs:
        pipeline.instance.delete_dynamic_partition(PARTITIONS_NAME, key)
    pipeline.instance.add_dynamic_partitions(PARTITIONS_NAME, [jobs[2]])
    assert [bounds(each) for each in requests(pipeline.tick())] == [(jobs[3], jobs[3])]
    anew = [each for each in requests(pipeline.tick()) if each.run_key not in (first.run_key, second.run_key)]
    assert sorted(key for each in anew for key in keys_between(pipeline, *bounds(each))) == jobs[:3]


def test_the_ends_of_a_range_have_keys_even_if_a_person_took_their_jobs(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(3)))
    pipeline.tick_and_crash()
    pipeline.jobs.start(jobs[0], Stage.RAW_DOCUMENT, "a person's run")
    request = next(each for each in requests(pipeline.tick()) if bounds(each)[1] == jobs[2])
    assert sorted(keys_between(pipeline, *bounds(request))) == sorted(jobs)


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
    start(pipeline, job, run)

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
        start(pipeline, job, run)
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
            start(pipeline, job, run)

    alone = {bounds(each)[0]: each for each in requests(pipeline.tick())}

    assert set(alone) == set(jobs)
    assert {pipeline.jobs.get(job).status for job in jobs} == {JobStatus.QUEUED}
    for minutes, job in enumerate(jobs):
        run = failed_run(pipeline, alone[job], will_retry="false")
        start(pipeline, job, run)
        died_earlier(pipeline, run, timedelta(minutes=2 * minutes))
    pipeline.tick()
    assert [pipeline.jobs.get(job).status for job in jobs] == [JobStatus.FAILED, JobStatus.FAILED, JobStatus.QUEUED]


def test_jobs_whose_runs_died_together_with_what_they_run_on_are_not_the_reason(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(2)))
    (together,) = requests(pipeline.tick())
    alone: dict[str | None, dg.RunRequest] = dict.fromkeys(jobs, together)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        for job in jobs:
            start(pipeline, job, failed_run(pipeline, alone[job], will_retry="false"))
        alone = {bounds(each)[0]: each for each in requests(pipeline.tick())}
        statuses = {pipeline.jobs.get(job).status for job in jobs}
        assert statuses == {JobStatus.QUEUED if attempt < MOST_ATTEMPTS else JobStatus.FAILED}, attempt


def test_a_job_dies_alone_beside_runs_that_failed_by_themselves(pipeline: Pipeline) -> None:
    job, other = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(2)))
    (request,) = requests(pipeline.tick())
    for _ in range(2):
        start(pipeline, job, failed_run(pipeline, request, will_retry="false"))
    alone = {bounds(each)[0]: each for each in requests(pipeline.tick())}
    start(pipeline, job, failed_run(pipeline, alone[job], will_retry="false"))
    failed = failed_run(pipeline, alone[other], will_retry="false")
    step_failed = dg.DagsterEvent(
        event_type_value=dg.DagsterEventType.STEP_FAILURE.value,
        job_name="process_invoices",
        step_key="invoices",
        event_specific_data=StepFailureData(error=None, user_failure_data=None),
    )
    pipeline.instance.report_dagster_event(step_failed, run_id=failed.run_id)
    pipeline.tick()
    assert pipeline.jobs.get(job).status is JobStatus.FAILED


def test_a_job_that_its_last_run_had_not_taken_up_again_is_not_the_reason_why_it_died(pipeline: Pipeline) -> None:
    innocent, guilty = pipeline.submit(*(pipeline.server.url(f"/{n}.pdf") for n in range(2)))
    (request,) = requests(pipeline.tick())
    for _ in range(MAX_ATTEMPTS):
        run = failed_run(pipeline, request, will_retry="false")
        start(pipeline, innocent, run)
    for _ in range(MAX_ATTEMPTS):
        start(pipeline, guilty, failed_run(pipeline, request, will_retry="false"))
    pipeline.tick()
    assert pipeline.jobs.get(innocent).status is JobStatus.QUEUED
    assert pipeline.jobs.get(guilty).status is JobStatus.FAILED


def lost_job(pipeline: Pipeline) -> tuple[JobId, dg.RunRequest, dg.DagsterRun]:
    """A job in the state an older version left it in: running in no batch, in a late retry that died."""
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    (request,) = requests(pipeline.tick())
    first = failed_run(pipeline, request, will_retry="false")
    start(pipeline, job, first)
    pipeline.jobs.requeue(pipeline.jobs.get(job))
    late_retry = failed_run(pipeline, request, will_retry="false")
    assert pipeline.jobs.start(job, Stage.OCR_TEXT, late_retry.run_id) is not None
    stands = pipeline.jobs.get(job)
    assert (stands.status, stands.batch_id, stands.run_id) == (JobStatus.RUNNING, None, late_retry.run_id)
    return job, request, late_retry


def test_a_job_that_runs_in_no_batch_is_not_lost_when_its_run_dies(pipeline: Pipeline) -> None:
    job, first_request, _ = lost_job(pipeline)
    (request,) = requests(pipeline.tick())
    assert bounds(request) == (job, job)
    assert request.run_key != first_request.run_key
    start(pipeline, job, create_run_for_test(pipeline.instance, "process_invoices", tags=dict(request.tags)))


def test_a_late_retry_leaves_a_job_alone_that_was_queued_again(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    (request,) = requests(pipeline.tick())
    start(pipeline, job, failed_run(pipeline, request, will_retry="false"))
    pipeline.jobs.requeue(pipeline.jobs.get(job))
    run = pipeline.launch(request)
    assert run.success
    assert pipeline.jobs.get(job).status is JobStatus.QUEUED
    assert pipeline.server.requests["/a.pdf"] == 0


def test_a_job_that_a_person_runs_is_queued_again_when_that_run_dies_and_not_before(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    by_hand = create_run_for_test(pipeline.instance, "process_invoices", status=DagsterRunStatus.STARTED)
    pipeline.jobs.start(job, Stage.OCR_TEXT, by_hand.run_id)
    assert isinstance(pipeline.tick(), dg.SkipReason)
    pipeline.instance.report_run_failed(by_hand)
    assert isinstance(pipeline.tick(), dg.SkipReason), "Dagster may still retry it"
    pipeline.instance.add_run_tags(by_hand.run_id, {"dagster/will_retry": "false"})
    (request,) = requests(pipeline.tick())
    assert bounds(request) == (job, job)


def test_a_job_that_a_person_runs_stays_with_the_automatic_retry_of_that_run(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    retry = create_run_for_test(pipeline.instance, "process_invoices", status=DagsterRunStatus.STARTED)
    tags = {RETRIED_BY_TAG: retry.run_id, "dagster/will_retry": "true"}
    first = create_run_for_test(pipeline.instance, "process_invoices", status=DagsterRunStatus.FAILURE, tags=tags)
    pipeline.jobs.start(job, Stage.OCR_TEXT, first.run_id)
    assert isinstance(pipeline.tick(), dg.SkipReason)
    pipeline.instance.report_run_canceled(retry)
    assert [bounds(request) for request in requests(pipeline.tick())] == [(job, job)]


def test_a_job_in_a_run_that_dagster_does_not_know_any_more_is_queued_again(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    pipeline.jobs.start(job, Stage.OCR_TEXT, "a run of lost tables")
    assert [bounds(request) for request in requests(pipeline.tick())] == [(job, job)]


def test_a_job_that_kills_every_run_a_person_starts_fails_with_a_code_too(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/a.pdf"))
    for _ in range(MAX_ATTEMPTS):
        tags = {"dagster/will_retry": "false"}
        run = create_run_for_test(pipeline.instance, "process_invoices", status=DagsterRunStatus.FAILURE, tags=tags)
        pipeline.jobs.start(job, Stage.OCR_TEXT, run.run_id)
        pipeline.tick()
    assert pipeline.jobs.get(job).error_code == "run_interrupted"


def test_a_run_that_was_made_and_never_launched_is_asked_for_again(pipeline: Pipeline) -> None:
    pipeline.submit(pipeline.server.url("/a.pdf"))
    (request,) = requests(pipeline.tick())
    tags = dict(request.tags)
    run = create_run_for_test(pipeline.instance, "process_invoices", tags=tags, status=DagsterRunStatus.NOT_STARTED)
    assert [each.run_key for each in requests(pipeline.tick())] == [request.run_key]
    pipeline.instance.report_run_failed(run)
    assert isinstance(pipeline.tick(), dg.SkipReason)


def test_a_person_takes_a_job_out_of_its_batch_and_its_run_then_leaves_it_alone(pipeline: Pipeline) -> None:
    url = pipeline.server.serve("/a.pdf", invoice_pdf("BT-8002"))
    (job,) = pipeline.submit(url)
    (request,) = requests(pipeline.tick())
    by_hand = create_run_for_test(pipeline.instance, "process_invoices", status=DagsterRunStatus.STARTED)
    pipeline.jobs.start(job, Stage.OCR_TEXT, by_hand.run_id)
    pipeline.launch(request)
    stands = pipeline.jobs.get(job)
    assert (stands.status, stands.run_id, stands.batch_id) == (JobStatus.RUNNING, by_hand.run_id, None)
