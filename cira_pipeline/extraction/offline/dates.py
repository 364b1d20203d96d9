"""Dates as printed: ISO, numeric in either order, with Roman months (`3.III.2026`), with month names of the lexicon's
languages (Unicode CLDR, through babel).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from babel import Locale

from cira_pipeline.extraction.offline.canvas import Segment, Span
from cira_pipeline.extraction.offline.lexicon import LANGUAGES
from cira_pipeline.extraction.offline.normal import folded

_NUMERIC = re.compile(
    r"(?<![\d.,/])(?:(?P<iso>(?:19|20)\d{2})\s?[-./]\s?(?P<im>\d{1,2})\s?[-./]\s?(?P<id>\d{1,2})"
    r"|(?P<a>\d{1,2})\s?(?P<s>[-./])\s?(?P<b>\d{1,2})\s?(?P=s)\s?(?P<y>(?:19|20)\d{2}|\d{2}))(?!\d(?!\d?:\d\d)|[.,/]\d|/[A-Za-z])"
)
_NAMED = re.compile(
    r"(?<![\w])(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|°|\.)?[\s\-./]*(?:de\s+|of\s+|d'\s?)?(?P<m>[^\W\d_]{3,12})\.?[\s\-./,']*(?:de\s|del\s)?"
    r"(?P<y>(?:19|20)\d{2}|\d{2})(?![\d])",
    re.IGNORECASE,
)
_ROMAN = re.compile(
    r"(?<![\w.])(?P<d>\d{1,2})[.\s/\-]\s?(?P<m>I{1,3}|I?V|VI{1,3}|I?X|XI{1,2})[.\s/\-]\s?(?P<y>(?:19|20)\d{2})(?!\d)"
)
_ROMAN_MONTHS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_MONTH_FIRST = re.compile(
    r"(?<![\w])(?P<m>[^\W\d_]{3,12})\.?\s*(?P<d>\d{1,2})(?:st|nd|rd|th)?\s?,?\s+(?P<y>(?:19|20)\d{2})(?!\d)",
    re.IGNORECASE,
)


_DAY_AND_MONTH = re.compile(
    r"(?<![\w.,])(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|°|\.)?\s+(?:de\s+|of\s+)?(?P<m>[^\W\d_]{3,12})\.?,?\s*$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?P<y>20\d{2})(?![\w.,/-]*\d)")


@dataclass(frozen=True)
class PrintedDate:
    """A date in a segment. Not `certain` when day and month could change places and nothing in the document decides."""

    value: date
    span: Span
    certain: bool


@dataclass(frozen=True)
class DayOrder:
    """Whether the document writes the month before the day, and whether it showed it."""

    month_first: bool
    certain: bool


@lru_cache(maxsize=1)
def _months() -> dict[str, int]:
    names: dict[str, int] = {}
    for language in LANGUAGES:
        months = Locale.parse(language).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months.get(context, {}).get(width, {}).items():
                    key = folded(str(name)).strip(".")
                    if len(key) >= 3 and key.isalpha():
                        names.setdefault(key, int(number))
    for key, number in {"sept": 9, "jan": 1, "mrz": 3, "maerz": 3, "janv": 1, "fevr": 2, "juil": 7, "marz": 3}.items():
        names.setdefault(key, number)
    return names


def month_number(name: str) -> int | None:
    """1 to 12 for a month's name or abbreviation in any of the lexicon's languages."""
    return _months().get(folded(name).strip("."))


def day_order_of(segments: Iterable[Segment], *, american: bool) -> DayOrder:
    """The order that the document's own unambiguous dates show; else `american` decides, and it is not certain."""
    day_first = month_first = 0
    for segment in segments:
        if not segment.has_digits:
            continue
        for match in _NUMERIC.finditer(segment.text):
            if match.group("iso") or match.group("s") == ".":
                continue
            first, second = int(match.group("a")), int(match.group("b"))
            day_first += first > 12 >= second
            month_first += second > 12 >= first
    if day_first != month_first:
        return DayOrder(month_first > day_first, certain=True)
    return DayOrder(american, certain=not american)


def dates_in(segment: Segment, order: DayOrder, start: int = 0, end: int | None = None) -> Iterator[PrintedDate]:
    """Dates of a segment's text between `start` and `end`, left to right."""
    limit = len(segment.text) if end is None else end
    found: list[PrintedDate] = []
    for match in _NUMERIC.finditer(segment.text, start, limit):
        printed = _numeric(match, order)
        if printed is not None:
            found.append(PrintedDate(printed[0], Span(segment, match.start(), match.end()), printed[1]))
    if any(map(str.isalpha, segment.text[start:limit])):
        with_century = "19" in segment.text or "20" in segment.text
        for pattern in (_NAMED, _MONTH_FIRST, _ROMAN) if with_century else (_NAMED,):
            for match in pattern.finditer(segment.text, start, limit):
                value = _named(match)
                overlaps = any(other.span.start < match.end() and match.start() < other.span.end for other in found)
                if value is not None and not overlaps:
                    found.append(PrintedDate(value, Span(segment, match.start(), match.end()), certain=True))
    yield from sorted(found, key=lambda printed: printed.span.start)


def broken_date(segment: Segment, following: Segment) -> PrintedDate | None:
    """`Data faktury: 18 stycznia` over `2024, Termin`: a date whose year stands at the start of the next line."""
    year = _YEAR.match(following.text)
    head = _DAY_AND_MONTH.search(segment.text) if year is not None else None
    month = month_number(head.group("m")) if head is not None and year is not None else None
    if head is None or year is None or month is None:
        return None
    value = _date(int(year.group("y")), month, int(head.group("d")))
    return PrintedDate(value, Span(segment, head.start(), len(segment.text)), certain=True) if value else None


def _numeric(match: re.Match[str], order: DayOrder) -> tuple[date, bool] | None:
    if match.group("iso"):
        value = _date(int(match.group("iso")), int(match.group("im")), int(match.group("id")))
        return (value, True) if value else None
    first, second, year = int(match.group("a")), int(match.group("b")), _year(match.group("y"))
    if match.group("s") == ".":
        value = _date(year, second, first)
        return (value, True) if value else None
    if first > 12 or second > 12:
        value = _date(year, second, first) if first > 12 else _date(year, first, second)
        return (value, True) if value else None
    day, month = (second, first) if order.month_first else (first, second)
    value = _date(year, month, day)
    return (value, order.certain or first == second) if value else None


def _named(match: re.Match[str]) -> date | None:
    name = match.group("m")
    month = _ROMAN_MONTHS.index(name) + 1 if name in _ROMAN_MONTHS else month_number(name)
    return _date(_year(match.group("y")), month, int(match.group("d"))) if month else None


def _year(text: str) -> int:
    year = int(text)
    if year >= 100:
        return year
    return 2000 + year if year < 70 else 1900 + year


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
