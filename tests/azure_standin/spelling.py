"""The ways in which a known value may be printed, so that it can be found in a document's lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel.dates import format_date

_LANGUAGES = ("en", "en_GB", "de", "fr", "nl", "es", "it", "pt", "pl", "da", "sv")
_CURRENCIES = {"EUR": ("EUR", "€", "Euro"), "USD": ("USD", "$"), "GBP": ("GBP", "£"), "CHF": ("CHF",), "MYR": ("RM",)}
_TITLES = {
    "380": ("Rechnung", "Invoice", "Facture", "Factuur", "Factura", "Fattura", "Faktura"),
    "381": ("Gutschrift", "Credit note", "Avoir", "Creditnota", "Nota di credito", "Rechnungskorrektur"),
    "384": ("Rechnungskorrektur", "Corrected invoice", "Korrekturrechnung"),
}


@lru_cache(maxsize=50_000)
def spellings(name: str, value: str) -> tuple[str, ...]:
    """Printed forms of `value` (as labels have it) of the field `name`, the likeliest first."""
    return tuple(_spellings(name.rpartition(".")[2], value))


def _spellings(leaf: str, value: str) -> Iterator[str]:
    if leaf.endswith("_date"):
        yield from _dates(date.fromisoformat(value))
    elif leaf == "currency":
        yield from _CURRENCIES.get(value, (value,))
    elif leaf == "invoice_type":
        yield from _TITLES.get(value, ())
    elif leaf in ("net_total", "tax_total", "gross_total", "amount_due", "net_amount", "unit_price", "net", "tax"):
        yield from _numbers(value, least_decimals=2)
    elif leaf in ("quantity", "rate", "tax_rate"):
        yield from _numbers(value, least_decimals=0)
    else:
        yield value


def _dates(day: date) -> Iterator[str]:
    for pattern in ("%d.%m.%Y", "%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%Y", "%Y/%m/%d"):
        yield day.strftime(pattern)
    yield f"{day.day}.{day.month}.{day.year}"
    yield f"{day.day}/{day.month}/{day.year}"
    for language in _LANGUAGES:
        for width in ("long", "medium"):
            yield format_date(day, width, locale=language)
    yield day.strftime("%d %b %Y")
    yield day.strftime("%d-%b-%Y")
    yield day.strftime("%d %B %Y")
    yield day.strftime("%B %d, %Y")


def _numbers(value: str, *, least_decimals: int) -> Iterator[str]:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return
    exact = max(least_decimals, -int(number.normalize().as_tuple().exponent))
    for decimals in dict.fromkeys((exact, 2, 0, 1, 3, 4)):
        if number != round(number, decimals):
            continue
        plain = f"{abs(number):,.{decimals}f}"
        for group, sign in ((".", ","), (",", "."), ("", ","), ("", "."), (" ", ","), ("'", ".")):
            printed = plain.replace(",", "\0").replace(".", sign).replace("\0", group)
            yield from (f"-{printed}", f"- {printed}", f"{printed}-") if number < 0 else (printed,)
