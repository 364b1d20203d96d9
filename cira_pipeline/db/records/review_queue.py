"""Review queue: records that wait for a reviewer, oldest first."""

from __future__ import annotations

from sqlalchemy import text

from cira_pipeline.db.database import Database
from cira_pipeline.jobs import JobId

COUNTED_UP_TO = 1_000

# The same condition as in jobs_review_idx, so that only its entries are scanned.
_WAITING = (
    "status = 'succeeded' AND verdict = 'needs_review' "
    "AND (CAST(:client AS text) IS NULL OR client = CAST(:client AS text))"
)


def next_in_review(database: Database, client: str | None, after: JobId | None = None) -> JobId | None:
    """The job after `after` in the queue, the first one after the last; `None` when there is none but `after`.

    Raises: StoreUnavailable.
    """
    statement = text(f"""
        SELECT job_id FROM cira.jobs WHERE {_WAITING} AND job_id IS DISTINCT FROM CAST(:after AS text)
        ORDER BY (finished_at, job_id)
              <= (SELECT finished_at, job_id FROM cira.jobs WHERE job_id = CAST(:after AS text)) NULLS FIRST,
                 finished_at, job_id
        LIMIT 1
    """)  # noqa: S608 - our own conditions, values are parameters
    with database.begin() as connection:
        found = connection.scalar(statement, {"client": client, "after": after})
    return JobId(found) if found else None


def waiting_for_review(database: Database, client: str | None) -> int:
    """Number of records waiting for review, counted up to `COUNTED_UP_TO`. Raises: StoreUnavailable."""
    statement = text(f"SELECT count(*) FROM (SELECT 1 FROM cira.jobs WHERE {_WAITING} LIMIT :most) AS waiting")  # noqa: S608
    with database.begin() as connection:
        return int(connection.scalar(statement, {"client": client, "most": COUNTED_UP_TO}) or 0)
