"""Reverses the signs of credit notes that print negative amounts: a record states the credited amounts (EN 16931).

The type code of a credit note already gives the direction of payment; a negative amount would reverse it again.
E-invoice XML stays as it is: its sender has chosen code and sign by the same standard.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from cira_pipeline.invoice import AMOUNT_FIELDS, CREDIT_NOTE_TYPES, TOTAL_FIELDS, Invoice, LineItem

CORRECTED_INVOICE: Final = "384"
"""UNTDID 1001. States either a whole new invoice or only the difference, which may be negative."""


_WITHOUT_SIGN: Final = frozenset({"allowance_total", "charge_total"})
"""Whether these are deducted or added is part of their meaning."""


def prints_minus_signs(invoice: Invoice) -> bool:
    """Whether `invoice` is a credit note whose totals are all negative. Totals of both signs are inconclusive."""
    return invoice.invoice_type in CREDIT_NOTE_TYPES and all_negative(invoice)


def all_negative(invoice: Invoice) -> bool:
    """Whether the gross total and every other stated total are negative; zero has no sign."""
    amounts = [amount for name in TOTAL_FIELDS if (amount := getattr(invoice, name))]
    return invoice.gross_total is not None and invoice.gross_total < 0 and all(amount < 0 for amount in amounts)


def as_credited(invoice: Invoice) -> Invoice:
    """`invoice` with every amount negated. A unit price is never negative (BR-27): the quantity gets the sign."""
    totals: dict[str, Decimal | None] = {
        name: _negated(getattr(invoice, name)) for name in AMOUNT_FIELDS if name not in _WITHOUT_SIGN
    }
    rows = tuple(
        row.model_copy(update={"net": _negated(row.net), "tax": _negated(row.tax)}) for row in invoice.tax_breakdown
    )
    lines = tuple(_credited(item) for item in invoice.line_items)
    withheld = tuple(
        row.model_copy(update={"base": _negated(row.base), "amount": _negated(row.amount)})
        for row in invoice.withholdings
    )
    return invoice.model_copy(update={**totals, "tax_breakdown": rows, "line_items": lines, "withholdings": withheld})


def _credited(item: LineItem) -> LineItem:
    net = _negated(item.net_amount)
    quantity, price = item.quantity, item.unit_price
    if price is not None:
        price = abs(price)
    if quantity is not None:
        quantity = -abs(quantity) if net is not None and net < 0 else abs(quantity)
    return item.model_copy(update={"net_amount": net, "quantity": quantity, "unit_price": price})


def _negated(amount: Decimal | None) -> Decimal | None:
    """`amount` with the other sign; zero and `None` stay as they are."""
    return -amount if amount else amount
