"""Which jobs were erased, and whether Dagster's event log has followed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from cira_pipeline.jobs import JobId
from cira_pipeline.storage.database import Database


def note_erasure(connection: Connection, job_id: JobId) -> None:
    """In the transaction that erases: Dagster's events about the job are to go too, those of an earlier run again."""
    connection.execute(
        text("""
            INSERT INTO cira.erasures (job_id) VALUES (:job_id)
            ON CONFLICT (job_id) DO UPDATE SET erased_at = now(), dagster_erased_at = NULL
        """),
        {"job_id": job_id},
    )


class ErasureRepository:
    """Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def owed_by_dagster(self, *, limit: int = 100) -> Sequence[JobId]:
        """Erased jobs whose events are still in Dagster's log, oldest erasure first."""
        statement = text("""
            SELECT job_id FROM cira.erasures WHERE dagster_erased_at IS NULL ORDER BY erased_at LIMIT :limit
        """)
        with self._database.begin() as connection:
            return [JobId(job_id) for job_id in connection.scalars(statement, {"limit": limit})]

    def gone_from_dagster(self, job_id: JobId) -> None:
        with self._database.begin() as connection:
            connection.execute(
                text("UPDATE cira.erasures SET dagster_erased_at = now() WHERE job_id = :job_id"), {"job_id": job_id}
            )
