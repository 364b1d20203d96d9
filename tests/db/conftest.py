"""Repositories over the session's real PostgreSQL, each test in a database of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cira_pipeline.db.database import Database
from cira_pipeline.db.documents.objects import ObjectStore
from cira_pipeline.db.documents.repository import DocumentRepository
from cira_pipeline.db.jobs.repository import JobRepository, Submission
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.jobs import JobId, Stage
from tests.db.invoices import document


@pytest.fixture
def objects(tmp_path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "objects"))


@pytest.fixture
def jobs(database: Database) -> JobRepository:
    return JobRepository(database, None)


@pytest.fixture
def documents(database: Database, objects: ObjectStore) -> DocumentRepository:
    return DocumentRepository(database, objects)


@pytest.fixture
def records(database: Database) -> RecordRepository:
    return RecordRepository(database)


@pytest.fixture
def running_job(jobs: JobRepository, documents: DocumentRepository) -> Callable[[bytes], tuple[JobId, str]]:
    """Makes a job that is running on a document with the given content; returns its id and the document's hash."""

    def make(content: bytes = b"%PDF-1.7 a document") -> tuple[JobId, str]:
        kept = document(content)
        documents.put(kept)
        [submitted] = jobs.submit([Submission(f"https://supplier.example/{len(jobs.list(limit=1_000))}.pdf")])
        job_id = submitted.job.job_id
        jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
        jobs.document_found(job_id, kept.sha256)
        return job_id, kept.sha256

    return make
