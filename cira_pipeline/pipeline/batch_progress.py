"""Progress of a batch key's jobs: which of them a run must process, and which stages are complete for all.

A stage of the key is complete when nothing is left to do in it. A rejected job is complete: its document will never
become an invoice, and processing it again changes nothing. A cancelled or erased one does not count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from cira_pipeline.db.jobs.partition_keys import KeyedJob
from cira_pipeline.errors import DocumentError
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.stream import StageFailed

_ORDER = {stage: place for place, stage in enumerate(Stage)}
_UNDER_WAY = (JobStatus.QUEUED, JobStatus.RUNNING)


def wanted(jobs: Iterable[KeyedJob]) -> tuple[KeyedJob, ...]:
    """The jobs that count: neither cancelled nor erased."""
    return tuple(job for job in jobs if job.status is not JobStatus.CANCELLED)


def to_do(
    jobs: Iterable[KeyedJob], stages: Sequence[Stage], *, planned_as: str | None, busy_runs: Collection[str]
) -> tuple[JobId, ...]:
    """The jobs that a run of `stages` must process, without those that one of `busy_runs` works on.

    A run of all stages processes what is unfinished: the open jobs of the batch it was planned for (`planned_as`), or,
    when a person materialises the key, also failed and deferred ones. A run of some of the stages repeats these for
    every job that has reached them.
    """
    free = [job for job in wanted(jobs) if not (job.status is JobStatus.RUNNING and job.run_id in busy_runs)]
    if tuple(stages) != tuple(Stage):
        return tuple(job.job_id for job in free if _has_come_to(job, stages[0]))
    if planned_as is not None:
        return tuple(job.job_id for job in free if job.status in _UNDER_WAY and job.batch_id == planned_as)
    return tuple(job.job_id for job in free if job.status not in (JobStatus.SUCCEEDED, JobStatus.REJECTED))


def in_the_way(jobs: Iterable[KeyedJob], stage: Stage) -> tuple[KeyedJob, ...]:
    """The jobs that keep `stage` of their key from being complete."""
    return tuple(job for job in wanted(jobs) if not _is_through(job, stage))


def after_a_look(
    jobs: Iterable[KeyedJob], looked_at: Collection[JobId], failures: Sequence[StageFailed], last: Stage
) -> tuple[KeyedJob, ...]:
    """The jobs after a run that stores no statuses (`stream`): its results and failures are only in memory."""
    failed = {event.job_id: event for event in failures}

    def seen(job: KeyedJob) -> KeyedJob:
        if job.job_id not in looked_at or job.status is JobStatus.CANCELLED:
            return job
        if (event := failed.get(job.job_id)) is None:
            return job if _is_through(job, last) else replace(job, status=JobStatus.SUCCEEDED)
        status = JobStatus.REJECTED if isinstance(event.error, DocumentError) else JobStatus.FAILED
        return replace(job, status=status, stage=event.stage, error_code=event.error.code)

    return tuple(seen(job) for job in jobs)


def _is_through(job: KeyedJob, stage: Stage) -> bool:
    if job.status in (JobStatus.SUCCEEDED, JobStatus.REJECTED):
        return True
    return job.stage is not None and _ORDER[stage] < _ORDER[job.stage]


def _has_come_to(job: KeyedJob, stage: Stage) -> bool:
    if job.status is JobStatus.SUCCEEDED or job.verdict is not None:
        return True
    return _ORDER[stage] <= (_ORDER[job.stage] if job.stage is not None else 0)
