"""Values of fields of one's own: the text in which `Invoice.custom` keeps them, and what it means.

Numbers are plain decimals such as `1234.50`, dates ISO 8601, texts as they are.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from cira_pipeline.custom.declaration import CustomField, CustomType

_DECIMAL = re.compile(r"-?[0-9]{1,26}(\.[0-9]{1,12})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MAX_CHARS = 1_000

Value = str | Decimal | date


class NotOfItsType(ValueError):
    """Says what was expected."""


def value_of(field: CustomField, text: str) -> Value:
    """What the kept `text` of `field` means. Raises: NotOfItsType."""
    if field.type.is_number:
        if not _DECIMAL.fullmatch(text):
            raise NotOfItsType("a number such as 1234.50 was expected")
        return Decimal(text)
    if field.type is CustomType.DATE:
        day = _day(text)
        if day is None:
            raise NotOfItsType("a date such as 2026-01-31 was expected")
        return day
    if not text.strip() or len(text) > MAX_CHARS:
        raise NotOfItsType(f"a text of 1 to {MAX_CHARS:,} characters was expected")
    if field.codes and text not in field.codes:
        raise NotOfItsType(
            f"one of {', '.join(field.codes[:10])}{', ...' if len(field.codes) > 10 else ''} was expected"
        )
    if not field.permits(text):
        raise NotOfItsType(f"a value of the form {field.pattern} was expected")
    return text


def _day(text: str) -> date | None:
    """The day; Python also reads `20260131` and week dates, which would be kept in several forms."""
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def text_of(value: Value) -> str:
    """The text that `custom` keeps for a value."""
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else value
