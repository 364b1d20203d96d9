"""Credit notes that print minus signs: a record states what is credited, as EN 16931 does.

The code of a credit note already says which way the money flows; a negative amount under it would turn the money round
once more. E-invoice XML is left as it is: there the sender has chosen code and sign by that rule.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from cira_pipeline.invoice import AMOUNT_FIELDS, CREDIT_NOTE_TYPES, Invoice, LineItem, TaxLine

CORRECTED_INVOICE: Final = "384"
"""UNTDID 1001: it states a difference as often as a whole invoice anew, and the difference may be negative."""


def prints_minus_signs(invoice: Invoice) -> bool:
    """A credit note whose totals are all negative. Totals of both signs contradict each other and tell nothing."""
    return invoice.invoice_type in CREDIT_NOTE_TYPES and all_negative(invoice)


def all_negative(invoice: Invoice) -> bool:
    """Whether every total that is stated is negative, the gross total among them; nought has no sign."""
    amounts = [amount for name in AMOUNT_FIELDS if (amount := getattr(invoice, name))]
    return invoice.gross_total is not None and invoice.gross_total < 0 and all(amount < 0 for amount in amounts)


def as_credited(invoice: Invoice) -> Invoice:
    """`invoice` with every amount turned round. A unit price is never negative (BR-27): the quantity takes the sign."""
    totals: dict[str, Decimal | None] = {name: _turned(getattr(invoice, name)) for name in AMOUNT_FIELDS}
    rows = tuple(TaxLine(rate=row.rate, net=_turned(row.net), tax=_turned(row.tax)) for row in invoice.tax_breakdown)
    lines = tuple(_credited(item) for item in invoice.line_items)
    return invoice.model_copy(update={**totals, "tax_breakdown": rows, "line_items": lines})


def _credited(item: LineItem) -> LineItem:
    net = _turned(item.net_amount)
    quantity, price = item.quantity, item.unit_price
    if price is not None:
        price = abs(price)
    if quantity is not None:
        quantity = -abs(quantity) if net is not None and net < 0 else abs(quantity)
    return item.model_copy(update={"net_amount": net, "quantity": quantity, "unit_price": price})


def _turned(amount: Decimal | None) -> Decimal | None:
    """Nothing stays nothing, without a sign."""
    return -amount if amount else amount
