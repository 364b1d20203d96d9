"""Whether the fields are there without which nobody can book or pay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cira_pipeline.validation import rules
from cira_pipeline.validation.subject import Subject
from cira_pipeline.values import Finding

_REQUIRED: Final = (
    ("invoice_number", rules.NUMBER_MISSING),
    ("issue_date", rules.ISSUE_DATE_MISSING),
    ("supplier_name", rules.SUPPLIER_MISSING),
    ("gross_total", rules.GROSS_TOTAL_MISSING),
    ("currency", rules.CURRENCY_MISSING),
    ("customer_name", rules.CUSTOMER_MISSING),
)


def check_required(subject: Subject) -> Iterator[Finding]:
    invoice = subject.invoice
    total = next(
        (amount for amount in (invoice.gross_total, invoice.amount_due, invoice.net_total) if amount is not None), None
    )
    if invoice.invoice_number is None and total is None and invoice.supplier_name is None:
        yield rules.NO_INVOICE.finding("no invoice number, no total and no supplier were found: this is no invoice")
    for name, rule in _REQUIRED:
        if getattr(invoice, name) is None:
            yield rule.finding(f"{name} was not found", name)
    if not invoice.line_items:
        yield rules.LINES_MISSING.finding("no line items were found", "line_items")
