"""What a person types into a field, as the value it means; what could mean two things is asked for again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import DATE_FIELDS, NUMBER_FIELDS, ROW_TERMS, header_fields
from cira_pipeline.printed.dates import dates_in
from cira_pipeline.printed.numbers import NumberReading, readings

_MINUS = "-−"
_MAX_DIGITS = 30

Value = str | int | date | Decimal


class NotUnderstood(Exception):
    """Says to the person what is expected."""


def typed(name: str, text: str) -> Value | None:
    """The value of a header field or, by its column's name, of a cell; `None` for nothing. Raises: NotUnderstood."""
    text = text.strip()
    return _READERS.get(name, _line_of_text)(text) if text else None


def typed_as(kind: FieldKind, text: str) -> Value | None:
    """As `typed`, for a value of this kind."""
    text = text.strip()
    return (_reader_of(kind) or _line_of_text)(text) if text else None


def shown(value: object) -> str:
    """The text of a value in its input field; parsing it unchanged gives the same value."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def _line_of_text(text: str) -> str:
    return " ".join(text.split())


def _day(text: str) -> date:
    """Year first, or day first with points: other dates are one day here and another there. Raises: NotUnderstood."""
    printed = next((each for each in dates_in(text) if (each.start, each.end) == (0, len(text)) and each.sign), None)
    if printed is not None and not printed.readings:
        raise NotUnderstood("There is no such day in the calendar.")
    # Year first or with points there is one reading.
    if printed is None or (printed.readings[0].first != "year" and printed.sign != "."):
        raise NotUnderstood("Write the date as 2026-03-14 or 14.3.2026.")
    return printed.readings[0].value


def _amount(text: str) -> Decimal:
    """`1.234,56` and `1,234.56` are clear; `1,234` is one thing here and another there. Raises: NotUnderstood."""
    digits = " ".join(text[text[0] in _MINUS :].split())
    if digits.endswith((".", ",")):
        digits = digits[:-1]
    if not digits[:1].isdecimal() or sum(map(str.isdecimal, digits)) > _MAX_DIGITS:
        raise NotUnderstood("Write a number, such as 1234.56.")
    found = [each for each in readings(digits) if each.is_regular]
    if not found:
        raise NotUnderstood("Write a number, such as 1234.56.")
    if len(found) > 1:
        choice = " or ".join(map(_unmistakable, found))
        raise NotUnderstood(f"This could be {choice}: write it as one of these.")
    return -found[0].value if text[0] in _MINUS else found[0].value


def _unmistakable(reading: NumberReading) -> str:
    return f"{reading.value}0" if reading.decimals else f"{reading.value}"


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


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", text):
        raise NotUnderstood("A country has two letters, such as DE.")
    return text.upper()


def _position(text: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,4}", text):
        raise NotUnderstood("Write the number of a row, such as 1.")
    return int(text)


def _one_of(values: Sequence[str]) -> Callable[[str], Value]:
    def read(text: str) -> str:
        if text.lower() not in values:
            raise NotUnderstood(f"Write one of {', '.join(values)}.")
        return text.lower()

    return read


def _reader_of(kind: FieldKind) -> Callable[[str], Value] | None:
    """The reader of a cell; `None` for a line of text."""
    if kind.is_number:
        return _amount
    match kind:
        case FieldKind.DATE:
            return _day
        case FieldKind.POSITION:
            return _position
        case FieldKind.COUNTRY:
            return _country
        case _:
            return None


_READERS: Mapping[str, Callable[[str], Value]] = {
    **dict.fromkeys(DATE_FIELDS, _day),
    **dict.fromkeys(NUMBER_FIELDS, _amount),
    **{
        name: reader
        for terms in ROW_TERMS.values()
        for name, term in terms.items()
        for reader in (_one_of(term.values) if term.values else _reader_of(term.kind),)
        if reader is not None
    },
    **dict.fromkeys(header_fields(FieldKind.TAX_ID, FieldKind.ACCOUNT), _code),
    **dict.fromkeys(header_fields(FieldKind.COUNTRY), _country),
    **dict.fromkeys(header_fields(FieldKind.CURRENCY), _currency),
    **dict.fromkeys(header_fields(FieldKind.TYPE), _kind),
}
