"""Where a labelled value stands in a reading: for people who look at a miss, not for judging it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final

from babel import Locale
from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from cira_pipeline.accuracy.comparison import TEXT_FIELDS, amount, identifier
from cira_pipeline.invoice import AMOUNT_FIELDS, DATE_FIELDS
from cira_pipeline.values import Box, Line, Reading, Word

_NUMBER: Final = re.compile(r"\d[\d.,'’\u00a0\u202f ]*")
_LOCALES: Final = ("en", "de", "fr", "nl", "es", "it", "pt", "pl", "da", "sv")
_ALIKE: Final = 90.0
_TELLING: Final = 4
# Said by a word or a sign anywhere, never by the code itself.
_UNPRINTED: Final = frozenset({"invoice_type"})

Shown = Callable[[str], bool]


def places(reading: Reading, field: str, truth: Any) -> Iterator[tuple[int, Box]]:
    """Page and box of every stretch of the reading that shows `truth`, a label's value of header field `field`."""
    if truth is None or field in _UNPRINTED:
        return
    shown = _shown(field, truth)
    for line in reading.lines:
        if shown(line.text):
            yield line.page, line.box if field in TEXT_FIELDS else _narrowed(line, shown)


def _shown(field: str, truth: Any) -> Shown:
    if field in AMOUNT_FIELDS:
        wanted = amount(truth)
        return lambda text: wanted is not None and any(abs(each) == abs(wanted) for each in _amounts(text))
    if field in DATE_FIELDS:
        day = date.fromisoformat(str(truth))
        return lambda text: _says_day(text, day)
    if field in TEXT_FIELDS:
        whole = default_process(str(truth))
        return lambda text: _is_part(default_process(text), whole)
    code = identifier(str(truth))
    return lambda text: code in identifier(text)


def _amounts(text: str) -> Iterator[Decimal]:
    """The numbers of `text`; the last point or comma before one or two digits is the decimal sign."""
    for match in _NUMBER.finditer(text):
        written = re.sub(r"[^\d.,]", "", match.group()).rstrip(".,")
        whole, sign, cents = written[:-3], written[-3:-2], written[-2:]
        plain = f"{whole}.{cents}" if sign in (".", ",") and whole else written
        head, _, tail = plain.rpartition(".") if sign in (".", ",") else (plain, "", "0")
        try:
            yield Decimal(f"{re.sub(r'[.,]', '', head) or 0}.{tail}")
        except InvalidOperation:
            continue


def _says_day(text: str, day: date) -> bool:
    numbers = [int(each) for each in re.findall(r"\d+", text)]
    if day.day not in numbers or not {day.year, day.year % 100} & set(numbers):
        return False
    words = set(re.findall(r"[^\W\d_]+", text.casefold()))
    return numbers.count(day.month) > (day.month == day.day) or bool(words & _month_names(day.month))


@cache
def _month_names(month: int) -> frozenset[str]:
    return frozenset(
        Locale.parse(name).months[context][width][month].casefold().rstrip(".")
        for name in _LOCALES
        for context in ("format", "stand-alone")
        for width in ("wide", "abbreviated")
    )


def _is_part(line: str, whole: str) -> bool:
    """Whether the line is the text, holds it, or is one of its parts."""
    if len(line) < _TELLING:
        return False
    return fuzz.partial_ratio(line, whole) >= _ALIKE


def _narrowed(line: Line, shown: Shown) -> Box:
    """The smallest run of the line's words that still shows the value."""
    words = list(line.words)
    if not words or not shown(_joined(words)):
        return line.box
    while len(words) > 1 and shown(_joined(words[1:])):
        words.pop(0)
    while len(words) > 1 and shown(_joined(words[:-1])):
        words.pop()
    return Box(
        left=min(word.box.left for word in words),
        top=min(word.box.top for word in words),
        right=max(word.box.right for word in words),
        bottom=max(word.box.bottom for word in words),
    )


def _joined(words: list[Word]) -> str:
    return " ".join(word.text for word in words)
