"""Ranks records of one document, to choose the best."""

from __future__ import annotations

from cira_pipeline.invoice import HEADER_FIELDS, HeaderField
from cira_pipeline.models import Record, Severity, Verdict

REQUIRED: tuple[HeaderField, ...] = (
    "invoice_number",
    "issue_date",
    "currency",
    "supplier_name",
    "customer_name",
    "net_total",
    "gross_total",
)
"""Fields needed for booking and payment; they measure the completeness of a record."""

Rank = tuple[int, ...]


def rank(record: Record) -> Rank:
    """Rank of `record`; higher is better.

    In order: accepted, fewest errors, fewest warnings, most of `REQUIRED`, most values that two engines read.
    """
    severities = [finding.severity for finding in record.findings]
    agreed = {evidence.field for evidence in record.evidence if evidence.agreed_by}
    return (
        int(record.verdict is Verdict.ACCEPTED),
        -severities.count(Severity.ERROR),
        -severities.count(Severity.WARNING),
        sum(getattr(record.invoice, name) is not None for name in REQUIRED),
        sum(name in agreed for name in HEADER_FIELDS),
    )
