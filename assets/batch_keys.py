"""What a run says of a batch's key: each of its assets is materialised once nothing is left to do in it.

Told from the tables and not from what the run itself did: a run may have done one retried job out of hundreds, and a
run that was killed is gone on with by another. See docs/decisions/0017-batch-keys.md.
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

# Which jobs a Dagster run may take up, by what started it: the sensor, a person, or a backfill.


def claim_of(run: dg.DagsterRun, instance: DagsterInstance, *, key_count: int) -> Claim:
    """What `run`, which names `key_count` partition keys, may take up.

    A rejected document is a result: only a run that a person started for that one key processes it again.
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
    """The batch that `new_invoices` planned the run for; `None` when a person started it, or executes it again."""
    by_a_person = run.parent_run_id is not None and RETRY_NUMBER_TAG not in run.tags
    return None if by_a_person else run.tags.get(BATCH_TAG)


BatchEvent = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dataclass(frozen=True)
class FailedJob:
    """What the failure of a run names. `stage` is where the job, or what it stands for, stopped."""

    job_id: str
    stage: Stage
    code: str


@dataclass
class _KeyOfRun:
    """One batch's key in a run: what the run does of it, and what came of that so far."""

    partition_key: str
    taken: tuple[JobId, ...]
    left: set[JobId]
    failures: list[StageFailed] = field(default_factory=list)


class BatchKeysOfRun:
    """The batch keys among the partition keys of a run. `failed` and `busy` are told when all events were taken."""

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
        """Keys of which other runs are doing something."""
        self.job_count = sum(len(wanted(jobs)) for jobs in jobs_of.values())

    @property
    def job_ids(self) -> Sequence[JobId]:
        """The jobs that the run has to do."""
        return tuple(self._key_of)

    def idle(self) -> Iterator[BatchEvent]:
        """What is to be said of keys of which there is nothing to do."""
        for key in self._keys.values():
            if not key.taken:
                yield from self._told(key)

    def has(self, job_id: JobId) -> bool:
        return job_id in self._key_of

    def take(self, event: JobEvent) -> Iterator[BatchEvent]:
        """Notes the event of a job; after the last one of a key, what is to be said of the key."""
        if isinstance(event, StageDone) and event.stage is not self._stages[-1]:
            return
        key = self._key_of[event.job_id]
        if isinstance(event, StageFailed):
            key.failures.append(event)
        key.left.discard(event.job_id)
        if not key.left:
            yield from self._told(key)

    def _taken_up(self, key: str, jobs: Sequence[KeyedJob]) -> _KeyOfRun:
        busy = self._busy_runs(jobs)
        taken = to_do(jobs, self._stages, planned_as=planned_batch(self._run), busy_runs=busy)
        return _KeyOfRun(key, taken, set(taken))

    def _busy_runs(self, jobs: Sequence[KeyedJob]) -> frozenset[str]:
        """Other runs that are alive and work on one of these jobs."""
        runs = {job.run_id for job in jobs if job.status is JobStatus.RUNNING and job.run_id} - {self._run.run_id}
        found = self._instance.get_runs(RunsFilter(run_ids=sorted(runs))) if runs else ()
        return frozenset(run.run_id for run in found if not run.is_finished)

    def _told(self, key: _KeyOfRun) -> Iterator[BatchEvent]:
        jobs = PartitionKeys(self._database).jobs_of([key.partition_key])[key.partition_key]
        if not jobs:
            self.failed.append(FailedJob(key.partition_key, self._stages[0], JobNotFound.code))
            return
        # Statuses belong to runs that validate; others leave them as they were.
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
            self._log.warning(f"{held} of {len(wanted(jobs))} jobs of {key.partition_key} wait and go on by themselves")
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
    """What is true of a batch's key: its assets that are done, why others are not, and the checks of its records."""
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
            yield _why_they_failed(partition_key, stage, failed, len(wanted(jobs)))
    if Stage.VALIDATED_RECORD in stages:
        yield from BatchChecks(database, settings, partition_key, jobs).evaluate(checks)


def _why_they_failed(partition_key: str, stage: Stage, failed: Sequence[KeyedJob], count: int) -> dg.AssetObservation:
    """Stands with the failed partition, which would otherwise only name its run. It does not count as materialised."""
    codes = ", ".join(sorted({job.error_code or "" for job in failed}))
    return dg.AssetObservation(
        asset_key=asset_key(stage),
        partition=partition_key,
        description=f"{len(failed)} of {count} jobs failed here: {codes}",
        metadata={
            "failed": dg.MetadataValue.int(len(failed)),
            "failures": jobs_table(failed),
            "what_to_do": dg.MetadataValue.text(
                "`cira show JOB` says what happened to each. Materialise the partition again, or `cira retry JOB`: "
                "what is done is not done again."
            ),
        },
    )
