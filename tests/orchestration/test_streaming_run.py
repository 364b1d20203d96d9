"""A run over many invoices: what Dagster shows must be what happened, job by job."""

from __future__ import annotations

import dagster as dg
from dagster import AssetKey
from dagster._core.storage.tags import BACKFILL_ID_TAG
from sqlalchemy import text

from assets.partitions import invoice_jobs
from assets.specs import STAGES, asset_key
from cira_pipeline.db.jobs.stage_timings import timings
from cira_pipeline.db.records.confirmations import ConfirmationRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.jobs import JobStatus, Stage, new_job_id
from cira_pipeline.models import Verdict
from sensors.new_invoices import RANGE_END_TAG, RANGE_START_TAG
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf

MATERIALIZED = "MATERIALIZED"


def statuses(pipeline: Pipeline, stage: Stage, keys: list[str]) -> dict[str, str]:
    found = pipeline.instance.get_status_by_partition(asset_key(stage), keys, invoice_jobs)
    return {key: status.name if status else "NONE" for key, status in (found or {}).items()}


def test_one_bad_document_fails_alone_and_its_neighbours_are_materialised(pipeline: Pipeline) -> None:
    good_url, other_url = (
        pipeline.server.serve(f"/{number}.pdf", invoice_pdf(number)) for number in ("BT-1001", "BT-1002")
    )
    good, bad, other = pipeline.submit(good_url, pipeline.server.url("/missing.pdf"), other_url)

    (run,) = pipeline.process()

    assert not run.success
    for stage in STAGES:
        assert statuses(pipeline, stage, [good, bad, other]) == {
            good: MATERIALIZED,
            bad: "FAILED",
            other: MATERIALIZED,
        }, stage
    assert pipeline.jobs.get(good).status is JobStatus.SUCCEEDED
    assert pipeline.jobs.get(other).status is JobStatus.SUCCEEDED
    failed = pipeline.jobs.get(bad)
    assert (failed.status, failed.error_code, failed.stage) == (
        JobStatus.FAILED,
        "source_not_found",
        Stage.RAW_DOCUMENT,
    )
    assert failed.error_hint


def test_the_failure_of_a_run_names_job_stage_and_code(pipeline: Pipeline) -> None:
    (bad,) = pipeline.submit(pipeline.server.url("/missing.pdf"))
    (run,) = pipeline.process()
    (failure,) = [event for event in run.all_events if event.is_step_failure]
    described = failure.step_failure_data.user_failure_data
    assert described is not None
    assert bad in str(described.metadata["failed_jobs"])
    assert "source_not_found" in (described.description or "")


def test_a_retried_job_is_done_once_the_document_is_there_and_costs_no_second_fetch_later(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.url("/late.pdf"))
    pipeline.process()
    pipeline.server.serve("/late.pdf", invoice_pdf("BT-2001"))
    pipeline.jobs.retry(job)
    (run,) = pipeline.process()
    assert run.success
    assert pipeline.jobs.get(job).status is JobStatus.SUCCEEDED

    fetched = pipeline.server.requests["/late.pdf"]
    again = pipeline.launch(dg.RunRequest(partition_key=job))
    assert again.success
    assert pipeline.server.requests["/late.pdf"] == fetched


def test_how_long_each_stage_took_can_be_monitored(pipeline: Pipeline) -> None:
    job_ids = pipeline.submit(*(pipeline.server.serve(f"/t{each}.pdf", invoice_pdf(f"BT-T{each}")) for each in (1, 2)))
    pipeline.process()
    with pipeline.database.begin() as connection:
        found = timings(connection)
    assert {stage: sum(timing.runs) for stage, timing in found.items()} == dict.fromkeys(STAGES, len(job_ids))
    assert all(timing.seconds > 0 for timing in found.values())


def test_every_materialisation_shows_a_person_what_came_out(pipeline: Pipeline) -> None:
    pipeline.submit(pipeline.server.serve("/a.pdf", invoice_pdf("BT-3001")))
    (run,) = pipeline.process()
    shown = {
        event.asset_key: event.step_materialization_data.materialization.metadata
        for event in run.all_events
        if event.is_step_materialization and event.asset_key
    }
    assert "Calibrated torque wrench" in shown[AssetKey("ocr_text")]["preview"].value
    assert "BT-3001" in shown[AssetKey("extracted_fields")]["preview"].value
    assert shown[AssetKey("validated_record")]["verdict"].value in ("accepted", "needs_review")
    assert shown[AssetKey("raw_document")]["pages"].value == 1
    assert shown[AssetKey("validated_record")]["total"].value == "120.00 GBP"
    assert "120.00" in shown[AssetKey("validated_record")]["preview"].value
    assert "Calibrated torque wrench" in shown[AssetKey("validated_record")]["line_items"].value
    assert shown[AssetKey("validated_record")]["engine"].value == "offline"
    assert shown[AssetKey("validated_record")]["cost_usd"].value == 0.0
    assert all("seconds" in metadata for metadata in shown.values())
    assert {metadata["source"].value for metadata in shown.values()} == {pipeline.server.url("/a.pdf")}


def test_no_link_gives_away_what_opens_other_invoices(pipeline: Pipeline) -> None:
    pipeline.submit(pipeline.server.serve("/a.pdf?token=hunter2", invoice_pdf("BT-3002")))
    (run,) = pipeline.process()
    assert run.success
    shown = [event.step_materialization_data for event in run.all_events if event.is_step_materialization]
    assert shown
    assert not [each for each in shown if "hunter2" in str(each)]


def test_a_failed_invoice_says_what_it_cost(pipeline: Pipeline) -> None:
    (bad,) = pipeline.submit(pipeline.server.url("/missing.pdf"))
    (run,) = pipeline.process()
    (cost,) = run.get_asset_check_evaluations()
    assert (cost.check_name, cost.partition, cost.passed) == ("cost", bad, True)
    assert cost.metadata["cost_usd"].value == 0.0


def test_a_failed_partition_says_why_and_what_to_do(pipeline: Pipeline) -> None:
    (bad,) = pipeline.submit(pipeline.server.url("/missing.pdf"))
    (run,) = pipeline.process()
    (told,) = [event.event_specific_data for event in run.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    observation = told.asset_observation
    assert (observation.asset_key, observation.partition) == (AssetKey("raw_document"), bad)
    assert observation.metadata["error_code"].value == "source_not_found"
    assert observation.metadata["what_to_do"].value == pipeline.jobs.get(bad).error_hint


def test_an_unlabelled_document_never_passes_the_accuracy_check(pipeline: Pipeline) -> None:
    pipeline.submit(pipeline.server.serve("/a.pdf", invoice_pdf("BT-4001")))
    (run,) = pipeline.process()
    evaluations = {each.check_name: each for each in run.get_asset_check_evaluations()}
    assert set(evaluations) == {"consistency", "accuracy", "cost"}
    assert not evaluations["accuracy"].passed
    assert evaluations["accuracy"].severity is dg.AssetCheckSeverity.WARN
    assert evaluations["accuracy"].metadata["status"].value == "unlabelled"
    assert evaluations["cost"].passed


def test_the_accuracy_check_measures_against_the_label(pipeline: Pipeline) -> None:
    from cira_pipeline.db.records.labels import LabelRepository

    url = pipeline.server.serve("/a.pdf", invoice_pdf("BT-5001"))
    (job,) = pipeline.submit(url)
    pipeline.process()
    sha256 = pipeline.jobs.get(job).document_sha256
    assert sha256
    LabelRepository(pipeline.database).put(sha256, {"invoice_number": "SOMETHING-ELSE"}, "test")

    run = pipeline.definitions.get_job_def("validate_again").execute_in_process(
        instance=pipeline.instance, partition_key=job
    )

    (accuracy,) = [each for each in run.get_asset_check_evaluations() if each.check_name == "accuracy"]
    assert not accuracy.passed
    assert accuracy.metadata["status"].value == "failed"
    assert accuracy.metadata["header_accuracy"].value == 0.0


def test_two_jobs_of_one_document_share_its_reading(pipeline: Pipeline) -> None:
    content = invoice_pdf("BT-6001")
    pipeline.submit(pipeline.server.serve("/a.pdf", content), pipeline.server.serve("/copy.pdf", content))
    pipeline.process()
    with pipeline.database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM cira.readings")).scalar_one() == 1
        verdicts = connection.execute(text("SELECT verdict FROM cira.invoices ORDER BY verdict")).scalars().all()
    assert verdicts.count("accepted") <= 1, "the second copy must not be payable again"


def test_a_cancelled_job_is_left_alone(pipeline: Pipeline) -> None:
    url = pipeline.server.serve("/a.pdf", invoice_pdf("BT-7001"))
    kept, cancelled = pipeline.submit(pipeline.server.serve("/b.pdf", invoice_pdf("BT-7002")), url)
    result = pipeline.tick()
    pipeline.jobs.cancel(cancelled)
    assert isinstance(result, dg.SensorResult)
    for request in result.run_requests or ():
        pipeline.launch(request)
    assert pipeline.jobs.get(kept).status is JobStatus.SUCCEEDED
    assert pipeline.jobs.get(cancelled).status is JobStatus.CANCELLED
    assert pipeline.server.requests["/a.pdf"] == 0


def test_a_key_that_no_job_has_fails_alone(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.serve("/a.pdf", invoice_pdf("BT-6001")))
    pipeline.tick()
    unknown = new_job_id()
    pipeline.instance.add_dynamic_partitions(invoice_jobs.name or "", [unknown])
    tags = {"dagster/asset_partition_range_start": job, "dagster/asset_partition_range_end": unknown}

    run = pipeline.launch(dg.RunRequest(tags=tags))

    assert not run.success
    assert statuses(pipeline, Stage.VALIDATED_RECORD, [job, unknown]) == {job: MATERIALIZED, unknown: "FAILED"}
    assert pipeline.jobs.get(job).status is JobStatus.SUCCEEDED


def test_what_a_person_has_confirmed_is_not_overwritten_by_a_later_run(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.serve("/a.pdf", invoice_pdf("BT-7001")))
    pipeline.process()
    records = RecordRepository(pipeline.database)
    stored = records.get(job)
    assert stored is not None
    corrected = stored.record.invoice.model_copy(update={"purchase_order": "PO-1"})
    record = stored.record.model_copy(update={"invoice": corrected, "verdict": Verdict.ACCEPTED})
    records.put(job, stored.document_sha256, record)
    ConfirmationRepository(pipeline.database).put(
        job,
        stored.document_sha256,
        confirmed_by="Anna Berg",
        key_id=None,
        changes={},
        verdict_before=stored.record.verdict,
        verdict_after=Verdict.ACCEPTED,
    )

    assert pipeline.launch(dg.RunRequest(partition_key=job)).success

    kept = records.get(job)
    assert kept is not None
    assert (kept.record.invoice.purchase_order, kept.record.verdict) == ("PO-1", Verdict.ACCEPTED)
    assert pipeline.jobs.get(job).verdict is Verdict.ACCEPTED


def backfill(pipeline: Pipeline, first: str, last: str) -> dg.ExecuteInProcessResult:
    """A run as Dagster's backfill of the partitions that failed or are missing starts it."""
    tags = {RANGE_START_TAG: first, RANGE_END_TAG: last, BACKFILL_ID_TAG: "abcdefgh"}
    return pipeline.launch(dg.RunRequest(tags=tags))


def test_a_backfill_of_failed_partitions_repeats_what_failed_and_leaves_what_was_rejected(pipeline: Pipeline) -> None:
    rejected, failed = pipeline.submit(
        pipeline.server.serve("/none.pdf", b"no invoice at all"), pipeline.server.url("/late.pdf")
    )
    pipeline.process()
    before = pipeline.jobs.get(rejected)
    assert before.status is JobStatus.REJECTED
    assert statuses(pipeline, Stage.RAW_DOCUMENT, [rejected, failed]) == {rejected: "FAILED", failed: "FAILED"}
    fetched = pipeline.server.requests["/none.pdf"]
    pipeline.server.serve("/late.pdf", invoice_pdf("BT-2101"))

    run = backfill(pipeline, rejected, failed)

    assert pipeline.jobs.get(failed).status is JobStatus.SUCCEEDED
    assert pipeline.server.requests["/none.pdf"] == fetched
    assert pipeline.jobs.get(rejected) == before
    # It stays in sight, with the code it was rejected with.
    assert not run.success
    assert str(before.error_code) in str([event.step_failure_data for event in run.all_events if event.is_step_failure])
    assert statuses(pipeline, Stage.RAW_DOCUMENT, [rejected, failed]) == {rejected: "FAILED", failed: MATERIALIZED}


def test_a_person_who_materialises_a_rejected_document_by_itself_gets_it_processed_again(pipeline: Pipeline) -> None:
    (job,) = pipeline.submit(pipeline.server.serve("/none.pdf", b"no invoice at all"))
    pipeline.process()
    fetched = pipeline.server.requests["/none.pdf"]
    pipeline.server.serve("/none.pdf", invoice_pdf("BT-2102"))
    assert pipeline.launch(dg.RunRequest(partition_key=job)).success
    assert pipeline.server.requests["/none.pdf"] > fetched
    assert pipeline.jobs.get(job).status is JobStatus.SUCCEEDED


def test_a_retried_run_shows_what_the_dead_one_had_done_and_does_it_not_again(pipeline: Pipeline) -> None:
    done, bad, late = pipeline.submit(
        pipeline.server.serve("/done.pdf", invoice_pdf("BT-2103")),
        pipeline.server.serve("/none.pdf", b"no invoice at all"),
        pipeline.server.serve("/late.pdf", invoice_pdf("BT-2104")),
    )
    result = pipeline.tick()
    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or ()
    pipeline.launch(request)
    requeued = (
        "UPDATE cira.jobs SET status = 'queued', stage = NULL, verdict = NULL, finished_at = NULL WHERE job_id = :id"
    )
    with pipeline.database.begin() as connection:
        connection.execute(text(requeued), {"id": late})
    before = {job: pipeline.jobs.get(job) for job in (done, bad)}
    fetched = dict(pipeline.server.requests)

    run = pipeline.launch(request)

    assert {job: pipeline.jobs.get(job) for job in (done, bad)} == before
    assert pipeline.jobs.get(late).status is JobStatus.SUCCEEDED
    assert dict(pipeline.server.requests) == fetched
    shown = {str(event.partition) for event in run.all_events if event.is_step_materialization}
    assert shown == {done, late}
