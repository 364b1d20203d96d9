"""What a person types into a field, as the value it means; what could mean two things is asked for again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import AMOUNT_FIELDS, DATE_FIELDS, ROW_TERMS, header_fields

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d{2})")
_NUMBER = re.compile(r"([-−]?)([0-9][0-9.,]*)")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_SPACES = re.compile(r"[\s'’]")
_MAX_DIGITS = 30

Value = str | date | Decimal


class NotUnderstood(Exception):
    """Says to the person what is expected."""


def typed(name: str, text: str) -> Value | None:
    """The value of a header field or, by its column's name, of a cell; `None` for nothing. Raises: NotUnderstood."""
    text = text.strip()
    return _READERS.get(name, _line_of_text)(text) if text else None


def shown(value: object) -> str:
    """How a value stands in its input, so that what nobody touched reads back as it is."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def _line_of_text(text: str) -> str:
    return " ".join(text.split())


def _day(text: str) -> date:
    if found := _ISO.fullmatch(text):
        year, month, day_of_month = (int(part) for part in found.groups())
    elif found := _DOTTED.fullmatch(text):
        day_of_month, month, year = (int(part) for part in found.groups())
        year += 2000 if year < 100 else 0
    else:
        raise NotUnderstood("Write the date as 2026-03-14 or 14.3.2026.")
    try:
        return date(year, month, day_of_month)
    except ValueError:
        raise NotUnderstood("There is no such day in the calendar.") from None


def _amount(text: str) -> Decimal:
    found = _NUMBER.fullmatch(_SPACES.sub("", text))
    if found is None or sum(each.isdigit() for each in found[2]) > _MAX_DIGITS:
        raise NotUnderstood("Write a number, such as 1234.56.")
    sign, digits = found.groups()
    return Decimal(f"{'-' if sign else ''}{_plain(digits)}")


def _plain(digits: str) -> str:
    """`1.234,56` and `1,234.56` are clear; `1,234` is one thing here and another there. Raises: NotUnderstood."""
    kinds = {each for each in digits if each in ".,"}
    if len(kinds) == 2:
        decimal = digits[max(digits.rfind("."), digits.rfind(","))]
        whole, _, rest = digits.rpartition(decimal)
        if decimal in whole or not _GROUPED.fullmatch(whole) or not rest:
            raise NotUnderstood("Write a number, such as 1234.56.")
        return f"{re.sub('[.,]', '', whole)}.{rest}"
    if not kinds:
        return digits
    [mark] = kinds
    whole, _, rest = digits.partition(mark)
    if mark in rest:
        if not _GROUPED.fullmatch(digits):
            raise NotUnderstood("Write a number, such as 1234.56.")
        return digits.replace(mark, "")
    if len(rest) == 3 and whole.lstrip("0"):
        raise NotUnderstood(f"This could be {whole}{rest} or {whole}.{rest}0: write it as one of these.")
    return f"{whole}.{rest or '0'}"


def _code(text: str) -> str:
    return re.sub(r"[\s.\-]", "", text).upper()


def _currency(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{3}", text):
        raise NotUnderstood("A currency has three letters, such as EUR.")
    return text.upper()


def _kind(text: str) -> str:
    if not re.fullmatch(r"\d{1,3}", text):
        raise NotUnderstood("A kind is a number of UNTDID 1001, such as 380.")
    return text


_READERS: Mapping[str, Callable[[str], Value]] = {
    **dict.fromkeys(DATE_FIELDS, _day),
    **dict.fromkeys(AMOUNT_FIELDS, _amount),
    **{name: _amount for terms in ROW_TERMS.values() for name, term in terms.items() if term.kind.is_number},
    **dict.fromkeys(header_fields(FieldKind.TAX_ID, FieldKind.ACCOUNT), _code),
    "currency": _currency,
    "invoice_type": _kind,
}
