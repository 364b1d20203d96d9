"""Which partition keys stand for jobs that ended long ago, held still while their keys are taken away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import text

from cira_pipeline.jobs import JobId
from cira_pipeline.storage.database import Database

# Failed jobs stay in sight until somebody has decided about them.
LONG_DONE_SQL = (
    "SELECT job_id FROM cira.jobs WHERE job_id = ANY(:job_ids) AND finished_at < :before "
    "AND status IN ('succeeded', 'rejected', 'cancelled') ORDER BY job_id FOR UPDATE SKIP LOCKED"
)


@contextmanager
def long_done(database: Database, job_ids: Sequence[JobId], before: datetime) -> Iterator[tuple[JobId, ...]]:
    """Those of `job_ids` that ended before that time and did not fail.

    Inside the block none of them can be retried: a job is never planned for a key that is just being removed.
    """
    with database.begin() as connection:
        rows = connection.execute(text(LONG_DONE_SQL), {"job_ids": list(job_ids), "before": before}).all()
        yield tuple(JobId(row.job_id) for row in rows)
