"""Mapping from partition keys to jobs: a key is a job's id, or belongs to all jobs of a run batch.

A job keeps the key it was first planned with, however often it is retried. So a later run can update what Dagster shows
for a batch's key, and no second key shows the same job differently.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.models import Verdict

# Two conditions for two indexes; a job of a batch must not be found under its own id as well.
_OF_KEYS = "(partition_key = ANY(:keys) OR (job_id = ANY(:keys) AND partition_key IS NULL))"
_KEY = "coalesce(partition_key, job_id)"
JOBS_OF_SQL = f"""
    SELECT {_KEY} AS key, job_id, client, url, status, stage, verdict, error_code, batch_id, run_id
    FROM cira.jobs WHERE {_OF_KEYS} ORDER BY job_id
"""  # noqa: S608 - the parts are this file's own
# Failed jobs stay visible until a person has decided about them. All jobs of a batch must be lockable.
LONG_DONE_SQL = f"""
    WITH locked AS (
        SELECT {_KEY} AS key FROM cira.jobs
        WHERE {_OF_KEYS} AND finished_at < :before AND status IN ('succeeded', 'rejected', 'cancelled')
        ORDER BY job_id FOR UPDATE SKIP LOCKED
    ), counted AS (
        SELECT {_KEY} AS key, count(*) AS jobs FROM cira.jobs WHERE {_OF_KEYS} GROUP BY 1
    )
    SELECT key FROM locked JOIN counted USING (key) GROUP BY key, jobs HAVING count(*) = jobs ORDER BY key
"""  # noqa: S608


@dataclass(frozen=True)
class KeyedJob:
    """State of a job of a partition key. `stage`: it is in, waits in or ended in; `None` while it is queued."""

    job_id: JobId
    client: str
    url: str
    status: JobStatus
    stage: Stage | None
    verdict: Verdict | None
    error_code: str | None
    batch_id: str | None
    run_id: str | None


class PartitionKeys:
    """Lookup of the jobs of partition keys in PostgreSQL. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def jobs_of(self, keys: Collection[str]) -> Mapping[str, Sequence[KeyedJob]]:
        """The jobs of each key, by id; empty for an invented key. The only place that maps keys to jobs."""
        found: dict[str, list[KeyedJob]] = {key: [] for key in keys}
        if found:
            with self._database.begin() as connection:
                rows = connection.execute(text(JOBS_OF_SQL), {"keys": list(found)}).all()
            for row in rows:
                found[row.key].append(
                    KeyedJob(
                        job_id=JobId(row.job_id),
                        client=row.client,
                        url=row.url,
                        status=JobStatus(row.status),
                        stage=Stage(row.stage) if row.stage else None,
                        verdict=Verdict(row.verdict) if row.verdict else None,
                        error_code=row.error_code,
                        batch_id=row.batch_id,
                        run_id=row.run_id,
                    )
                )
        return found

    def key_of(self, job_id: JobId) -> str:
        """The key of a job; its own id when there is no such job."""
        with self._database.begin() as connection:
            key = connection.scalar(text("SELECT partition_key FROM cira.jobs WHERE job_id = :id"), {"id": job_id})
        return key or job_id

    @contextmanager
    def long_done(self, keys: Sequence[str], before: datetime) -> Iterator[tuple[str, ...]]:
        """Those of `keys` whose jobs all ended before that time, none of them failed.

        Inside the block none of these jobs can be retried, so that no job is planned for a key under removal.
        """
        with self._database.begin() as connection:
            rows = connection.execute(text(LONG_DONE_SQL), {"keys": list(keys), "before": before}).all()
            yield tuple(row.key for row in rows)
