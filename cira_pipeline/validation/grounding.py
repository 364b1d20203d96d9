"""Whether every value can be pointed to, and those that people pay by were read with confidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cira_pipeline.invoice import HEADER_FIELDS, HeaderField
from cira_pipeline.validation import rules
from cira_pipeline.validation.subject import Subject
from cira_pipeline.values import Finding

PAID_BY: Final[tuple[HeaderField, ...]] = (
    "invoice_number",
    "issue_date",
    "currency",
    "due_date",
    "supplier_name",
    "payment_iban",
    "net_total",
    "tax_total",
    "gross_total",
    "amount_due",
)


def check_grounding(subject: Subject) -> Iterator[Finding]:
    invoice = subject.invoice
    confidences: dict[str, float] = {}
    for evidence in subject.extraction.evidence:
        confidences[evidence.field] = max(evidence.confidence, confidences.get(evidence.field, 0.0))
    for name in HEADER_FIELDS:
        if getattr(invoice, name) is not None and name not in confidences:
            yield rules.UNGROUNDED.finding(f"{name} {getattr(invoice, name)} stands nowhere in the document", name)
    rows = {path.partition(".")[0] for path in confidences}
    for table, length in (("line_items", len(invoice.line_items)), ("tax_breakdown", len(invoice.tax_breakdown))):
        lost = [path for path in (f"{table}[{index}]" for index in range(length)) if path not in rows]
        if lost:
            yield rules.UNGROUNDED.finding(f"{', '.join(lost[:5])} stands nowhere in the document", *lost)
    for name in PAID_BY:
        confidence = confidences.get(name)
        if confidence is not None and confidence < subject.context.min_confidence:
            yield rules.UNSURE.finding(f"{name} was read with a confidence of {confidence:.2f}", name)
