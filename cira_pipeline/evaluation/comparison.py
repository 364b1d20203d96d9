"""Compares extracted values with labelled ones, by the meaning of each field rather than its spelling."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from cira_pipeline.fields import FieldKind, Term
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, TERMS

TEXT_FIELDS: Final = frozenset(name for name in HEADER_FIELDS if TERMS[name].kind.is_prose)
"""Header fields compared by words; those that are neither text, amount nor date are compared as identifiers."""

TEXT_SIMILARITY: Final = 90.0
DESCRIPTION_SIMILARITY: Final = 60.0

# White space, dots, slashes and every dash Unicode has.
_SEPARATORS = re.compile(r"[\s./\\\-\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d]+")


def same_value(field: str, value: Any, truth: Any) -> bool:
    """Whether header field `field` with `value` (of an Invoice) equals the label's `truth` (a JSON value).

    Amounts are equal as decimals, dates as ISO 8601, names and addresses at a token-set similarity of at least 90 of
    100, identifiers without spaces, dots, dashes, slashes and case.
    """
    return _same(TERMS[field], value, truth)


def same_cell(table: str, column: str, value: Any, truth: Any) -> bool:
    """The same for a cell of a table. Descriptions of lines are equal at a similarity of at least 60."""
    least = DESCRIPTION_SIMILARITY if (table, column) == ("line_items", "description") else TEXT_SIMILARITY
    return _same(ROW_TERMS[table][column], value, truth, least)


def _same(term: Term, value: Any, truth: Any, least: float = TEXT_SIMILARITY) -> bool:
    if term.kind.is_number or term.kind is FieldKind.POSITION:
        return same_amount(value, truth)
    if term.kind is FieldKind.DATE:
        return _iso(value) == _iso(truth)
    if term.kind.is_prose:
        return similarity(str(value), str(truth)) >= least
    return identifier(str(value)) == identifier(str(truth))


def same_own_value(value: str, truth: Any) -> bool:
    """Whether two values of a field of one's own are equal, whatever its type: as numbers, dates or identifiers."""
    return same_amount(value, truth) or identifier(value) == identifier(str(truth))


def same_amount(value: Any, truth: Any) -> bool:
    """Whether both are equal as decimals: `10` is `10.00`. A value that is not a number equals nothing."""
    left, right = amount(value), amount(truth)
    return left is not None and left == right


def amount(value: Any) -> Decimal | None:
    """A JSON value as a finite Decimal, `None` where it is not a number."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def identifier(text: str) -> str:
    """`text` without spaces, dots, dashes and slashes, case-folded."""
    return _SEPARATORS.sub("", text).casefold()


def similarity(left: str, right: str) -> float:
    """Token-set similarity, 0 to 100, ignoring case and punctuation."""
    return fuzz.token_set_ratio(left, right, processor=default_process)


def _iso(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).strip()
