"""Checks that the fields needed for booking and payment are present, and that every value has evidence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cira_pipeline.invoice import HEADER_FIELDS, TABLES
from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.validation_input import ValidationInput

_REQUIRED: Final = (
    ("invoice_number", rules.NUMBER_MISSING),
    ("issue_date", rules.ISSUE_DATE_MISSING),
    ("supplier_name", rules.SUPPLIER_MISSING),
    ("gross_total", rules.GROSS_TOTAL_MISSING),
    ("currency", rules.CURRENCY_MISSING),
    ("customer_name", rules.CUSTOMER_MISSING),
)

PROFORMA: Final = "325"
"""UNTDID 1001."""


def check_required(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-DOC-*` and `CIRA-REQ-*`: no invoice, or fields that are missing."""
    invoice = subject.invoice
    total = next(
        (amount for amount in (invoice.gross_total, invoice.amount_due, invoice.net_total) if amount is not None), None
    )
    if invoice.invoice_number is None and total is None and invoice.supplier_name is None:
        yield rules.NO_INVOICE.finding(
            "no invoice number, no total and no supplier were found, so the document is not an invoice: "
            "ask the supplier for the invoice"
        )
    if invoice.invoice_type == PROFORMA:
        yield rules.PROFORMA.finding(
            "the document type is 325, a pro forma invoice: do not pay it, wait for the invoice", "invoice_type"
        )
    for name, rule in _REQUIRED:
        if getattr(invoice, name) is None:
            yield rule.finding(f"{name} was not found: look for it in the document", name)
    if not invoice.line_items:
        yield rules.LINES_MISSING.finding("no line items were found", "line_items")


# The correction prompt (azure_openai/prompts) quotes the words `stands nowhere` of these messages.
def check_grounding(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rule `CIRA-GROUND-01`: values and table rows without evidence in the document."""
    invoice = subject.invoice
    shown = {evidence.field for evidence in subject.extraction.evidence}
    for name in HEADER_FIELDS:
        if getattr(invoice, name) is not None and name not in shown:
            yield rules.UNGROUNDED.finding(
                f"{name} {getattr(invoice, name)} stands nowhere in the document: compare it with the document", name
            )
    rows = {path.partition(".")[0] for path in shown}
    for table, length in ((table, len(getattr(invoice, table))) for table in TABLES):
        lost = [path for path in (f"{table}[{index}]" for index in range(length)) if path not in rows]
        if lost:
            yield rules.UNGROUNDED.finding(
                f"{', '.join(lost[:5])} stands nowhere in the document: compare it with the document", *lost
            )
