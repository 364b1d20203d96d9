"""Parser of printed dates: ISO, numeric in either order, Roman months (`3.III.2026`), month names of the languages read
(Unicode CLDR, through babel), and Japanese, Chinese and Korean dates (`2026年3月14日`).

`03/04/2026` is a day in March or in April: the parser gives both readings, and the document's day order decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Literal

from babel import Locale

from cira_pipeline.languages import LANGUAGES
from cira_pipeline.printed.letters import folded

_NUMERIC: Final = re.compile(
    r"(?<![\d.,/])(?:(?P<iso>(?:19|20)\d{2})\s?[-./]\s?(?P<im>\d{1,2})\s?[-./]\s?(?P<id>\d{1,2})"
    r"|(?P<a>\d{1,2})\s?(?P<s>[-./])\s?(?P<b>\d{1,2})\s?(?P=s)\s?(?P<y>(?:19|20)\d{2}|\d{2}))(?!\d(?!\d?:\d\d)|[.,/]\d|/[A-Za-z])"
)
_EAST_ASIAN: Final = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?[年년]\s?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일]"
)
_NAMED: Final = re.compile(
    r"(?<![\w])(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|°|\.)?[\s\-./]*(?:de\s+|of\s+|d'\s?)?(?P<m>[^\W\d_]{3,12})\.?[\s\-./,']*(?:de\s|del\s)?"
    r"(?P<y>(?:19|20)\d{2}|\d{2})(?![\d])",
    re.IGNORECASE,
)
_ROMAN: Final = re.compile(
    r"(?<![\w.])(?P<d>\d{1,2})[.\s/\-]\s?(?P<m>I{1,3}|I?V|VI{1,3}|I?X|XI{1,2})[.\s/\-]\s?(?P<y>(?:19|20)\d{2})(?!\d)"
)
_ROMAN_MONTHS: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_MONTH_FIRST: Final = re.compile(
    r"(?<![\w])(?P<m>[^\W\d_]{3,12})\.?\s*(?P<d>\d{1,2})(?:st|nd|rd|th)?\s?,?\s+(?P<y>(?:19|20)\d{2})(?!\d)",
    re.IGNORECASE,
)
_DAY_AND_MONTH: Final = re.compile(
    r"(?<![\w.,])(?P<d>\d{1,2})(?:st|nd|rd|th|er|º|°|\.)?\s+(?:de\s+|of\s+)?(?P<m>[^\W\d_]{3,12})\.?,?\s*$",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(?P<y>20\d{2})(?![\w.,/-]*\d)")

Order = Literal["year", "month", "day"]
"""First component of a date."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """One day that a printed date may mean, and the component that is printed first under this reading."""

    value: date
    first: Order


@dataclass(frozen=True, slots=True)
class DateText:
    """Position of a date in a text. `sign` separates its numbers, empty where the month is a word. It has no readings
    where the text is written like a date, but the calendar has no such day.
    """

    start: int
    end: int
    sign: str
    readings: tuple[DateReading, ...]


@dataclass(frozen=True, slots=True)
class DayOrder:
    """Whether a document writes the month before the day, and whether its own dates prove it."""

    month_first: bool
    certain: bool


def dates_in(text: str, start: int = 0, end: int | None = None) -> tuple[DateText, ...]:
    """The dates in `text` between `start` and `end`, left to right."""
    limit = len(text) if end is None else end
    found = list(_numeric_dates(text, start, limit))
    if any(map(str.isalpha, text[start:limit])):
        with_century = "19" in text or "20" in text
        for pattern in (_EAST_ASIAN, _NAMED, _MONTH_FIRST, _ROMAN) if with_century else (_NAMED,):
            for match in pattern.finditer(text, start, limit):
                reading = _named(match, "year" if pattern is _EAST_ASIAN else "day")
                taken = any(each.readings and each.start < match.end() and match.start() < each.end for each in found)
                if reading is not None and not taken:
                    found.append(DateText(match.start(), match.end(), "", (reading,)))
    return tuple(sorted(found, key=lambda each: each.start))


def choose(printed: DateText, order: DayOrder) -> tuple[date, bool] | None:
    """The day that `printed` means in a document of this day order, and whether that is certain."""
    if len(printed.readings) < 2:
        return (printed.readings[0].value, True) if printed.readings else None
    wanted: Order = "month" if order.month_first else "day"
    [value] = [each.value for each in printed.readings if each.first == wanted]
    return value, order.certain


def day_order_of(texts: Iterable[str], *, american: bool) -> DayOrder:
    """The day order proved by the document's own unambiguous dates; else `american` decides, without certainty."""
    day_first = month_first = 0
    for text in texts:
        for printed in _numeric_dates(text, 0, len(text)):
            if printed.sign != "." and len(printed.readings) == 1:
                [only] = printed.readings
                day_first += only.first == "day" and only.value.day > 12
                month_first += only.first == "month"
    if day_first != month_first:
        return DayOrder(month_first > day_first, certain=True)
    return DayOrder(american, certain=not american)


def broken_date(text: str, following: str) -> DateText | None:
    """A date broken across two lines: `Data faktury: 18 stycznia` over `2024, Termin`, with the year on the second."""
    year = _YEAR.match(following)
    head = _DAY_AND_MONTH.search(text) if year is not None else None
    month = _month_number(head["m"]) if head is not None else None
    if head is None or year is None or month is None:
        return None
    value = _date(int(year["y"]), month, int(head["d"]))
    return DateText(head.start(), len(text), "", (DateReading(value, "day"),)) if value else None


def _numeric_dates(text: str, start: int, end: int) -> Iterator[DateText]:
    for match in _NUMERIC.finditer(text, start, end):
        yield DateText(match.start(), match.end(), _sign_of(match), tuple(_numeric_readings(match)))


def _sign_of(match: re.Match[str]) -> str:
    return match["s"] or next(char for char in match.group() if char in "-./")


def _numeric_readings(match: re.Match[str]) -> Iterator[DateReading]:
    """The possible readings; only one where day and month are equal, or where the separator is a full stop: no country
    writes the month first with full stops.
    """
    if match["iso"]:
        value = _date(int(match["iso"]), int(match["im"]), int(match["id"]))
        if value is not None:
            yield DateReading(value, "year")
        return
    first, second, year = int(match["a"]), int(match["b"]), _year(match["y"])
    day_first, month_first = _date(year, second, first), _date(year, first, second)
    if day_first is not None:
        yield DateReading(day_first, "day")
    if month_first is not None and month_first != day_first and match["s"] != ".":
        yield DateReading(month_first, "month")


def _named(match: re.Match[str], first: Order) -> DateReading | None:
    name = match["m"]
    if name.isdecimal():
        month: int | None = int(name)
    else:
        month = _ROMAN_MONTHS.index(name) + 1 if name in _ROMAN_MONTHS else _month_number(name)
    value = _date(_year(match["y"]), month, int(match["d"])) if month else None
    return DateReading(value, first) if value is not None else None


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


def _month_number(name: str) -> int | None:
    """1 to 12 for a month's name or abbreviation in any of the languages."""
    return _months().get(folded(name).strip("."))


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
