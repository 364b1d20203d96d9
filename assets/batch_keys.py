"""Materialises the assets of a batch's partition key, each as soon as nothing is left to do in it.

Decided from the tables and not from the run's own work: a run may have processed one retried job out of hundreds, and
another run continues a killed one. See docs/decisions/0017-batch-keys.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster import DagsterInstance, RunsFilter
from dagster._core.storage.tags import BACKFILL_ID_TAG, RETRY_NUMBER_TAG

from assets.batch_checks import BatchChecks
from assets.batch_metadata import batch_metadata, jobs_table
from assets.partitions import BATCH_TAG
from assets.specs import asset_key
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.batch_summary import BatchSummary
from cira_pipeline.db.jobs.partition_keys import KeyedJob, PartitionKeys
from cira_pipeline.errors import JobNotFound
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.batch_progress import after_a_look, in_the_way, to_do, wanted
from cira_pipeline.pipeline.claims import Claim
from cira_pipeline.pipeline.stream import JobEvent, StageDone, StageFailed
from cira_pipeline.settings import Settings

# Jobs that a Dagster run may take up, depending on who started it: the sensor, a person, or a backfill.


def claim_of(run: dg.DagsterRun, instance: DagsterInstance, *, key_count: int) -> Claim:
    """The jobs that `run`, which names `key_count` partition keys, may take up.

    A rejected document is a result: only a run that a person started for that single key processes it again.
    """

    def is_alive(run_id: str) -> bool:
        other = instance.get_run_by_id(run_id)
        return other is not None and not other.is_finished

    planned_as = planned_batch(run)
    return Claim(
        planned_as=planned_as,
        rejected_too=planned_as is None and key_count == 1 and BACKFILL_ID_TAG not in run.tags,
        is_alive=is_alive,
    )


def planned_batch(run: dg.DagsterRun) -> str | None:
    """The run batch that `new_invoices` planned the run for; `None` when a person started or re-executed it."""
    by_a_person = run.parent_run_id is not None and RETRY_NUMBER_TAG not in run.tags
    return None if by_a_person else run.tags.get(BATCH_TAG)


BatchEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dataclass(frozen=True)
class FailedJob:
    """A job in the failure message of a run. `stage`: where the job, or its batch's key, stopped."""

    job_id: str
    stage: Stage
    code: str


@dataclass
class _KeyOfRun:
    """One batch's key in a run: the run's jobs of the key, and their results so far."""

    partition_key: str
    taken: tuple[JobId, ...]
    left: set[JobId]
    failures: list[StageFailed] = field(default_factory=list)


class BatchKeysOfRun:
    """The batch keys among the partition keys of a run. `failed` and `busy` are complete once all events were taken."""

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        database: Database,
        settings: Settings,
        stages: Sequence[Stage],
        checks: Collection[str],
        jobs_of: Mapping[str, Sequence[KeyedJob]],
    ) -> None:
        self._log = context.log
        self._instance = context.instance
        self._run = context.run
        self._database = database
        self._settings = settings
        self._stages = tuple(stages)
        self._checks = checks
        self._keys = {key: self._taken_up(key, jobs) for key, jobs in jobs_of.items()}
        self._key_of = {job_id: key for key in self._keys.values() for job_id in key.taken}
        self.failed: list[FailedJob] = []
        self.busy: list[str] = []
        """Keys that other runs are working on."""
        self.job_count = sum(len(wanted(jobs)) for jobs in jobs_of.values())

    @property
    def job_ids(self) -> Sequence[JobId]:
        """The jobs that the run must process."""
        return tuple(self._key_of)

    def idle(self) -> Iterator[BatchEvent]:
        """Events of keys that need no work."""
        for key in self._keys.values():
            if not key.taken:
                yield from self._events(key)

    def has(self, job_id: JobId) -> bool:
        return job_id in self._key_of

    def take(self, event: JobEvent) -> Iterator[BatchEvent]:
        """Records a job's event; after the last job of a key, yields the key's events."""
        if isinstance(event, StageDone) and event.stage is not self._stages[-1]:
            return
        key = self._key_of[event.job_id]
        if isinstance(event, StageFailed):
            key.failures.append(event)
        key.left.discard(event.job_id)
        if not key.left:
            yield from self._events(key)

    def _taken_up(self, key: str, jobs: Sequence[KeyedJob]) -> _KeyOfRun:
        busy = self._busy_runs(jobs)
        taken = to_do(jobs, self._stages, planned_as=planned_batch(self._run), busy_runs=busy)
        return _KeyOfRun(key, taken, set(taken))

    def _busy_runs(self, jobs: Sequence[KeyedJob]) -> frozenset[str]:
        """Other living runs that work on one of these jobs."""
        runs = {job.run_id for job in jobs if job.status is JobStatus.RUNNING and job.run_id} - {self._run.run_id}
        found = self._instance.get_runs(RunsFilter(run_ids=sorted(runs))) if runs else ()
        return frozenset(run.run_id for run in found if not run.is_finished)

    def _events(self, key: _KeyOfRun) -> Iterator[BatchEvent]:
        jobs = PartitionKeys(self._database).jobs_of([key.partition_key])[key.partition_key]
        if not jobs:
            self.failed.append(FailedJob(key.partition_key, self._stages[0], JobNotFound.code))
            return
        # Only runs that validate change job statuses.
        tracked = Stage.VALIDATED_RECORD in self._stages
        seen = jobs if tracked else after_a_look(jobs, key.taken, key.failures, self._stages[-1])
        yield from batch_events(self._database, self._settings, key.partition_key, seen, self._stages, self._checks)
        left = in_the_way(seen, self._stages[-1])
        self.failed += [
            FailedJob(job.job_id, job.stage or self._stages[0], job.error_code or "")
            for job in left
            if job.status is JobStatus.FAILED
        ]
        if held := sum(job.status.held for job in left):
            self._log.warning(
                f"{held} of {len(wanted(jobs))} jobs of {key.partition_key} are deferred and continue automatically"
            )
        if self._busy_runs(left):
            self.busy.append(key.partition_key)


def batch_events(
    database: Database,
    settings: Settings,
    partition_key: str,
    jobs: Sequence[KeyedJob],
    stages: Sequence[Stage],
    checks: Collection[str],
) -> Iterator[BatchEvent]:
    """Events of a batch's key: materialisations of finished assets, failures of others, and checks of its records."""
    summary = BatchSummary(database, partition_key)
    for stage in stages:
        left = in_the_way(jobs, stage)
        if not left:
            yield dg.AssetMaterialization(
                asset_key=asset_key(stage),
                partition=partition_key,
                metadata=batch_metadata(stage, jobs, summary),
            )
        failed = [job for job in left if job.status is JobStatus.FAILED and job.stage is stage]
        if failed:
            yield _failure_observation(partition_key, stage, failed, len(wanted(jobs)))
    if Stage.VALIDATED_RECORD in stages:
        yield from BatchChecks(database, settings, partition_key, jobs).evaluate(checks)


def _failure_observation(
    partition_key: str, stage: Stage, failed: Sequence[KeyedJob], count: int
) -> dg.AssetObservation:
    """Observation that explains a failed partition, beside the link to its run. It does not count as materialised."""
    codes = ", ".join(sorted({job.error_code or "" for job in failed}))
    return dg.AssetObservation(
        asset_key=asset_key(stage),
        partition=partition_key,
        description=f"{len(failed)} of {count} jobs failed here: {codes}",
        metadata={
            "failed": dg.MetadataValue.int(len(failed)),
            "failures": jobs_table(failed),
            "what_to_do": dg.MetadataValue.text(
                "`cira show JOB` explains each failure. Materialise the partition again, or run `cira retry JOB`: "
                "finished work is not repeated."
            ),
        },
    )
