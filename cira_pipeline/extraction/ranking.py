"""Which of several records of one document is the better one."""

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
"""What nobody can pay or book without; the measure of how complete a record is."""

Rank = tuple[int, ...]


def rank(record: Record) -> Rank:
    """Higher is better: accepted, fewest errors, fewest warnings, most of `REQUIRED`, most values two engines read."""
    severities = [finding.severity for finding in record.findings]
    agreed = {evidence.field for evidence in record.evidence if evidence.agreed_by}
    return (
        int(record.verdict is Verdict.ACCEPTED),
        -severities.count(Severity.ERROR),
        -severities.count(Severity.WARNING),
        sum(getattr(record.invoice, name) is not None for name in REQUIRED),
        sum(name in agreed for name in HEADER_FIELDS),
    )
