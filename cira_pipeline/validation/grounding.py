"""Whether every value can be pointed to."""

from __future__ import annotations

from collections.abc import Iterator

from cira_pipeline.invoice import HEADER_FIELDS
from cira_pipeline.validation import rules
from cira_pipeline.validation.subject import Subject
from cira_pipeline.values import Finding


def check_grounding(subject: Subject) -> Iterator[Finding]:
    invoice = subject.invoice
    shown = {evidence.field for evidence in subject.extraction.evidence}
    for name in HEADER_FIELDS:
        if getattr(invoice, name) is not None and name not in shown:
            yield rules.UNGROUNDED.finding(f"{name} {getattr(invoice, name)} stands nowhere in the document", name)
    rows = {path.partition(".")[0] for path in shown}
    for table, length in (("line_items", len(invoice.line_items)), ("tax_breakdown", len(invoice.tax_breakdown))):
        lost = [path for path in (f"{table}[{index}]" for index in range(length)) if path not in rows]
        if lost:
            yield rules.UNGROUNDED.finding(f"{', '.join(lost[:5])} stands nowhere in the document", *lost)
