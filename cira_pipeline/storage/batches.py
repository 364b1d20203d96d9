"""Batches: the jobs one Dagster run was planned for.

A batch is written before its run is asked for, so that a crash between planning, adding partition keys and launching
loses nothing: the next tick finds the open batches and goes on. Fresh jobs form contiguous ranges in order of their
ids; a job that was planned before already has its partition key somewhere, so it travels alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Row, text
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
    """A batch with jobs that are not finished. `jobs` are all of its jobs, in the order of the range."""

    batch_id: str
    first_job: JobId
    last_job: JobId
    jobs: tuple[BatchJob, ...]

    @property
    def unfinished(self) -> tuple[BatchJob, ...]:
        return tuple(job for job in self.jobs if not job.status.final)


class BatchRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(self, *, max_jobs: int, batch_max_jobs: int) -> int:
        """Puts up to `max_jobs` waiting jobs, oldest first, into batches of `batch_max_jobs`; returns how many."""
        with self._database.begin() as connection:
            waiting = connection.execute(
                text(
                    "SELECT job_id, planned_before FROM cira.jobs WHERE status = 'queued' AND batch_id IS NULL "
                    "ORDER BY job_id LIMIT :max_jobs FOR UPDATE SKIP LOCKED"
                ),
                {"max_jobs": max_jobs},
            ).all()
            groups = _group([(JobId(row.job_id), bool(row.planned_before)) for row in waiting], batch_max_jobs)
            for group in groups:
                batch_id = f"bat_{str(ULID()).lower()}"
                connection.execute(
                    text(
                        "INSERT INTO cira.batches (batch_id, first_job, last_job, job_count) "
                        "VALUES (:batch_id, :first_job, :last_job, :job_count)"
                    ),
                    {"batch_id": batch_id, "first_job": group[0], "last_job": group[-1], "job_count": len(group)},
                )
                connection.execute(
                    text(
                        "UPDATE cira.jobs SET batch_id = :batch_id, planned_before = true WHERE job_id = ANY(:job_ids)"
                    ),
                    {"batch_id": batch_id, "job_ids": list(group)},
                )
        return len(waiting)

    def open(self) -> tuple[OpenBatch, ...]:
        """Every batch that still has queued or running jobs, oldest first."""
        with self._database.begin() as connection:
            rows = connection.execute(
                text(
                    "SELECT b.batch_id, b.first_job, b.last_job, j.job_id, j.status, j.stage, j.run_id, j.attempts "
                    "FROM cira.batches b JOIN cira.jobs j USING (batch_id) "
                    "WHERE b.batch_id IN (SELECT batch_id FROM cira.jobs WHERE status IN ('queued', 'running')) "
                    "ORDER BY b.first_job, b.batch_id, j.job_id"
                )
            ).all()
        return tuple(
            OpenBatch(
                batch_id,
                JobId(first_job),
                JobId(last_job),
                tuple(_job(row) for row in members),
            )
            for (batch_id, first_job, last_job), members in groupby(
                rows, key=lambda row: (row.batch_id, row.first_job, row.last_job)
            )
        )


def _job(row: Row[Any]) -> BatchJob:
    stage = Stage(row.stage) if row.stage else None
    return BatchJob(JobId(row.job_id), JobStatus(row.status), stage, row.run_id, row.attempts)


def _group(waiting: list[tuple[JobId, bool]], batch_max_jobs: int) -> list[tuple[JobId, ...]]:
    groups: list[tuple[JobId, ...]] = []
    fresh = [job_id for job_id, planned_before in waiting if not planned_before]
    groups.extend(tuple(fresh[start : start + batch_max_jobs]) for start in range(0, len(fresh), batch_max_jobs))
    groups.extend((job_id,) for job_id, planned_before in waiting if planned_before)
    return groups
