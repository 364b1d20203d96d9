"""Batches: the jobs one Dagster run was planned for.

A batch is written before its run is asked for, so that a crash between planning, adding partition keys and launching
loses nothing: the next tick finds the open batches and goes on. A run names a contiguous range of keys: fresh jobs are
one in the order of their ids, and jobs that were planned before are one where their keys still stand side by side. A
job whose run died travels alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text
from ulid import ULID

from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.storage.database import Database


@dataclass(frozen=True)
class BatchJob:
    job_id: JobId
    status: JobStatus
    stage: Stage | None
    run_id: str | None
    attempts: int


@dataclass(frozen=True)
class OpenBatch:
    """A batch with jobs that are not finished."""

    batch_id: str
    first_job: JobId
    last_job: JobId


@dataclass(frozen=True)
class RunSizes:
    """How runs follow the queue: one job gets one at once while little is under way, thousands get large ones.

    `small_runs`: while fewer are open, a run may have any size; else it waits for `most_jobs`, but not beyond `wait_s`.
    `most_runs`: no more are open at once; further jobs wait in their table. `jobs_at_once`: planned in one go.
    """

    most_jobs: int
    small_runs: int
    wait_s: float
    most_runs: int
    jobs_at_once: int


@dataclass(frozen=True)
class _Waiting:
    job_id: JobId
    planned_before: bool
    interrupted: bool
    """Its last run died; it may be the reason, so it shares no run with others."""
    queued_at: datetime


Positions = Callable[[Collection[JobId]], Mapping[JobId, int]]
"""Where the keys of jobs stand among all keys, for those that have one."""


class BatchRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, sizes: RunSizes, *, open_runs: int, positions: Positions, now: datetime) -> int:
        """Puts waiting jobs, oldest first, into batches as `sizes` says; returns how many jobs.

        Two planners never take the same job: each skips what the other has locked.
        """
        room = max(sizes.most_runs - open_runs, 0)
        limit = min(sizes.jobs_at_once, room * sizes.most_jobs)
        if not limit:
            return 0
        with self._database.begin() as connection:
            rows = connection.execute(text(WAITING_SQL), {"max_jobs": limit}).all()
            waiting = [
                _Waiting(JobId(row.job_id), bool(row.planned_before), row.run_id is not None, row.queued_at)
                for row in rows
            ]
            groups = [
                group
                for number, group in enumerate(_groups(waiting, sizes.most_jobs, positions))
                if _may_start(group, sizes, open_runs + number, now)
            ][:room]
            for group in groups:
                _insert(connection, [job.job_id for job in group])
        return sum(len(group) for group in groups)

    def open(self) -> tuple[OpenBatch, ...]:
        """Every batch that still has queued or running jobs, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(text(OPEN_SQL)).all()
        return tuple(OpenBatch(row.batch_id, JobId(row.first_job), JobId(row.last_job)) for row in rows)

    def jobs(self, batch_ids: Collection[str]) -> Mapping[str, Sequence[BatchJob]]:
        """All jobs of each batch, finished ones too, in the order of its range."""
        found: dict[str, list[BatchJob]] = {batch_id: [] for batch_id in batch_ids}
        if not found:
            return found
        with self._database.begin() as connection:
            rows = connection.execute(text(JOBS_SQL), {"batch_ids": list(found)}).all()
        for row in rows:
            found[row.batch_id].append(_job(row))
        return found


WAITING_SQL = (
    "SELECT job_id, planned_before, run_id, queued_at FROM cira.jobs WHERE status = 'queued' AND batch_id IS NULL "
    "ORDER BY job_id LIMIT :max_jobs FOR UPDATE SKIP LOCKED"
)
OPEN_SQL = (
    "SELECT batch_id, first_job, last_job FROM cira.batches WHERE batch_id IN (SELECT batch_id FROM cira.jobs "
    "WHERE status IN ('queued', 'running') AND batch_id IS NOT NULL) ORDER BY first_job, batch_id"
)
JOBS_SQL = (
    "SELECT batch_id, job_id, status, stage, run_id, attempts FROM cira.jobs WHERE batch_id = ANY(:batch_ids) "
    "ORDER BY job_id"
)


def _insert(connection: Connection, job_ids: list[JobId]) -> None:
    batch_id = f"bat_{str(ULID()).lower()}"
    connection.execute(
        text(
            "INSERT INTO cira.batches (batch_id, first_job, last_job, job_count) "
            "VALUES (:batch_id, :first_job, :last_job, :job_count)"
        ),
        {"batch_id": batch_id, "first_job": job_ids[0], "last_job": job_ids[-1], "job_count": len(job_ids)},
    )
    connection.execute(
        text("UPDATE cira.jobs SET batch_id = :batch_id, planned_before = true WHERE job_id = ANY(:job_ids)"),
        {"batch_id": batch_id, "job_ids": job_ids},
    )


def _job(row: Row[Any]) -> BatchJob:
    stage = Stage(row.stage) if row.stage else None
    return BatchJob(JobId(row.job_id), JobStatus(row.status), stage, row.run_id, row.attempts)


def _may_start(group: Sequence[_Waiting], sizes: RunSizes, open_runs: int, now: datetime) -> bool:
    oldest = min(job.queued_at for job in group)
    return (
        len(group) >= sizes.most_jobs or open_runs < sizes.small_runs or (now - oldest).total_seconds() >= sizes.wait_s
    )


def _groups(waiting: Sequence[_Waiting], most: int, positions: Positions) -> list[Sequence[_Waiting]]:
    """Contiguous ranges, the oldest first."""
    planned_before = [job.job_id for job in waiting if job.planned_before]
    place = positions(planned_before) if planned_before else {}
    alone = [[job] for job in waiting if job.interrupted]
    # A key that housekeeping took away is added again, after all others.
    fresh = [job for job in waiting if job.job_id not in place and not job.interrupted]
    standing = [job for job in waiting if job.job_id in place and not job.interrupted]
    standing.sort(key=lambda job: place[job.job_id])
    stretches = _stretches(standing, [place[job.job_id] for job in standing])
    groups = [part for stretch in (fresh, *stretches, *alone) for part in _parts(stretch, most)]
    return sorted(groups, key=lambda group: group[0].job_id)


def _stretches(jobs: Sequence[_Waiting], places: Sequence[int]) -> Iterator[Sequence[_Waiting]]:
    start = 0
    for end in range(1, len(jobs) + 1):
        if end == len(jobs) or places[end] != places[end - 1] + 1:
            yield jobs[start:end]
            start = end


def _parts(jobs: Sequence[_Waiting], most: int) -> Iterable[Sequence[_Waiting]]:
    return (jobs[start : start + most] for start in range(0, len(jobs), most))
