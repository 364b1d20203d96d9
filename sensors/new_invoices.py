"""Sensor that plans waiting jobs into partition keys and runs. It is the only writer of partition keys.

Idempotent: the decisions of a tick are in PostgreSQL (as run batches) before Dagster sees them, and every tick
processes all open batches again. Deferred jobs are queued again first, when they can continue. A batch that has a run
is left alone; for one without, a run is requested (Dagster's run key makes a repeated request a no-op); one whose runs
all ended is dissolved, and its unfinished jobs wait for a new run. So do running jobs without a batch whose run has
ended. Only a job that was alone in flight when its run died, and not for the first time, fails with `run_interrupted`:
with several jobs in flight, the cause is unknown. When runs of other jobs died at the same time, the fault is in what
they share, and the job gets more attempts.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter
from dagster._core.storage.tags import PARTITION_NAME_TAG

from assets.jobs import process_invoices
from assets.partitions import BATCH_TAG, CLIENT_TAG, PARTITIONS_NAME, SIZE_TAG, invoice_jobs
from cira_pipeline.clock import utc_now
from cira_pipeline.costs.budgets import Budgets
from cira_pipeline.db.disk_space import disk_space
from cira_pipeline.db.jobs.batches import BatchJob, BatchRepository, OpenBatch, RunSizes
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.db.jobs.source_jobs import SourceJobs
from cira_pipeline.db.jobs.statements import ACTIVE
from cira_pipeline.errors import DiskFull, RunInterrupted
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.engines import breakers_from_settings
from cira_pipeline.pipeline.resuming import resume_held_jobs
from cira_pipeline.pipeline.source_waits import look_after_sources
from cira_pipeline.resilience.source_hosts import source_hosts_from_settings
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from resources.redis import RedisResource

MAX_ATTEMPTS = 3
MOST_ATTEMPTS = 10
"""Attempts of a job whose runs died together with those of other jobs."""
TOGETHER = timedelta(seconds=60)
"""Runs that died within it died of the same: a code server, a database, a machine. So long a dead run is unnoticed."""
SMALL_RUN = 20
"""Maximum jobs of a small run: dagster.yaml reserves a slot for such runs that no large one takes."""
RUNS_AHEAD = 2
"""Runs of one client that wait in Dagster's queue for one of its runs to end."""
PRIORITY_TAG = "dagster/priority"
MAX_LISTED = 20
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
WILL_RETRY_TAG = "dagster/will_retry"
RETRIED_BY_TAG = "dagster/auto_retry_run_id"
# Dagster's daemon launches an automatic retry within seconds; after this long there will be none.
RETRY_GRACE = timedelta(minutes=3)


def new_invoices_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor, with the tick interval, sizes and budgets of `settings`."""
    breakers, hosts = breakers_from_settings(settings), source_hosts_from_settings(settings)
    sizes = RunSizes(
        most_jobs=settings.batch_max_jobs,
        small_runs=settings.batch_small_runs,
        wait_s=settings.batch_wait_s,
        most_runs=settings.batch_max_runs,
        jobs_at_once=max(settings.sensor_max_jobs, settings.batch_max_jobs),
        one_key_from=settings.batch_key_min_jobs,
    )

    @dg.sensor(
        name="new_invoices",
        job=process_invoices,
        minimum_interval_seconds=settings.sensor_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Takes waiting jobs, clients in turns and oldest first, adds partition keys for them and requests "
        f"runs of up to {settings.batch_max_jobs} jobs. Turn it off to stop processing new jobs; nothing is lost "
        "meanwhile.",
    )
    def new_invoices(
        context: dg.SensorEvaluationContext, postgres: PostgresResource, redis: RedisResource
    ) -> dg.SensorResult | dg.SkipReason:
        try:
            disk_space(settings).demand()
        except DiskFull as full:
            return dg.SkipReason(f"No jobs are planned for now: {full.message}.")
        database = postgres.database()
        batches = BatchRepository(database)
        jobs = JobRepository(database, redis.status_cache())

        now = utc_now()
        resumed = resume_held_jobs(jobs, database, Budgets.from_settings(settings), breakers, now)
        if resumed:
            context.log.info(f"{len(resumed)} deferred jobs were queued again: {', '.join(resumed[:MAX_LISTED])}")
        sources = look_after_sources(SourceJobs(jobs), hosts, settings, now)
        if sources.held or sources.resumed or sources.given_up:
            context.log.info(
                f"sources: {sources.held} jobs deferred until theirs answers, {len(sources.resumed)} queued again, "
                f"{sources.given_up} failed after {settings.source_wait_hours:g} hours"
            )
        released = _release_interrupted(batches, context.instance, jobs, now)
        planned = batches.plan(
            replace(sizes, most_runs_of_client=_most_runs_of_client(context.instance)),
            open_runs=Counter(batch.client for batch in batches.open()),
            positions=partial(_positions, context.instance),
            now=now,
            avoid=sources.avoid,
            admitted=sources.resumed,
        )
        open_batches = batches.open()
        runs = _runs_by_batch(context.instance, [batch.batch_id for batch in open_batches])
        to_launch = [batch for batch in open_batches if not any(map(_was_launched, runs.get(batch.batch_id, ())))]
        if not to_launch:
            return dg.SkipReason(
                f"{planned} jobs were planned; {len(open_batches)} runs are under way, {released} jobs were released."
            )
        now_launched = _at_once(to_launch, sizes.jobs_at_once)
        keys, backwards = _keys(batches, now_launched, context.instance)
        _take_apart(batches, backwards, jobs)
        return dg.SensorResult(
            run_requests=[_run_request(batch) for batch in now_launched if batch not in backwards],
            dynamic_partitions_requests=[invoice_jobs.build_add_request(keys)],
        )

    return new_invoices


def _most_runs_of_client(instance: DagsterInstance) -> int | None:
    """As many as may run at once, and a few that follow them. `None`: Dagster's queue has no limit."""
    queue = instance.get_concurrency_config().run_queue_config
    slots = queue.max_concurrent_runs if queue else -1
    return slots + RUNS_AHEAD if slots > 0 else None


def _at_once(to_launch: Sequence[OpenBatch], most_keys: int) -> Sequence[OpenBatch]:
    """Small runs, and then as many large ones as `most_keys` allows; the others are requested at the next ticks.

    Dagster needs several milliseconds for each partition key of a run, and no new job is planned meanwhile.
    """
    chosen: list[OpenBatch] = []
    keys = 0
    for batch in sorted(to_launch, key=lambda batch: batch.job_count > SMALL_RUN):
        if keys >= most_keys:
            break
        chosen.append(batch)
        keys += 1 if batch.partition_key else batch.job_count
    return chosen


def _keys(
    batches: BatchRepository, to_launch: Sequence[OpenBatch], instance: DagsterInstance
) -> tuple[list[str], list[OpenBatch]]:
    """The partition keys of these batches, each range in order, and the batches whose range runs backwards.

    A range planned over keys that were not in the order of their ids would become empty, or another range, if its keys
    were added again in the order of ids. Its end keys are added even if their jobs have left the batch, as Dagster
    looks them up. A first key that was removed (its job was erased, or ended long ago) can only be added after the
    last. From such a range Dagster makes no run, and it fails the whole tick.
    """
    ranges = [batch for batch in to_launch if batch.partition_key is None]
    members = batches.jobs([batch.batch_id for batch in ranges])
    ends = {end for batch in ranges for end in (batch.first_job, batch.last_job)}
    known = any(_positions(instance, [end]) for end in ends)
    places: dict[str, int] = dict(_positions(instance, ends).items()) if known else {}
    behind = max(places.values(), default=0) + 1
    keys: dict[str, None] = {}
    backwards = []
    for batch in to_launch:
        if batch.partition_key is not None:
            keys[batch.partition_key] = None
            continue
        between = [job.job_id for job in members[batch.batch_id] if job.job_id not in (batch.first_job, batch.last_job)]
        of_range = dict.fromkeys(map(str, (batch.first_job, *between, batch.last_job)))
        placed = {**places}
        for key in of_range:
            placed.setdefault(key, behind + len(placed))
        if placed[batch.first_job] > placed[batch.last_job]:
            backwards.append(batch)
        else:
            keys |= of_range
            places = placed
    return list(keys), backwards


def _take_apart(batches: BatchRepository, unwanted: Sequence[OpenBatch], jobs: JobRepository) -> None:
    """Dissolves batches that have no run, so that their unfinished jobs are planned again."""
    for members in batches.jobs([batch.batch_id for batch in unwanted]).values():
        for job in members:
            if job.status in ACTIVE:
                jobs.requeue(job)


def _run_request(batch: OpenBatch) -> dg.RunRequest:
    """A run for the batch's own key or for its range; the UI shows a single job as a plain partition."""
    small = batch.job_count <= SMALL_RUN
    tags = {
        BATCH_TAG: batch.batch_id,
        CLIENT_TAG: batch.client,
        SIZE_TAG: "small" if small else "large",
        PRIORITY_TAG: "1" if small else "0",
    }
    single = batch.first_job if batch.first_job == batch.last_job else None
    if (key := batch.partition_key or single) is not None:
        return dg.RunRequest(run_key=batch.batch_id, partition_key=key, tags=tags)
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


def _positions(instance: DagsterInstance, job_ids: Collection[JobId]) -> Mapping[JobId, int]:
    """Positions of the jobs' partition keys among all keys; looked up only for jobs that were planned before."""
    if len(job_ids) == 1:
        (job_id,) = job_ids
        return {job_id: 0} if instance.has_dynamic_partition(PARTITIONS_NAME, job_id) else {}
    wanted = set(job_ids)
    keys = enumerate(instance.get_dynamic_partitions(PARTITIONS_NAME))
    return {JobId(key): place for place, key in keys if key in wanted}


def _was_launched(record: RunRecord) -> bool:
    """A daemon that dies between creating a run and launching it leaves a run that the same request launches."""
    return record.dagster_run.status is not DagsterRunStatus.NOT_STARTED


def _release_interrupted(
    batches: BatchRepository, instance: DagsterInstance, jobs: JobRepository, now: datetime
) -> int:
    """Queues unfinished jobs again that no living run works on. Returns how many.

    These are jobs of open batches whose runs all ended, and running jobs without a batch whose own run ended.
    """
    by_batch = _runs_by_batch(instance, [batch.batch_id for batch in batches.open()])
    ended = [
        batch_id for batch_id, runs in by_batch.items() if not any(_lives(instance, record, now) for record in runs)
    ]
    open_jobs = [job for members in batches.jobs(ended).values() for job in members if job.status in ACTIVE]
    open_jobs += batches.running_in_no_batch()
    # Read after the jobs: the run of a job that was running then is known by now, or lost.
    by_id = _runs_by_id(instance, (job.run_id for job in open_jobs if job.status is JobStatus.RUNNING))

    def its_run(job: BatchJob) -> RunRecord | None:
        return by_id.get(job.run_id) if job.run_id and job.status is JobStatus.RUNNING else None

    left = [job for job in open_jobs if (run := its_run(job)) is None or not _lives(instance, run, now)]
    last_runs = {_last(by_batch[each]).dagster_run.run_id for each in ended}
    for job in left:
        if job.batch_id is None and (run := its_run(job)) and RETRIED_BY_TAG not in run.dagster_run.tags:
            last_runs.add(run.dagster_run.run_id)
    in_flight = Counter(job.run_id for job in left if job.status is JobStatus.RUNNING)
    for job in left:
        suspect = job.run_id in last_runs and in_flight[job.run_id] == 1 and job.attempts >= MAX_ATTEMPTS
        if suspect and job.attempts < MOST_ATTEMPTS:
            suspect = not _died_with_others(job, by_id[job.run_id or ""], instance)
        _release(job, jobs, is_reason=suspect)
    return len(left)


def _died_with_others(job: BatchJob, run: RunRecord, instance: DagsterInstance) -> bool:
    """Whether runs of other jobs died within `TOGETHER` of `job`'s. One that failed by itself has a failed step."""
    died_at = _ended_at(run)
    failed = RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=died_at - TOGETHER)
    return any(
        abs(_ended_at(other) - died_at) <= TOGETHER
        and not _may_have_carried(other, job)
        and not instance.all_logs(other.dagster_run.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
        for other in instance.get_run_records(failed)
    )


def _may_have_carried(run: RunRecord, job: BatchJob) -> bool:
    tags = run.dagster_run.tags
    if tags.get(BATCH_TAG) == job.batch_id or run.dagster_run.run_id == job.run_id:
        return True
    if (key := tags.get(PARTITION_NAME_TAG)) is not None:
        return key in (job.job_id, job.partition_key)
    return tags.get(RANGE_START_TAG, "") <= job.job_id <= tags.get(RANGE_END_TAG, "")


def _ended_at(run: RunRecord) -> datetime:
    return datetime.fromtimestamp(run.end_time, UTC) if run.end_time else run.update_timestamp


def _last(runs: Iterable[RunRecord]) -> RunRecord:
    return max(runs, key=lambda run: run.create_timestamp)


def _runs_by_id(instance: DagsterInstance, run_ids: Iterable[str | None]) -> Mapping[str, RunRecord]:
    wanted = sorted({run_id for run_id in run_ids if run_id})
    records = instance.get_run_records(RunsFilter(run_ids=wanted)) if wanted else ()
    return {record.dagster_run.run_id: record for record in records}


def _lives(instance: DagsterInstance, record: RunRecord, now: datetime) -> bool:
    """Whether this run, or an existing or pending automatic retry of it, may still finish its jobs."""
    run = record.dagster_run
    if run.status is DagsterRunStatus.NOT_STARTED:
        return now - record.create_timestamp < RETRY_GRACE
    if not run.is_finished:
        return True
    if run.status is not DagsterRunStatus.FAILURE:
        return False
    if (retry_id := run.tags.get(RETRIED_BY_TAG)) is not None:
        retry = instance.get_run_record_by_id(retry_id)
        return retry is not None and _lives(instance, retry, now)
    # Dagster states it in a tag that it writes a moment after the status.
    will_retry = run.tags.get(WILL_RETRY_TAG, "true" if instance.run_retries_enabled else "false") == "true"
    return will_retry and now - record.update_timestamp < RETRY_GRACE


def _release(job: BatchJob, jobs: JobRepository, *, is_reason: bool) -> None:
    """Queues the job again, or fails it. `is_reason`: the runs died because of this job, as far as is known."""
    if is_reason and job.status is JobStatus.RUNNING:
        error = RunInterrupted(f"{job.attempts} runs ended before job {job.job_id} was finished", attempts=job.attempts)
        jobs.fail(job.job_id, job.stage or Stage.RAW_DOCUMENT, error, run_id=job.run_id)
    else:
        jobs.requeue(job)
