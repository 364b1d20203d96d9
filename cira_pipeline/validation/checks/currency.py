"""Whether the currency exists, and the totals are amounts of it."""

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

# Old and new money live side by side for a while.
_CHANGEOVER: Final = timedelta(days=366)


def check_currency(subject: ValidationInput) -> Iterator[Finding]:
    invoice = subject.invoice
    if invoice.currency is None:
        return
    on = invoice.issue_date or subject.context.today
    if not currency_in_use(invoice.currency, on):
        yield rules.CURRENCY_UNKNOWN.finding(f"{invoice.currency} was no currency on {on}", "currency")
        return
    for name in AMOUNT_FIELDS:
        amount: Decimal | None = getattr(invoice, name)
        if amount is not None and _decimals(amount) > subject.decimals:
            yield rules.TOO_MANY_DECIMALS.finding(
                f"{name} {amount} has more decimals than {invoice.currency} has", name
            )


def currency_in_use(code: str, on: date) -> bool:
    """Whether `code` (ISO 4217, upper case) was some territory's currency on that day (CLDR), or shortly before."""
    return any(
        tender
        and code == currency
        and (start is None or date(*start) <= on)
        and (end is None or date(*end) + _CHANGEOVER >= on)
        for history in get_global("territory_currencies").values()
        for currency, start, end, tender in history
    )


def _decimals(amount: Decimal) -> int:
    """Decimals of `amount` without trailing zeros. Amounts of any size: arithmetic on hostile ones could raise."""
    return len(format(amount, "f").partition(".")[2].rstrip("0"))
