"""Values that both e-invoice syntaxes (CII, UBL) write in the same way."""

from __future__ import annotations

from decimal import Decimal

from cira_pipeline.samples.bill import Bill
from cira_pipeline.samples.catalogue import Party, words


def amount(value: Decimal | None) -> str:
    return format(value or Decimal(0), ".2f")


def category(rate: Decimal, *, reverse_charge: bool) -> str:
    """UNTDID 5305: reverse charge, zero rated, standard."""
    if reverse_charge:
        return "AE"
    return "S" if rate else "Z"


def terms_text(bill: Bill) -> str:
    language = words(bill.supplier.language)
    return language.pick("terms_credit" if bill.is_credit else "terms", 0).format(days=bill.days)


def address_truth(party: Party) -> str:
    """On one line, postcode before the city and with the country's code, as the elements follow each other."""
    return f"{party.street}, {party.postcode} {party.city}, {party.country}"
