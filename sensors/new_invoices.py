"""The sensor that turns waiting jobs into partition keys and runs. It is the only writer of partition keys.

Idempotent: what a tick decides is in PostgreSQL (a batch) before Dagster hears of it, and every tick goes through all
open batches again. Jobs that wait for money or for a dependency are queued again first, when they can go on. A batch
that has a run is left alone; one that has none is asked for (Dagster's run key makes the second request a no-op); one
whose runs all ended is taken apart, and its unfinished jobs wait for a new run or, after too many attempts, fail with
`run_interrupted`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from assets.jobs import process_invoices
from assets.partitions import BATCH_TAG, invoice_jobs
from cira_pipeline.clock import utc_now
from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.errors import RunInterrupted
from cira_pipeline.jobs import Stage
from cira_pipeline.processing.engines import breakers_from_settings
from cira_pipeline.processing.resuming import resume_held_jobs
from cira_pipeline.settings import Settings
from cira_pipeline.storage.batches import BatchJob, BatchRepository, OpenBatch
from cira_pipeline.storage.jobs import JobRepository
from resources.postgres import PostgresResource
from resources.redis import RedisResource

MAX_ATTEMPTS = 3
MAX_LISTED = 20
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
WILL_RETRY_TAG = "dagster/will_retry"
RETRIED_BY_TAG = "dagster/auto_retry_run_id"
# Dagster's daemon launches an automatic retry within seconds; after this long nobody will.
RETRY_GRACE = timedelta(minutes=3)


def new_invoices_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor, with the tick interval, sizes and budgets of `settings`."""
    breakers = breakers_from_settings(settings)

    @dg.sensor(
        name="new_invoices",
        job=process_invoices,
        minimum_interval_seconds=settings.sensor_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes waiting jobs oldest first, adds their ids as partition keys and asks for runs of up to "
        f"{settings.batch_max_jobs} jobs. Turn it off to stop taking in work; nothing is lost meanwhile.",
    )
    def new_invoices(
        context: dg.SensorEvaluationContext, postgres: PostgresResource, redis: RedisResource
    ) -> dg.SensorResult | dg.SkipReason:
        database = postgres.database()
        batches = BatchRepository(database)
        jobs = JobRepository(database, redis.status_cache())

        resumed = resume_held_jobs(jobs, database, Budgets.from_settings(settings), breakers, utc_now())
        if resumed:
            context.log.info(f"{len(resumed)} waiting jobs go on: {', '.join(resumed[:MAX_LISTED])}")
        released = _release_interrupted(batches.open(), context.instance, jobs)
        batches.plan(max_jobs=settings.sensor_max_jobs, batch_max_jobs=settings.batch_max_jobs)
        open_batches = batches.open()
        carried = _runs_by_batch(context.instance, [batch.batch_id for batch in open_batches])
        to_launch = [batch for batch in open_batches if batch.batch_id not in carried]
        if not to_launch:
            return dg.SkipReason(
                f"No jobs are waiting; {len(open_batches)} batches are under way, {released} jobs were released."
            )
        return dg.SensorResult(
            run_requests=[_run_request(batch) for batch in to_launch],
            dynamic_partitions_requests=[
                invoice_jobs.build_add_request([job.job_id for batch in to_launch for job in batch.jobs])
            ],
        )

    return new_invoices


def _run_request(batch: OpenBatch) -> dg.RunRequest:
    """A run for the batch's range; the UI shows a single job as a plain partition."""
    tags = {BATCH_TAG: batch.batch_id}
    if batch.first_job == batch.last_job:
        return dg.RunRequest(run_key=batch.batch_id, partition_key=batch.first_job, tags=tags)
    return dg.RunRequest(
        run_key=batch.batch_id,
        tags={**tags, RANGE_START_TAG: batch.first_job, RANGE_END_TAG: batch.last_job},
    )


def _runs_by_batch(instance: DagsterInstance, batch_ids: Sequence[str]) -> Mapping[str, list[RunRecord]]:
    runs: dict[str, list[RunRecord]] = {}
    if batch_ids:
        for record in instance.get_run_records(RunsFilter(tags={BATCH_TAG: list(batch_ids)})):
            runs.setdefault(record.dagster_run.tags[BATCH_TAG], []).append(record)
    return runs


def _release_interrupted(open_batches: Iterable[OpenBatch], instance: DagsterInstance, jobs: JobRepository) -> int:
    """Frees the unfinished jobs that no living run carries any more. Returns how many."""
    batches = list(open_batches)
    by_batch = _runs_by_batch(instance, [batch.batch_id for batch in batches])
    by_id = _runs_by_id(instance, [job.run_id for batch in batches for job in batch.unfinished if job.run_id])
    released = 0
    for batch in batches:
        for job in batch.unfinished:
            runs = list(by_batch.get(batch.batch_id, ()))
            if job.run_id is not None and job.run_id in by_id:
                runs.append(by_id[job.run_id])
            if runs and not any(_lives(record, retries_enabled=instance.run_retries_enabled) for record in runs):
                _release(job, jobs)
                released += 1
    return released


def _runs_by_id(instance: DagsterInstance, run_ids: Sequence[str]) -> Mapping[str, RunRecord]:
    if not run_ids:
        return {}
    records = instance.get_run_records(RunsFilter(run_ids=sorted(set(run_ids))))
    return {record.dagster_run.run_id: record for record in records}


def _lives(record: RunRecord, *, retries_enabled: bool) -> bool:
    """Whether this run, or the automatic retry Dagster owes it, may still finish the job."""
    run = record.dagster_run
    if not run.is_finished:
        return True
    if run.status is not DagsterRunStatus.FAILURE or RETRIED_BY_TAG in run.tags:
        return False
    # Dagster says so in a tag that it writes a moment after the status.
    will_retry = run.tags.get(WILL_RETRY_TAG, "true" if retries_enabled else "false") == "true"
    return will_retry and utc_now() - record.update_timestamp < RETRY_GRACE


def _release(job: BatchJob, jobs: JobRepository) -> None:
    if job.attempts >= MAX_ATTEMPTS:
        error = RunInterrupted(f"{job.attempts} runs ended before job {job.job_id} was done", attempts=job.attempts)
        jobs.fail(job.job_id, job.stage or Stage.RAW_DOCUMENT, error)
    else:
        jobs.requeue(job.job_id)
