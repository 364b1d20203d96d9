"""Jobs by source host: deferred, resumed or given up, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, Text, any_, func, literal, select, text, update
from sqlalchemy.sql.dml import ReturningUpdate

from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.db.jobs.statements import ACTIVE, CHANGED
from cira_pipeline.db.schema.tables import WAITS_FOR_A_BATCH, WAITS_FOR_SOURCE, jobs
from cira_pipeline.errors import CiraError, SourceUnavailable
from cira_pipeline.jobs import JobId, JobStatus, Stage

_WAITS = text(WAITS_FOR_SOURCE)
_UNPLANNED, _PLANNED = text(WAITS_FOR_A_BATCH), text(f"NOT ({WAITS_FOR_A_BATCH})")
HOSTS_SQL = f"""
WITH RECURSIVE hosts AS (
    (SELECT source_host FROM cira.jobs WHERE {WAITS_FOR_SOURCE} ORDER BY source_host LIMIT 1)
    UNION ALL
    SELECT (
        SELECT source_host FROM cira.jobs WHERE {WAITS_FOR_SOURCE} AND source_host > hosts.source_host
        ORDER BY source_host LIMIT 1
    ) FROM hosts WHERE hosts.source_host IS NOT NULL
)
SELECT source_host FROM hosts WHERE source_host IS NOT NULL LIMIT :max_hosts
"""  # noqa: S608 - constants
"""One index step for each host, however many jobs wait for it."""


class SourceJobs:
    """Raises: StoreUnavailable."""

    def __init__(self, jobs: JobRepository) -> None:
        self._database = jobs.database
        self._jobs = jobs

    def hold_queued(self, host: str, error: CiraError, *, not_before: datetime, limit: int) -> int:
        """Defers queued jobs of a host, at most `limit`, oldest first; returns how many."""
        chosen = _locked((jobs.c.source_host == host) & _UNPLANNED, limit, jobs.c.job_id)
        return len(self._jobs.change_many(_hold(chosen, error, not_before)))

    def hold(self, job_ids: Sequence[JobId], error: CiraError, *, not_before: datetime, run_id: str) -> Sequence[JobId]:
        """Defers those of these jobs that are queued, or running in this run; returns which. Counts no attempt."""
        mine = (jobs.c.status == JobStatus.QUEUED) | ((jobs.c.status == JobStatus.RUNNING) & (jobs.c.run_id == run_id))
        these = mine & (jobs.c.job_id == any_(literal(list(job_ids), ARRAY(Text))))
        chosen = _locked(these, len(job_ids), jobs.c.job_id)
        return [job.job_id for job in self._jobs.change_many(_hold(chosen, error, not_before))]

    def waiting_hosts(self, *, limit: int = 1_000) -> Sequence[str]:
        """Hosts that deferred jobs wait for."""
        with self._database.begin() as connection:
            return list(connection.scalars(text(HOSTS_SQL), {"max_hosts": limit}))

    def under_way(self, host: str, *, limit: int) -> int:
        """Jobs of a host that are planned or running and have no document yet; counted up to `limit`."""
        of_host = (jobs.c.source_host == host) & jobs.c.status.in_(ACTIVE) & _PLANNED
        counted = select(jobs.c.job_id).where(of_host).limit(limit).subquery()
        with self._database.begin() as connection:
            return connection.scalars(select(func.count()).select_from(counted)).one()

    def resume(self, host: str, *, limit: int, now: datetime) -> Sequence[JobId]:
        """Queues jobs again that are due and wait for a host, those that waited longest first.

        `queued_at` is unchanged: the wait for the source is measured from it.
        """
        due = (jobs.c.source_host == host) & _WAITS & (jobs.c.not_before <= now)
        chosen = _locked(due, limit, jobs.c.not_before, jobs.c.job_id)
        resumed = self._jobs.change_many(
            _changed(
                chosen,
                status=JobStatus.QUEUED,
                stage=None,
                batch_id=None,
                run_id=None,
                started_at=None,
                not_before=None,
                error_code=None,
                error_message=None,
                error_hint=None,
            )
        )
        return [job.job_id for job in resumed]

    def give_up(self, queued_before: datetime, *, hours: float, limit: int) -> int:
        """Fails jobs that have waited for their source since before `queued_before`; returns how many."""
        chosen = _locked(_WAITS & (jobs.c.queued_at < queued_before), limit, jobs.c.queued_at)
        message = func.concat(f"the source gave no valid answer for {hours:g} hours; ", jobs.c.error_message)
        failed = self._jobs.change_many(
            _changed(
                chosen,
                status=JobStatus.FAILED,
                error_code=SourceUnavailable.code,
                error_message=message,
                error_hint=SourceUnavailable.hint,
                not_before=None,
                finished_at=func.now(),
            )
        )
        return len(failed)


def _locked(which: ColumnElement[bool], limit: int, *order: ColumnElement[Any]) -> Select[tuple[str]]:
    return select(jobs.c.job_id).where(which).order_by(*order).limit(limit).with_for_update(skip_locked=True)


def _changed(chosen: Select[tuple[str]], **values: Any) -> ReturningUpdate[Any]:
    # An array and not IN: the rows are chosen and locked once, whatever join PostgreSQL plans.
    return (
        update(jobs)
        .where(jobs.c.job_id == any_(func.array(chosen.scalar_subquery())))
        .values(**values, version=jobs.c.version + 1, updated_at=func.now())
        .returning(*CHANGED)
    )


def _hold(chosen: Select[tuple[str]], error: CiraError, not_before: datetime) -> ReturningUpdate[Any]:
    return _changed(
        chosen,
        status=JobStatus.WAITING,
        stage=Stage.RAW_DOCUMENT,
        error_code=error.code,
        error_message=error.message,
        error_hint=error.hint,
        not_before=not_before,
        verdict=None,
        finished_at=None,
    )
