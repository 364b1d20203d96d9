"""The daily accuracy report: from the labelled records in the database to the report, and its counts back into it."""

from __future__ import annotations

from datetime import UTC, date

from cira_pipeline.accuracy.report import AccuracyReport, LabelledRecord, accuracy_report, window_start
from cira_pipeline.storage.accuracy_days import AccuracyOfDay, AccuracyRepository
from cira_pipeline.storage.database import Database


def report_accuracy(database: Database, today: date) -> AccuracyReport:
    """Measures all labelled records of the report's window and keeps the result in `cira.accuracy_daily`.

    Labels come late: all days of the window are measured anew. Raises: StoreUnavailable.
    """
    since = window_start(today)
    repository = AccuracyRepository(database)
    report = accuracy_report(
        (
            LabelledRecord(
                document_sha256=stored.document_sha256,
                day=stored.recorded_at.astimezone(UTC).date(),
                record=stored.record,
                label=label,
            )
            for stored, label in repository.labelled(since)
        ),
        today,
    )
    repository.replace_days(
        since,
        [
            AccuracyOfDay(row.day, row.supplier, row.field, int(row.right), int(row.wrong), int(row.missing))
            for row in report.daily.itertuples()
        ],
    )
    return report
