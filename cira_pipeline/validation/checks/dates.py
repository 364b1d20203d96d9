"""Whether the dates can be true."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.validation_input import ValidationInput

# East of here it may already be tomorrow.
_TOMORROW: Final = timedelta(days=1)
_TEN_YEARS: Final = timedelta(days=3653)
_TWO_YEARS: Final = timedelta(days=731)


def check_dates(subject: ValidationInput) -> Iterator[Finding]:
    issued, due, today = subject.invoice.issue_date, subject.invoice.due_date, subject.context.today
    if issued is None:
        return
    if issued - today > _TOMORROW:
        yield rules.ISSUED_IN_FUTURE.finding(f"issued on {issued}, which is after today, {today}", "issue_date")
    if today - issued > _TEN_YEARS:
        yield rules.ISSUED_LONG_AGO.finding(f"issued on {issued}, more than ten years ago", "issue_date")
    if due is None:
        return
    if due < issued:
        yield rules.DUE_BEFORE_ISSUE.finding(
            f"due on {due}, before it was issued on {issued}", "due_date", "issue_date"
        )
    if due - issued > _TWO_YEARS:
        yield rules.DUE_LONG_AFTER.finding(
            f"due on {due}, more than two years after it was issued on {issued}", "due_date", "issue_date"
        )
