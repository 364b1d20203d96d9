"""Streaming multi-asset: processes every job of a run through the four stages, in one step.

It yields one `AssetMaterialization` for each (asset, partition) that succeeded and none for those that failed, and ends
with one `Failure` that lists the failed jobs. Dagster then shows exactly the failed (asset, partition) pairs as failed,
and backfills, retries and re-executions clear them. See docs/decisions/0001-streaming-multi-asset.md.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import dagster as dg

from assets.batch_keys import BatchKeysOfRun, FailedJob, claim_of
from assets.check_evaluations import evaluate_checks, evaluate_cost_of_failed
from assets.metadata import failure_metadata, materialization_metadata
from assets.specs import COST_CHECK, STAGES, asset_key, invoice_check_specs, invoice_specs
from cira_pipeline.db.jobs.partition_keys import PartitionKeys
from cira_pipeline.errors import InternalError, JobNotFound, SourceBusy, SourcePaused
from cira_pipeline.jobs import JobId, is_batch_key
from cira_pipeline.pipeline.processor import RecordValidated
from cira_pipeline.pipeline.stream import Heartbeat, JobDeferred, JobSkipped, StageDone, StageFailed, stream
from cira_pipeline.settings import Settings
from resources.event_batches import LATEST_S, keep_connections, materialization_batches
from resources.postgres import PostgresResource
from resources.processor import ProcessorResource

MAX_FAILURES_LISTED = 50
BACKFILL_KEYS = 100
BACKFILL_JOBS = 2_000
"""Maximum partition keys, and jobs of batch keys, in one run of a backfill."""

InvoiceEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


def invoices(settings: Settings) -> dg.AssetsDefinition:
    """The four assets. Backfill runs are sized by the keys there are."""
    keys = BACKFILL_KEYS
    if settings.batch_key_min_jobs is not None:
        keys = min(keys, max(1, BACKFILL_JOBS // settings.batch_max_jobs))

    @dg.multi_asset(
        name="invoices",
        specs=invoice_specs,
        check_specs=invoice_check_specs,
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(max_partitions_per_run=keys),
    )
    def invoice_assets(
        context: dg.AssetExecutionContext, processor: ProcessorResource, postgres: PostgresResource
    ) -> Iterator[InvoiceEvent]:
        yield from _processed(context, processor, postgres)

    return invoice_assets


def _processed(
    context: dg.AssetExecutionContext, processor: ProcessorResource, postgres: PostgresResource
) -> Iterator[InvoiceEvent]:
    keep_connections(context.instance)
    stages = [stage for stage in STAGES if asset_key(stage) in context.selected_asset_keys]
    checks = {check.name for check in context.selected_asset_check_keys}
    jobs_of = PartitionKeys(postgres.database()).jobs_of(context.partition_keys)
    single = [JobId(key) for key in jobs_of if not is_batch_key(key)]
    failures: list[FailedJob] = []
    put_back = Counter[str]()

    with processor.opened() as opened, materialization_batches(context.instance) as written:
        of_batches = {key: jobs for key, jobs in jobs_of.items() if is_batch_key(key)}
        batches = BatchKeysOfRun(context, postgres.database(), opened.settings, stages, checks, of_batches)
        job_ids = (*single, *batches.job_ids)
        context.log.info(f"{len(job_ids)} jobs to process in the stages {', '.join(stages)}; {processor.describe()}")
        yield from batches.idle()
        claim = claim_of(context.run, context.instance, key_count=len(jobs_of))
        for event in stream(opened, job_ids, stages, run_id=context.run_id, claim=claim, heartbeat_s=LATEST_S):
            written.write_old()
            if isinstance(event, Heartbeat):
                continue
            if isinstance(event, StageFailed):
                context.log.error(
                    f"{event.job_id} failed in {event.stage}: {event.error} What to do: {event.error.hint}",
                    exc_info=event.error,
                )
            if batches.has(event.job_id):
                yield from batches.take(event)
            elif isinstance(event, StageFailed):
                failures.append(FailedJob(event.job_id, event.stage, event.error.code))
                if isinstance(event.error, JobNotFound):
                    continue  # a key added by hand: it has no job
                yield _failure_observation(event, opened.jobs.get(event.job_id).url)
                if COST_CHECK in checks:
                    yield evaluate_cost_of_failed(opened, event.job_id)
            elif isinstance(event, JobDeferred | JobSkipped):
                _log_unprocessed(context, event, put_back)
            else:
                yield from _events(event, checks)

    for why, count in put_back.most_common(MAX_FAILURES_LISTED):
        context.log.warning(f"{count} jobs wait for their source and continue automatically: {why}")
    failures += batches.failed
    if failures or batches.busy:
        raise _failure(failures, len(single) + batches.job_count, batches.busy)


def _log_unprocessed(
    context: dg.AssetExecutionContext, event: JobDeferred | JobSkipped, put_back: Counter[str]
) -> None:
    """Jobs that wait for their source are only counted: they can be hundreds, and each log line is a row."""
    if isinstance(event, JobSkipped):
        context.log.info(f"{event.job_id} skipped: {event.reason}")
    elif isinstance(event.error, SourceBusy | SourcePaused):
        put_back[event.error.message] += 1
    else:
        context.log.warning(
            f"{event.job_id} is deferred in {event.stage} and continues automatically: {event.error}",
            exc_info=event.error if isinstance(event.error, InternalError) else None,
        )


def _events(done: StageDone, checks: Collection[str]) -> Iterator[InvoiceEvent]:
    yield dg.AssetMaterialization(
        asset_key=asset_key(done.stage),
        partition=done.job_id,
        metadata=materialization_metadata(done),
    )
    if isinstance(done.result, RecordValidated):
        yield from evaluate_checks(done.job_id, done.result, checks)


def _failure_observation(failed: StageFailed, url: str) -> dg.AssetObservation:
    """Observation that explains a failed partition, beside the link to its run. It does not count as materialised."""
    return dg.AssetObservation(
        asset_key=asset_key(failed.stage),
        partition=failed.job_id,
        description=f"{failed.error.code}: {failed.error.message}",
        metadata=failure_metadata(failed, url),
    )


def _failure(failures: Sequence[FailedJob], job_count: int, busy: Sequence[str]) -> dg.Failure:
    listed = failures[:MAX_FAILURES_LISTED]
    # The details are in the partition's observation, from where they can be erased; this event covers all jobs.
    lines = [f"| {failed.job_id} | {failed.stage} | {failed.code} |" for failed in listed]
    table = "\n".join(["| job | stage | code |", "| --- | --- | --- |", *lines])
    sentences = []
    if failures:
        codes = ", ".join(sorted({failed.code for failed in failures}))
        sentences.append(
            f"{len(failures)} of {job_count} jobs failed ({codes}); all others are done. "
            "Retry them with `cira retry`, or materialise the failed partitions again."
        )
    if busy:
        sentences.append(
            f"Another run is working on jobs of {', '.join(busy)}: it, or a later one, reports how these ended."
        )
    return dg.Failure(
        description=" ".join(sentences),
        metadata={
            "failed_jobs": dg.MetadataValue.md(table),
            "failed_count": len(failures),
        },
        # Retryable errors were already retried inside the stages.
        allow_retries=False,
    )
