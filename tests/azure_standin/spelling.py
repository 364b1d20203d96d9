"""The ways in which a known value may be printed, so that it can be found in a document's lines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel import Locale
from babel.dates import format_date

from cira_pipeline.fields import FieldKind, Term
from cira_pipeline.invoice import ROW_TERMS, TERMS

_LANGUAGES = ("en", "en_GB", "de", "fr", "nl", "es", "it", "pt", "pl", "da", "sv")
_CURRENCIES = {"EUR": ("EUR", "€", "Euro"), "USD": ("USD", "$"), "GBP": ("GBP", "£"), "CHF": ("CHF",), "MYR": ("RM",)}
_CURRENCIES |= {"INR": ("INR", "Rs.", "₹"), "AUD": ("AUD",), "CAD": ("CAD",), "SEK": ("SEK", "kr")}
_LAKH = 5
_TITLES = {
    "380": ("Rechnung", "Invoice", "Facture", "Factuur", "Factura", "Fattura", "Faktura"),
    "381": ("Gutschrift", "Credit note", "Avoir", "Creditnota", "Nota di credito", "Rechnungskorrektur"),
    "384": ("Rechnungskorrektur", "Corrected invoice", "Korrekturrechnung"),
}


@lru_cache(maxsize=50_000)
def spellings(path: str, value: str) -> tuple[str, ...]:
    """Printed forms of `value` (as labels have it) of the field `path` (`due_date`, `line_items.quantity`).

    The likeliest comes first. A field of one's own is printed as its label has it.
    """
    table, _, column = path.rpartition(".")
    term = (ROW_TERMS[table] if table else TERMS).get(column)
    return tuple(_spellings(term, value)) if term is not None else (value,)


def _spellings(term: Term, value: str) -> Iterator[str]:
    if term.kind is FieldKind.DATE:
        yield from _dates(date.fromisoformat(value))
    elif term.kind is FieldKind.CURRENCY:
        yield from _CURRENCIES.get(value, (value,))
    elif term.kind is FieldKind.TYPE:
        yield from _TITLES.get(value, ())
    elif term.kind is FieldKind.COUNTRY:
        yield from _countries(value)
        yield value
    elif term.kind is FieldKind.AMOUNT:
        yield from _numbers(value, least_decimals=2)
    elif term.kind.is_number:
        yield from _numbers(value, least_decimals=0)
    else:
        yield value
        if term.kind is FieldKind.CODE and "_" in value:
            yield value.replace("_", " ")


def _countries(code: str) -> Iterator[str]:
    for language in _LANGUAGES:
        name = Locale.parse(language).territories.get(code)
        if name is not None:
            yield str(name)


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
        whole, point, cents = plain.replace(",", "").partition(".")
        if len(whole) > _LAKH and number > 0:
            # 1,96,810.29: India groups by two digits above the thousands.
            groups = [whole[-3:], *(whole[max(end - 2, 0) : end] for end in range(len(whole) - 3, 0, -2))]
            yield ",".join(reversed(groups)) + point + cents
