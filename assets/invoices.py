"""The streaming multi-asset: every job of a run through the four stages, in one step.

It yields one `AssetMaterialization` for each (asset, partition) that succeeded and nothing for what failed, and ends
with one `Failure` that names the failed jobs. Dagster then shows exactly the failed (asset, partition) pairs as failed,
and backfills, retries and re-executions clear them. See docs/decisions/0001-streaming-multi-asset.md.
"""

from collections.abc import Collection, Iterator
from functools import cache

import dagster as dg

from assets.check_evaluations import evaluate_checks, evaluate_cost_of_failed
from assets.event_connections import keep_connections
from assets.metadata import failure_metadata, materialization_metadata
from assets.specs import COST_CHECK, STAGES, asset_key, invoice_check_specs, invoice_specs
from cira_pipeline.errors import JobNotFound
from cira_pipeline.jobs import JobId, jobs_of_partition
from cira_pipeline.processing.processor import RecordValidated
from cira_pipeline.processing.stream import JobHeld, JobSkipped, StageDone, StageFailed, stream
from resources.processor import ProcessorResource

MAX_FAILURES_LISTED = 50

InvoiceEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dg.multi_asset(
    specs=invoice_specs,
    check_specs=invoice_check_specs,
    can_subset=True,
    backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=100),
)
def invoices(context: dg.AssetExecutionContext, processor: ProcessorResource) -> Iterator[InvoiceEvent]:
    keep_connections(context.instance)
    stages = [stage for stage in STAGES if asset_key(stage) in context.selected_asset_keys]
    job_ids = [job_id for key in context.partition_keys for job_id in jobs_of_partition(key)]
    context.log.info(f"{len(job_ids)} jobs through {', '.join(stages)}; {processor.describe()}")
    checks = {check.name for check in context.selected_asset_check_keys}
    failures: dict[JobId, StageFailed] = {}

    with processor.opened() as opened:
        url_of = cache(lambda job_id: opened.jobs.get(job_id).url)
        for event in stream(opened, job_ids, stages, run_id=context.run_id):
            if isinstance(event, StageFailed):
                failures[event.job_id] = event
                context.log.error(
                    f"{event.job_id} failed in {event.stage}: {event.error} What to do: {event.error.hint}",
                    exc_info=event.error,
                )
                if isinstance(event.error, JobNotFound):
                    continue  # a key added by hand: nothing more is known of it
                yield _why_it_failed(event, url_of(event.job_id))
                if COST_CHECK in checks:
                    yield evaluate_cost_of_failed(opened, event.job_id)
            elif isinstance(event, JobHeld):
                context.log.warning(f"{event.job_id} waits in {event.stage} and goes on by itself: {event.error}")
            elif isinstance(event, JobSkipped):
                context.log.info(f"{event.job_id} skipped: {event.reason}")
            else:
                yield from _events(event, url_of(event.job_id), checks)

    if failures:
        raise _failure(failures, len(job_ids))


def _events(done: StageDone, url: str, checks: Collection[str]) -> Iterator[InvoiceEvent]:
    yield dg.AssetMaterialization(
        asset_key=asset_key(done.stage),
        partition=done.job_id,
        metadata=materialization_metadata(done, url),
    )
    if isinstance(done.result, RecordValidated):
        yield from evaluate_checks(done.job_id, done.result, checks)


def _why_it_failed(failed: StageFailed, url: str) -> dg.AssetObservation:
    """Stands with the failed partition, which would otherwise only name its run. It does not count as materialised."""
    return dg.AssetObservation(
        asset_key=asset_key(failed.stage),
        partition=failed.job_id,
        description=f"{failed.error.code}: {failed.error.message}",
        metadata=failure_metadata(failed, url),
    )


def _failure(failures: dict[JobId, StageFailed], job_count: int) -> dg.Failure:
    listed = list(failures.values())[:MAX_FAILURES_LISTED]
    # What happened stands with the partition, from where it can be erased; this event is all jobs' together.
    lines = [f"| {event.job_id} | {event.stage} | {event.error.code} |" for event in listed]
    table = "\n".join(["| job | stage | code |", "| --- | --- | --- |", *lines])
    codes = ", ".join(sorted({event.error.code for event in failures.values()}))
    return dg.Failure(
        description=f"{len(failures)} of {job_count} jobs failed ({codes}); all others are done. "
        "Retry them with `cira retry`, or materialise the failed partitions again.",
        metadata={
            "failed_jobs": dg.MetadataValue.md(table),
            "failed_count": len(failures),
        },
        # What is worth trying again was tried again inside the stages.
        allow_retries=False,
    )
