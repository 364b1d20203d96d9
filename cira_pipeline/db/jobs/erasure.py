"""Erasure of a job's content on request: document, files, reading, record, label, lesson, model answers.

The job itself, its client, its times and its costs remain: booked costs are never erased.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Row, text

from cira_pipeline.db.answers import batched_questions
from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.errors import JobNotFinished, JobNotFound
from cira_pipeline.jobs import JobId, JobStatus

# Erased jobs, and whether their events were removed from Dagster's event log.


def note_erasure(connection: Connection, job_id: JobId) -> None:
    """Records, in the erasing transaction, that Dagster's events of the job must be removed, also after a rerun."""
    connection.execute(
        text("""
            INSERT INTO cira.erasures (job_id) VALUES (:job_id)
            ON CONFLICT (job_id) DO UPDATE SET erased_at = now(), dagster_erased_at = NULL
        """),
        {"job_id": job_id},
    )


class ErasureRepository:
    """Pending erasures in Dagster's event log. Thread-safe. Raises: StoreUnavailable."""

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


ERASED_SCHEME = "erased:"

# Tables in the order of deletion: rows that others refer to come last.
_OF_THE_JOB = ("confirmations", "supplier_lessons", "job_extractions", "job_labels", "records", "webhook_events")
_OF_THE_DOCUMENT = ("confirmations", "supplier_lessons", "extractions", "readings", "attached_files", "labels")


class Erasure:
    """Erases jobs. `stopping_s`: how long a run may still be in a stage after its job was cancelled, in seconds."""

    def __init__(self, database: Database, objects: ObjectStore, jobs: JobRepository, *, stopping_s: float) -> None:
        self._database = database
        self._objects = objects
        self._jobs = jobs
        self._stopping_s = stopping_s

    def erase(self, job_id: JobId) -> None:
        """Erases an ended job; idempotent. A document that another job also has is kept.

        Raises: JobNotFound; JobNotFinished when it has not ended, or a run may still be writing; StoreUnavailable,
        after which the call can be repeated.
        """
        with self._database.begin() as connection:
            job = self._ended(connection, job_id)
            for table in _OF_THE_JOB:
                connection.execute(text(f"DELETE FROM cira.{table} WHERE job_id = :job_id"), {"job_id": job_id})  # noqa: S608
            connection.execute(
                text("""
                    UPDATE cira.jobs
                    SET url = :url, client_reference = NULL, callback = NULL, document_sha256 = NULL, verdict = NULL,
                        status = 'cancelled', error_code = NULL, error_message = NULL, error_hint = NULL,
                        not_before = NULL, needs_usd = NULL, version = version + 1, updated_at = now()
                    WHERE job_id = :job_id
                """),
                {"job_id": job_id, "url": f"{ERASED_SCHEME}{job_id}"},
            )
            note_erasure(connection, job_id)
            if job.document_sha256 is not None and not _wanted_by_others(connection, job.document_sha256):
                self._erase_document(connection, job_id, job.document_sha256)
            batched_questions.end_waits(connection, job_id)
        self._jobs.status_from_rows(job_id)

    def _ended(self, connection: Connection, job_id: JobId) -> Row[tuple[str, str | None, bool]]:
        job = connection.execute(
            text("""
                SELECT status, document_sha256,
                       status = 'cancelled' AND stage IS NOT NULL AND url NOT LIKE 'erased:%'
                       AND finished_at > now() - make_interval(secs => :stopping_s) AS stopping
                FROM cira.jobs WHERE job_id = :job_id FOR UPDATE
            """),
            {"job_id": job_id, "stopping_s": self._stopping_s},
        ).one_or_none()
        if job is None:
            raise JobNotFound(f"there is no job {job_id}", job_id=job_id)
        if not JobStatus(job.status).final:
            raise JobNotFinished(
                f"job {job_id} is {job.status}; only a job that has ended can be erased", status=job.status
            )
        if job.stopping:
            raise JobNotFinished(
                f"job {job_id} was cancelled while a run worked on it; erase it {self._stopping_s:.0f} s later",
                retry_after_s=self._stopping_s,
            )
        return job

    def _erase_document(self, connection: Connection, job_id: JobId, sha256: str) -> None:
        document = {"sha256": sha256}
        keys = connection.scalars(
            text("""
                SELECT object_key FROM cira.documents WHERE sha256 = :sha256
                UNION ALL
                SELECT unnest(ARRAY[reading_key, docling_key]) FROM cira.readings WHERE document_sha256 = :sha256
                UNION ALL
                SELECT object_key FROM cira.attached_files WHERE document_sha256 = :sha256
            """),
            document,
        ).all()
        batched_questions.erase(connection, job_id)
        connection.execute(
            text("""
                DELETE FROM cira.model_answers WHERE job_id = :job_id OR request_hash IN (
                    SELECT paid ->> 'request_hash' FROM cira.extractions, jsonb_array_elements(usage) paid
                    WHERE document_sha256 = :sha256
                )
            """),
            {**document, "job_id": job_id},
        )
        for table in _OF_THE_DOCUMENT:
            connection.execute(text(f"DELETE FROM cira.{table} WHERE document_sha256 = :sha256"), document)  # noqa: S608
        connection.execute(text("DELETE FROM cira.documents WHERE sha256 = :sha256"), document)
        # Before the commit: if the commit fails, the rows still show what is left to erase.
        for key in keys:
            self._objects.delete(key)


def _wanted_by_others(connection: Connection, sha256: str) -> bool:
    # Locked first, so that no other job can refer to the document meanwhile.
    connection.execute(text("SELECT 1 FROM cira.documents WHERE sha256 = :sha256 FOR UPDATE"), {"sha256": sha256})
    wanted = text("SELECT EXISTS (SELECT 1 FROM cira.jobs WHERE document_sha256 = :sha256)")
    return bool(connection.scalar(wanted, {"sha256": sha256}))
