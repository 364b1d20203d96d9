"""Checks for values that are possible but so unlikely that a reviewer should look at them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from cira_pipeline.invoice import AMOUNT_FIELDS, CREDIT_NOTE_TYPES, Invoice
from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.checks.credit_notes import CORRECTED_INVOICE, all_negative
from cira_pipeline.validation.checks.item_codes import is_in_item_code_column
from cira_pipeline.validation.normalise import bare
from cira_pipeline.validation.rules import Rule
from cira_pipeline.validation.validation_input import ValidationInput

# In minor units, so that one limit suits currencies of very different value.
_IMPLAUSIBLE_MINOR_UNITS: Final = Decimal(10) ** 11
_HIGHEST_TAX_RATE: Final = Decimal(50)


def check_plausibility(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-PLAUS-*`."""
    yield from _totals(subject)
    yield from _tax(subject)
    yield from _lines(subject)
    yield from _parties(subject)
    yield from _number(subject)


def _totals(subject: ValidationInput) -> Iterator[Finding]:
    invoice = subject.invoice
    gross = invoice.gross_total
    if subject.sign_reversed:
        yield rules.CREDIT_WITH_MINUS.finding(
            f"the credit note prints its gross total as {-(gross or 0)}; the record states {gross} as credited: "
            "confirm that the supplier credits this amount",
            "gross_total",
            "invoice_type",
        )
    if gross is not None and gross < 0:
        yield _rule_of_negative(invoice).finding(
            f"the gross total is {gross} in a document of type {invoice.invoice_type or 'unknown'}: "
            "compare sign and document type with the document",
            "gross_total",
            "invoice_type",
        )
    if gross == 0:
        yield rules.ZERO_TOTAL.finding("the gross total is zero: compare it with the document", "gross_total")
    for name in AMOUNT_FIELDS:
        amount: Decimal | None = getattr(invoice, name)
        if amount is not None and abs(amount) >= _IMPLAUSIBLE_MINOR_UNITS * subject.minor_unit:
            yield rules.IMPLAUSIBLE_AMOUNT.finding(
                f"{name} is {amount}, implausibly large: compare its digits and decimal separator with the document",
                name,
            )


def _rule_of_negative(invoice: Invoice) -> Rule:
    """The rule for a negative gross total; in a corrected invoice with only negative totals it is no mistake."""
    if invoice.invoice_type in CREDIT_NOTE_TYPES:
        return rules.NEGATIVE_CREDIT_NOTE
    if invoice.invoice_type == CORRECTED_INVOICE and all_negative(invoice):
        return rules.CORRECTION_LOWERS
    return rules.NEGATIVE_INVOICE


def _tax(subject: ValidationInput) -> Iterator[Finding]:
    invoice = subject.invoice
    rates = [(f"tax_breakdown[{index}].rate", line.rate) for index, line in enumerate(invoice.tax_breakdown)]
    rates += [(f"line_items[{index}].tax_rate", item.tax_rate) for index, item in enumerate(invoice.line_items)]
    odd = [(path, rate) for path, rate in rates if rate is not None and not 0 <= rate <= _HIGHEST_TAX_RATE]
    if odd:
        shown = ", ".join(sorted({f"{rate}%" for _, rate in odd})[:5])
        yield rules.TAX_RATE_IMPLAUSIBLE.finding(
            f"tax rates outside 0% to {_HIGHEST_TAX_RATE}%: {shown}; compare them with the document",
            *(path for path, _ in odd),
        )
    if invoice.net_total and invoice.tax_total and (invoice.net_total > 0) is not (invoice.tax_total > 0):
        yield rules.TAX_SIGN.finding(
            f"the net total is {invoice.net_total}, but the tax total is {invoice.tax_total}, of the opposite sign: "
            "compare both with the document",
            "net_total",
            "tax_total",
        )


def _lines(subject: ValidationInput) -> Iterator[Finding]:
    empty = [position for position, item in subject.invoiced_lines if item.quantity == 0 and item.net_amount]
    if empty:
        yield rules.ZERO_QUANTITY.finding(
            f"line {', '.join(str(position + 1) for position in empty[:10])}: the quantity is zero, "
            "but there is a net amount",
            *(f"line_items[{position}].quantity" for position in empty),
        )


def _parties(subject: ValidationInput) -> Iterator[Finding]:
    invoice = subject.invoice
    for name, ours, theirs in (
        ("name", invoice.supplier_name, invoice.customer_name),
        ("vat_id", invoice.supplier_vat_id, invoice.customer_vat_id),
    ):
        if ours is not None and theirs is not None and bare(ours) == bare(theirs):
            yield rules.SAME_PARTIES.finding(
                f"supplier and customer have the same {name}, {ours}: compare both parties with the document",
                f"supplier_{name}",
                f"customer_{name}",
            )


def _number(subject: ValidationInput) -> Iterator[Finding]:
    number, reading = subject.invoice.invoice_number, subject.context.reading
    if number is None or reading is None:
        return
    lines = [each.line for each in subject.extraction.evidence if each.field == "invoice_number" and each.line]
    if lines and all(is_in_item_code_column(reading, number, line, subject.lines_with_amounts) for line in lines):
        yield rules.NUMBER_AMONG_ITEMS.finding(
            f"{number} is in a column of item codes: compare the invoice number with the document", "invoice_number"
        )
