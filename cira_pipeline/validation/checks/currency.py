"""Checks the currency code, and that the totals have no more decimals than the currency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from babel.core import get_global

from cira_pipeline.invoice import AMOUNT_FIELDS
from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.validation_input import ValidationInput

# A replaced currency may still be used for a while after the changeover.
_CHANGEOVER: Final = timedelta(days=366)
_IN_THE_CURRENCY: Final = tuple(name for name in AMOUNT_FIELDS if name != "tax_total_accounting")


def check_currency(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-CUR-*`."""
    invoice = subject.invoice
    if invoice.currency is None:
        return
    on = invoice.issue_date or subject.context.today
    if not currency_in_use(invoice.currency, on):
        yield rules.CURRENCY_UNKNOWN.finding(
            f"{invoice.currency} was not a currency in use on {on}: compare the currency with the document", "currency"
        )
        return
    for name in _IN_THE_CURRENCY:
        amount: Decimal | None = getattr(invoice, name)
        if amount is not None and _decimals(amount) > subject.decimals:
            yield rules.TOO_MANY_DECIMALS.finding(
                f"{name} {amount} has more decimals than the {subject.decimals} of {invoice.currency}: "
                "compare it with the document",
                name,
            )


def currency_in_use(code: str, on: date) -> bool:
    """Whether `code` (ISO 4217, upper case) was legal tender somewhere on that day or up to a year before (CLDR)."""
    return any(
        tender
        and code == currency
        and (start is None or date(*start) <= on)
        and (end is None or date(*end) + _CHANGEOVER >= on)
        for history in get_global("territory_currencies").values()
        for currency, start, end, tender in history
    )


def _decimals(amount: Decimal) -> int:
    """Decimals of `amount` without trailing zeros. Counted in its text: arithmetic on hostile amounts could raise."""
    return len(format(amount, "f").partition(".")[2].rstrip("0"))
