"""Checks that the issue date and the due date are plausible."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.validation_input import ValidationInput

# In time zones further east it may already be the next day.
_TOMORROW: Final = timedelta(days=1)
_TEN_YEARS: Final = timedelta(days=3653)
_TWO_YEARS: Final = timedelta(days=731)


def check_dates(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-DATE-*`."""
    issued, due, today = subject.invoice.issue_date, subject.invoice.due_date, subject.context.today
    if issued is None:
        return
    if issued - today > _TOMORROW:
        yield rules.ISSUED_IN_FUTURE.finding(
            f"the issue date {issued} is after today, {today}: compare it with the document", "issue_date"
        )
    if today - issued > _TEN_YEARS:
        yield rules.ISSUED_LONG_AGO.finding(
            f"the issue date {issued} is more than ten years ago: compare it with the document", "issue_date"
        )
    if due is None:
        return
    if due < issued:
        yield rules.DUE_BEFORE_ISSUE.finding(
            f"the due date {due} is before the issue date {issued}: compare both with the document",
            "due_date",
            "issue_date",
        )
    if due - issued > _TWO_YEARS:
        yield rules.DUE_LONG_AFTER.finding(
            f"the due date {due} is more than two years after the issue date {issued}: compare both with the document",
            "due_date",
            "issue_date",
        )
