"""Accuracy in operation: which records are measured, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from cira_pipeline.db.database import Database
from cira_pipeline.db.records.accuracy_days import AccuracyOfDay, AccuracyRepository
from cira_pipeline.db.records.labels import LabelRepository
from cira_pipeline.db.records.repository import RecordRepository
from cira_pipeline.jobs import JobId
from tests.db.invoices import invoice, record

MakeJob = Callable[[bytes], tuple[JobId, str]]
LABEL = {"invoice_number": "RE-2024/001"}


def today() -> date:
    """Asked anew by each test: a session of tests may begin before midnight and end after it."""
    return datetime.now(UTC).date()


@pytest.fixture
def repository(database: Database) -> AccuracyRepository:
    return AccuracyRepository(database)


def kept(database: Database) -> list[tuple[date, str, str, float]]:
    with database.begin() as connection:
        rows = connection.execute(text("SELECT day, supplier, field, accuracy FROM cira.accuracy_daily ORDER BY day"))
        return [tuple(row) for row in rows]


def test_only_labelled_records_are_measured_and_each_document_once(
    database: Database, repository: AccuracyRepository, records: RecordRepository, running_job: MakeJob
) -> None:
    first, sha256 = running_job(b"labelled")
    second, _ = running_job(b"labelled")
    unlabelled, other = running_job(b"unlabelled")
    for job_id, document in ((first, sha256), (second, sha256), (unlabelled, other)):
        records.put(job_id, document, record(invoice(invoice_number=f"RE-{job_id}")))
    LabelRepository(database).put(sha256, LABEL, "test")

    [(stored, label)] = repository.labelled(today())

    assert (stored.job_id, label) == (second, LABEL), "the newest record of the document"
    assert repository.labelled(today() + timedelta(days=1)) == []


def test_measuring_again_replaces_the_days_it_measured_and_keeps_older_ones(
    database: Database, repository: AccuracyRepository
) -> None:
    old, recent = today() - timedelta(days=60), today() - timedelta(days=1)
    repository.replace_days(old, [AccuracyOfDay(old, "Müller", "gross_total", 3, 1, 0)])
    repository.replace_days(recent, [AccuracyOfDay(recent, "Müller", "gross_total", 1, 0, 1)])
    repository.replace_days(recent, [AccuracyOfDay(recent, "", "due_date", 1, 0, 0)])
    assert kept(database) == [(old, "Müller", "gross_total", 0.75), (recent, "", "due_date", 1.0)]
    repository.replace_days(recent, [])
    assert kept(database) == [(old, "Müller", "gross_total", 0.75)]


def test_a_day_about_nothing_cannot_be_kept(repository: AccuracyRepository) -> None:
    with pytest.raises(IntegrityError):
        repository.replace_days(today(), [AccuracyOfDay(today(), "Müller", "due_date", 0, 0, 0)])
