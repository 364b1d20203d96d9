"""Accuracy in production: labelled records, and their accuracy by day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from sqlalchemy import delete, insert, select

from cira_pipeline.db.database import Database
from cira_pipeline.db.records.repository import RecordRepository, StoredRecord
from cira_pipeline.db.schema.tables import MAX_NAME_CHARS, accuracy_daily, labels, records
from cira_pipeline.jobs import JobId


@dataclass(frozen=True)
class AccuracyOfDay:
    """A row of `accuracy_daily`. An empty `supplier` is an unknown one; at least one count is not 0."""

    day: date
    supplier: str
    field: str
    right_count: int
    wrong_count: int
    missing_count: int


class AccuracyRepository:
    """Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._records = RecordRepository(database)

    def labelled(self, since: date) -> list[tuple[StoredRecord, Mapping[str, Any]]]:
        """Records valid since `since` (a day in UTC) or later, with their labels; the newest of each document."""
        statement = (
            select(records.c.job_id, labels.c.fields)
            .distinct(records.c.document_sha256)
            .join(labels, labels.c.document_sha256 == records.c.document_sha256)
            .where(records.c.recorded_at >= datetime.combine(since, time.min, UTC))
            .order_by(records.c.document_sha256, records.c.recorded_at.desc(), records.c.job_id.desc())
        )
        with self._database.begin() as connection:
            found = connection.execute(statement).all()
        stored = ((self._records.get(JobId(row.job_id)), dict(row.fields)) for row in found)
        return [(record, label) for record, label in stored if record is not None]

    def replace_days(self, since: date, days: Iterable[AccuracyOfDay]) -> None:
        """Replaces the stored rows of `since` and later days with `days`; older days are unchanged."""
        rows = [vars(day) | {"supplier": day.supplier[:MAX_NAME_CHARS]} for day in days]
        with self._database.begin() as connection:
            connection.execute(delete(accuracy_daily).where(accuracy_daily.c.day >= since))
            if rows:
                connection.execute(insert(accuracy_daily), rows)
