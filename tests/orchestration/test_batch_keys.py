"""A partition key that stands for a batch: what it shows must be true of all of its jobs, whoever did them and when."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest
from dagster import AssetCheckEvaluation, AssetMaterialization, AssetObservation, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from sqlalchemy import text

from assets.housekeeping import remove_keys
from assets.partitions import BATCH_TAG, PARTITIONS_NAME, invoice_jobs
from assets.specs import STAGES, asset_key
from cira_pipeline.clock import utc_now
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.errors import ReadingCrashed
from cira_pipeline.jobs import JobId, JobStatus, Stage, is_batch_key, new_batch_id
from cira_pipeline.settings import Settings
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.orchestration.test_erased_jobs import _erase as erase
from tests.orchestration.test_erased_jobs import _said as said_by_dagster
from tests.orchestration.test_erased_jobs import _tick as tick_of_erased_jobs
from tests.orchestration.test_new_invoices import bounds, failed_run, requests


@pytest.fixture
def pipeline(pipeline: Pipeline) -> Pipeline:
    switch(pipeline, on=True)
    return pipeline


def switch(pipeline: Pipeline, *, on: bool) -> None:
    from cira_pipeline.definitions import definitions

    pipeline.definitions = definitions(Settings(batch_max_jobs=5, batch_key_min_jobs=2 if on else None))


def serve(pipeline: Pipeline, *numbers: str) -> list[str]:
    return [pipeline.server.serve(f"/{number}.pdf", invoice_pdf(number)) for number in numbers]


def keys(pipeline: Pipeline) -> list[str]:
    return list(pipeline.instance.get_dynamic_partitions(PARTITIONS_NAME))


def statuses(pipeline: Pipeline, key: str) -> list[str]:
    """Of the four assets, in the order of the stages."""
    found = [pipeline.instance.get_status_by_partition(asset_key(stage), [key], invoice_jobs) for stage in STAGES]
    return [status[key].name if status and status[key] else "NONE" for status in found]


def materialisations(run: dg.ExecuteInProcessResult) -> dict[str, AssetMaterialization]:
    events = [
        event.step_materialization_data.materialization for event in run.all_events if event.is_step_materialization
    ]
    return {event.asset_key.to_user_string(): event for event in events}


def observations(run: dg.ExecuteInProcessResult) -> list[AssetObservation]:
    return [
        event.event_specific_data.asset_observation
        for event in run.all_events
        if event.event_type_value == "ASSET_OBSERVATION"
    ]


def checks(run: dg.ExecuteInProcessResult) -> dict[str, AssetCheckEvaluation]:
    return {each.check_name: each for each in run.get_asset_check_evaluations()}


def by_hand(pipeline: Pipeline, key: str, job: str = "process_invoices") -> dg.ExecuteInProcessResult:
    """What a person does in the UI with one partition."""
    return pipeline.definitions.get_job_def(job).execute_in_process(
        instance=pipeline.instance, partition_key=key, raise_on_error=False
    )


def batch_with_a_failure(pipeline: Pipeline) -> tuple[str, list[JobId], dg.ExecuteInProcessResult]:
    """Two good invoices, and one whose URL leads to nothing yet."""
    good, other = serve(pipeline, "BK-1", "BK-2")
    jobs = pipeline.submit(good, pipeline.server.url("/late.pdf"), other)
    (run,) = pipeline.process()
    (key,) = keys(pipeline)
    return key, jobs, run


def test_one_key_stands_for_all_jobs_of_a_run_and_sums_them_up(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*serve(pipeline, "BK-1", "BK-2", "BK-3"))
    (run,) = pipeline.process()

    assert run.success
    (key,) = keys(pipeline)
    assert is_batch_key(key)
    assert statuses(pipeline, key) == ["MATERIALIZED"] * 4
    assert {pipeline.jobs.get(job).status for job in jobs} == {JobStatus.SUCCEEDED}
    assert {pipeline.jobs.get(job).shown_under for job in jobs} == {key}
    shown = materialisations(run)
    assert {each.partition for each in shown.values()} == {key}
    for each in shown.values():
        assert (each.metadata["jobs"].value, each.metadata["succeeded"].value, each.metadata["failed"].value) == (
            3,
            3,
            0,
        )
        assert each.metadata["cost_usd"].value == 0.0
    assert shown["raw_document"].metadata["documents"].value == 3
    assert shown["ocr_text"].metadata["pages"].value == 3
    assert "offline | 3" in shown["extracted_fields"].metadata["engines"].value


def test_a_failed_job_keeps_its_batch_failed_and_is_named_where_it_stopped(pipeline: Pipeline) -> None:
    key, (good, bad, other), run = batch_with_a_failure(pipeline)

    assert not run.success
    assert statuses(pipeline, key) == ["FAILED"] * 4
    assert [pipeline.jobs.get(job).status for job in (good, bad, other)] == [
        JobStatus.SUCCEEDED,
        JobStatus.FAILED,
        JobStatus.SUCCEEDED,
    ]
    (observation,) = observations(run)
    assert (observation.asset_key, observation.partition) == (asset_key(Stage.RAW_DOCUMENT), key)
    shown = observation.metadata["failures"].value
    for part in (bad, "source_not_found", pipeline.server.url("/late.pdf")):
        assert part in shown, shown
    assert good not in shown
    (failure,) = [event for event in run.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert "1 of 3 jobs failed (source_not_found)" in (told.description or "")
    consistency = checks(run)["consistency"]
    assert not consistency.passed
    assert bad in consistency.metadata["failing_jobs"].value


def test_stages_that_all_jobs_have_behind_them_are_materialised_though_a_later_one_failed(pipeline: Pipeline) -> None:
    good, broken = serve(pipeline, "BK-1", "BK-2")
    jobs = pipeline.submit(good, broken)
    pipeline.tick()
    (key,) = keys(pipeline)
    pipeline.jobs.start(jobs[1], Stage.OCR_TEXT, "gone", planned_as=pipeline.jobs.get(jobs[1]).batch_id)
    pipeline.jobs.fail(jobs[1], Stage.OCR_TEXT, ReadingCrashed("it crashed"))
    (batch,) = {pipeline.jobs.get(job).batch_id for job in jobs}
    run = pipeline.launch(dg.RunRequest(partition_key=key, tags={BATCH_TAG: str(batch)}))
    assert not run.success
    assert statuses(pipeline, key) == ["MATERIALIZED", "FAILED", "FAILED", "FAILED"]
    assert pipeline.jobs.get(jobs[1]).attempts == 1, "what failed waits for a person, not for the next run"


def test_materialising_a_failed_batch_again_does_only_what_is_unfinished(pipeline: Pipeline) -> None:
    key, (good, bad, other), _ = batch_with_a_failure(pipeline)
    pipeline.server.serve("/late.pdf", invoice_pdf("BK-9"))

    run = by_hand(pipeline, key)

    assert run.success
    assert statuses(pipeline, key) == ["MATERIALIZED"] * 4
    assert [pipeline.jobs.get(job).attempts for job in (good, bad, other)] == [1, 2, 1]
    assert materialisations(run)["validated_record"].metadata["succeeded"].value == 3


def test_one_retried_job_sets_its_batch_right(pipeline: Pipeline) -> None:
    key, (good, bad, _), _ = batch_with_a_failure(pipeline)
    pipeline.server.serve("/late.pdf", invoice_pdf("BK-9"))
    pipeline.jobs.retry(bad)

    (request,) = requests(pipeline.tick())
    assert bounds(request) == (key, key)
    assert pipeline.launch(request).success

    assert keys(pipeline) == [key], "no second key tells another story"
    assert statuses(pipeline, key) == ["MATERIALIZED"] * 4
    assert pipeline.jobs.get(good).attempts == 1


def test_a_batch_stays_failed_while_another_of_its_jobs_is(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*(pipeline.server.url(f"/late-{number}.pdf") for number in range(3)))
    pipeline.process()
    (key,) = keys(pipeline)
    pipeline.server.serve("/late-0.pdf", invoice_pdf("BK-1"))
    pipeline.jobs.retry(jobs[0])
    (run,) = pipeline.process()
    assert pipeline.jobs.get(jobs[0]).status is JobStatus.SUCCEEDED
    assert not run.success
    assert statuses(pipeline, key) == ["FAILED"] * 4
    assert pipeline.jobs.get(jobs[1]).attempts == 1


def test_a_document_that_is_no_invoice_is_named_and_holds_nobody_up(pipeline: Pipeline) -> None:
    (good,) = serve(pipeline, "BK-1")
    job, rejected = pipeline.submit(good, pipeline.server.serve("/none.pdf", b"no invoice at all"))
    (run,) = pipeline.process()
    assert run.success
    assert pipeline.jobs.get(rejected).status is JobStatus.REJECTED
    (key,) = keys(pipeline)
    assert statuses(pipeline, key) == ["MATERIALIZED"] * 4
    metadata = materialisations(run)["validated_record"].metadata
    assert (metadata["succeeded"].value, metadata["rejected"].value) == (1, 1)
    assert rejected in metadata["failures"].value
    assert job not in metadata["failures"].value
    assert not checks(run)["consistency"].passed
    assert rejected in checks(run)["consistency"].metadata["failing_jobs"].value


def test_the_accuracy_of_a_batch_holds_only_when_it_holds_for_every_job(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*serve(pipeline, "BK-1", "BK-2"))
    (run,) = pipeline.process()
    (key,) = keys(pipeline)
    assert checks(run)["accuracy"].severity is dg.AssetCheckSeverity.WARN
    assert checks(run)["accuracy"].metadata["unlabelled"].value == 2

    def label(job: JobId, number: str) -> None:
        sha256 = pipeline.jobs.get(job).document_sha256
        assert sha256
        LabelRepository(pipeline.database).put(sha256, {"invoice_number": number}, "test")

    label(jobs[0], "BK-1")
    label(jobs[1], "SOMETHING-ELSE")
    wrong = checks(by_hand(pipeline, key, "validate_again"))["accuracy"]
    assert (wrong.passed, wrong.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert jobs[1] in wrong.metadata["failing_jobs"].value
    assert jobs[0] not in wrong.metadata["failing_jobs"].value
    label(jobs[1], "BK-2")
    assert checks(by_hand(pipeline, key, "validate_again"))["accuracy"].passed
    assert [pipeline.jobs.get(job).attempts for job in jobs] == [3, 3], "these stages are done again for every job"


def test_validating_a_batch_again_leaves_alone_what_never_came_so_far(pipeline: Pipeline) -> None:
    key, (_, bad, _), _ = batch_with_a_failure(pipeline)
    run = by_hand(pipeline, key, "validate_again")
    assert not run.success
    failed = pipeline.jobs.get(bad)
    assert (failed.stage, failed.error_code, failed.attempts) == (Stage.RAW_DOCUMENT, "source_not_found", 1)


def test_a_person_may_materialise_one_asset_of_a_batch_and_no_status_changes(pipeline: Pipeline) -> None:
    key, (good, bad, _), _ = batch_with_a_failure(pipeline)
    pipeline.server.serve("/late.pdf", invoice_pdf("BK-9"))
    run = dg.materialize(
        [next(iter(pipeline.definitions.assets or ()))],  # type: ignore[list-item]
        instance=pipeline.instance,
        partition_key=key,
        selection=[asset_key(Stage.RAW_DOCUMENT)],
        resources=dict(pipeline.definitions.resources or {}),
    )
    assert run.success
    assert statuses(pipeline, key) == ["MATERIALIZED", "FAILED", "FAILED", "FAILED"]
    assert pipeline.jobs.get(good).status is JobStatus.SUCCEEDED
    assert pipeline.jobs.get(bad).status is JobStatus.FAILED


def test_a_run_that_was_killed_is_gone_on_with_and_the_key_tells_of_all_jobs(pipeline: Pipeline) -> None:
    first, *_ = jobs = pipeline.submit(*serve(pipeline, "BK-1", "BK-2", "BK-3"))
    (request,) = requests(pipeline.tick())
    run = failed_run(pipeline, request, will_retry="true")
    for job in jobs[:2]:
        pipeline.jobs.start(job, Stage.RAW_DOCUMENT, run.run_id, planned_as=request.tags[BATCH_TAG])
    retry = pipeline.launch(dg.RunRequest(partition_key=request.partition_key, tags=dict(request.tags)))
    assert retry.success
    assert statuses(pipeline, str(request.partition_key)) == ["MATERIALIZED"] * 4
    assert pipeline.jobs.get(first).attempts == 2


def test_a_killed_run_without_a_retry_leaves_each_suspect_a_run_of_its_own_one_after_the_other(
    pipeline: Pipeline,
) -> None:
    jobs = pipeline.submit(*serve(pipeline, "BK-1", "BK-2", "BK-3", "BK-4"))
    (request,) = requests(pipeline.tick())
    run = failed_run(pipeline, request, will_retry="false")
    for job in jobs[:2]:
        pipeline.jobs.start(job, Stage.RAW_DOCUMENT, run.run_id, planned_as=request.tags[BATCH_TAG])

    planned = []
    for _ in range(3):
        (asked,) = requests(pipeline.tick())
        assert bounds(asked) == bounds(request)
        assert requests(pipeline.tick()) == [asked], "one run of a key at a time, asked for until it is there"
        with pipeline.database.begin() as connection:
            members = connection.execute(
                text("SELECT job_id FROM cira.jobs WHERE batch_id = :batch ORDER BY job_id"),
                {"batch": asked.tags[BATCH_TAG]},
            )
            planned.append(list(members.scalars()))
        assert pipeline.launch(asked).success
    assert planned == [jobs[2:], jobs[:1], jobs[1:2]]
    assert statuses(pipeline, str(request.partition_key)) == ["MATERIALIZED"] * 4
    assert {pipeline.jobs.get(job).status for job in jobs} == {JobStatus.SUCCEEDED}


def test_nobody_takes_a_job_out_of_the_hands_of_a_run_that_is_alive(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*serve(pipeline, "BK-1", "BK-2"))
    (request,) = requests(pipeline.tick())
    alive = create_run_for_test(
        pipeline.instance, "process_invoices", tags=dict(request.tags), status=DagsterRunStatus.STARTED
    )
    pipeline.jobs.start(jobs[0], Stage.RAW_DOCUMENT, alive.run_id, planned_as=request.tags[BATCH_TAG])

    run = by_hand(pipeline, str(request.partition_key))

    assert not run.success, "nothing may pass for done, nor hide what the other run will say"
    assert pipeline.jobs.get(jobs[0]).run_id == alive.run_id
    assert pipeline.jobs.get(jobs[1]).status is JobStatus.SUCCEEDED
    (failure,) = [event for event in run.all_events if event.is_step_failure]
    assert "Another run is working on jobs of" in str(failure.step_failure_data.user_failure_data)


def test_single_invoices_keep_keys_of_their_own_beside_batches(pipeline: Pipeline) -> None:
    (single,) = pipeline.submit(*serve(pipeline, "BK-1"))
    pipeline.process()
    batch = pipeline.submit(*serve(pipeline, "BK-2", "BK-3"))
    pipeline.process()
    own, key = keys(pipeline)
    assert (own, is_batch_key(key)) == (single, True)
    assert pipeline.jobs.get(batch[0]).shown_under == key

    tags = {"dagster/asset_partition_range_start": own, "dagster/asset_partition_range_end": key}
    run = pipeline.launch(dg.RunRequest(tags=tags))

    assert run.success, "a range over both kinds"
    assert [statuses(pipeline, each) for each in (own, key)] == [["MATERIALIZED"] * 4] * 2


def test_switching_the_option_with_work_under_way_loses_nothing(pipeline: Pipeline) -> None:
    switch(pipeline, on=False)
    old = pipeline.submit(*(pipeline.server.url(f"/old-{number}.pdf") for number in range(2)))
    pipeline.process()
    switch(pipeline, on=True)
    new = pipeline.submit(*(pipeline.server.url(f"/new-{number}.pdf") for number in range(2)))
    pipeline.process()
    (key,) = [each for each in keys(pipeline) if is_batch_key(each)]
    switch(pipeline, on=False)
    for path in ("old-0", "old-1", "new-0", "new-1"):
        pipeline.server.serve(f"/{path}.pdf", invoice_pdf(f"BK-{path}"))
    for job in (*old, *new):
        pipeline.jobs.retry(job)

    asked = requests(pipeline.tick())

    assert [bounds(request) for request in asked] == [(old[0], old[1]), (key, key)]
    assert all(pipeline.launch(request).success for request in asked)
    assert keys(pipeline) == [*old, key]
    assert [statuses(pipeline, each) for each in keys(pipeline)] == [["MATERIALIZED"] * 4] * 3


def test_a_job_cancelled_in_a_batch_is_left_out_of_what_its_key_tells(pipeline: Pipeline) -> None:
    jobs = pipeline.submit(*serve(pipeline, "BK-1", "BK-2", "BK-3"))
    (request,) = requests(pipeline.tick())
    pipeline.jobs.cancel(jobs[1])
    run = pipeline.launch(request)
    assert run.success
    metadata = materialisations(run)["validated_record"].metadata
    assert (metadata["jobs"].value, metadata["cancelled"].value) == (2, 1)
    assert pipeline.server.requests["/BK-2.pdf"] == 0


def test_a_batch_key_that_was_made_up_fails_alone(pipeline: Pipeline) -> None:
    pipeline.submit(*serve(pipeline, "BK-1", "BK-2"))
    (request,) = requests(pipeline.tick())
    made_up = new_batch_id()
    pipeline.instance.add_dynamic_partitions(PARTITIONS_NAME, [made_up])
    tags = {
        "dagster/asset_partition_range_start": str(request.partition_key),
        "dagster/asset_partition_range_end": made_up,
    }
    run = pipeline.launch(dg.RunRequest(tags=tags))
    assert not run.success
    assert statuses(pipeline, str(request.partition_key)) == ["MATERIALIZED"] * 4
    assert statuses(pipeline, made_up) == ["FAILED"] * 4


def finished_days_ago(pipeline: Pipeline, job: JobId, days: int) -> None:
    with pipeline.database.begin() as connection:
        connection.execute(
            text("UPDATE cira.jobs SET finished_at = finished_at - :age WHERE job_id = :job"),
            {"age": timedelta(days=days), "job": job},
        )


def test_housekeeping_removes_a_batch_only_when_all_of_its_jobs_were_done_long_ago(pipeline: Pipeline) -> None:
    first, second = pipeline.submit(*serve(pipeline, "BK-1", "BK-2"))
    pipeline.process()
    before = utc_now() - timedelta(days=30)
    finished_days_ago(pipeline, first, days=40)
    assert remove_keys(pipeline.instance, pipeline.database, before) == 0
    finished_days_ago(pipeline, second, days=40)
    assert remove_keys(pipeline.instance, pipeline.database, before) == 1
    assert keys(pipeline) == []


def test_housekeeping_leaves_a_batch_with_a_failed_job_in_sight(pipeline: Pipeline) -> None:
    key, jobs, _ = batch_with_a_failure(pipeline)
    for job in jobs:
        finished_days_ago(pipeline, job, days=400)
    assert remove_keys(pipeline.instance, pipeline.database, utc_now()) == 0
    assert keys(pipeline) == [key]


def test_a_job_retried_after_its_batchs_key_was_removed_gets_the_key_back(pipeline: Pipeline) -> None:
    (good,) = serve(pipeline, "BK-1")
    _, rejected = pipeline.submit(good, pipeline.server.serve("/none.pdf", b"no invoice at all"))
    pipeline.process()
    (key,) = keys(pipeline)
    assert remove_keys(pipeline.instance, pipeline.database, utc_now() + timedelta(seconds=1)) == 1
    pipeline.server.serve("/none.pdf", invoice_pdf("BK-2"))
    pipeline.jobs.retry(rejected)

    (run,) = pipeline.process()

    assert run.success
    assert keys(pipeline) == [key]
    assert materialisations(run)["validated_record"].metadata["succeeded"].value == 2


def test_what_a_batch_says_of_an_erased_job_goes_and_what_it_says_of_the_others_stays(pipeline: Pipeline) -> None:
    key, (good, bad, other), _ = batch_with_a_failure(pipeline)
    assert bad in said_by_dagster(pipeline)

    erase(pipeline, bad)
    tick_of_erased_jobs(pipeline)

    said = said_by_dagster(pipeline)
    assert "late.pdf" not in said
    assert statuses(pipeline, key) == ["MATERIALIZED"] * 4, "nothing failed is left"
    assert keys(pipeline) == [key]

    LabelRepository(pipeline.database).put(
        str(pipeline.jobs.get(good).document_sha256), {"invoice_number": "SOMETHING-ELSE"}, "test"
    )
    by_hand(pipeline, key, "validate_again")
    assert good in said_by_dagster(pipeline)
    for job in (good, other):
        erase(pipeline, job)
        tick_of_erased_jobs(pipeline)
    # The failure of a run names jobs and codes of all of them; nothing else does.
    left = [line for line in said_by_dagster(pipeline).splitlines() if good in line or other in line]
    assert left == []
