"""Parser of printed dates: ISO, numeric in either order, Roman months (`3.III.2026`), named months in any order, and
Japanese, Chinese and Korean dates (`2026年3月14日`).

Names of months, and the words that languages print between day, month and year (`de`, `gada`), are those of the
languages read: from Unicode CLDR, through babel, and from the section `[dates]` of a language's file.

`03/04/2026` is a day in March or in April, and `listopad` is October in Croatian and November in Czech: the parser
gives all readings, and the document decides, by its day order and its language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final, Literal

from babel import Locale

from cira_pipeline.languages import LANGUAGES, words_of
from cira_pipeline.printed.letters import folded

_NUMERIC: Final = re.compile(
    r"(?<![\d.,/])(?:(?P<iso>(?:19|20)\d{2})\s?[-./]\s?(?P<im>\d{1,2})\s?[-./]\s?(?P<id>\d{1,2})"
    r"|(?P<a>\d{1,2})\s?(?P<s>[-./])\s?(?P<b>\d{1,2})\s?(?P=s)\s?(?P<y>(?:19|20)\d{2}|\d{2}))(?!\d(?!\d?:\d\d)|[.,/]\d|/[A-Za-z])"
)
_EAST_ASIAN: Final = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d{2})\s?[年년]\s?(?P<m>\d{1,2})\s?[月월]\s?(?P<d>\d{1,2})\s?[日일]"
)
_ROMAN: Final = re.compile(
    r"(?<![\w.])(?P<d>\d{1,2})[.\s/\-]\s?(?P<m>I{1,3}|I?V|VI{1,3}|I?X|XI{1,2})[.\s/\-]\s?(?P<y>(?:19|20)\d{2})(?!\d)"
)
_ROMAN_MONTHS: Final = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_YEAR: Final = re.compile(r"(?P<y>20\d{2})(?![\w.,/-]*\d)")
_NAME: Final = re.compile(r"(?P<m>[^\W\d_]{3,})")
_TWO_WORDS: Final = re.compile(r"(?P<m>[^\W\d_]{2,}\s[^\W\d_]{2,})")
_LAST_WORD: Final = re.compile(r"(?P<m>[^\W\d_]{3,})\.?,?\s*$")
_SHORTEST_NAME: Final = 3
_CENTURY_DIGITS: Final = 4
_REACH: Final = 40
"""Longest run of letters before a month's name that is searched for its day and year."""
_AFTER_NAME: Final = re.compile(r"MMMM'([^\W\d_]+)'")
_QUOTED: Final = re.compile(r"'([^\W\d_]+)'")
_CLEARLY: Final = 2.0
"""A language decides what a month's name means if it has this many times the evidence of any other candidate, and no
language of the document has more than this many times its own.
"""

Order = Literal["year", "month", "day"]
"""First component of a date."""


@dataclass(frozen=True, slots=True)
class DateReading:
    """One day that a printed date may mean, and the component that is printed first under this reading.

    `languages` are those in which a named month has this meaning; empty where the month is a number.
    """

    value: date
    first: Order
    languages: frozenset[str] = frozenset()


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
        for each in _worded_dates(text, start, limit):
            if not any(other.readings and other.start < each.end and each.start < other.end for other in found):
                found.append(each)
    return tuple(sorted(found, key=lambda each: each.start))


def choose(
    printed: DateText, order: DayOrder, languages: Mapping[str, float] | None = None
) -> tuple[date, bool] | None:
    """The day that `printed` means in a document of this day order, and whether that is certain.

    `languages` is the evidence for each language of the document (any unit). It decides a month whose name differs in
    meaning between languages.
    """
    if len(printed.readings) < 2:
        return (printed.readings[0].value, True) if printed.readings else None
    if all(each.languages for each in printed.readings):
        return _in_language(printed.readings, languages or {})
    wanted: Order = "month" if order.month_first else "day"
    [value] = [each.value for each in printed.readings if each.first == wanted]
    return value, order.certain


def _in_language(readings: Iterable[DateReading], languages: Mapping[str, float]) -> tuple[date, bool]:
    """The reading of the language with the most evidence; certain only by a clear margin, in a language that is one
    of the document's main ones.
    """
    weighed = [(max(languages.get(language, 0.0) for language in each.languages), each.value) for each in readings]
    best, second, *_ = sorted(weighed, key=lambda each: each[0], reverse=True)
    main = max(languages.values(), default=0.0)
    return best[1], best[0] > 0 and best[0] >= _CLEARLY * second[0] and best[0] * _CLEARLY >= main


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
    year, name = _YEAR.match(following), _LAST_WORD.search(text)
    day = _grammar().day_before.search(text, 0, name.start()) if year is not None and name is not None else None
    if year is None or name is None or day is None:
        return None
    readings = _named_readings(year["y"], name["m"], day["d"], "day")
    return DateText(day.start(), len(text), "", readings) if readings else None


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


def _worded_dates(text: str, start: int, end: int) -> Iterator[DateText]:
    """Dates whose month is not a decimal number between signs."""
    with_century = "19" in text or "20" in text
    if with_century:
        yield from _numbered_dates(_EAST_ASIAN, "year", text, start, end)
        if (numbered := _grammar().numbered) is not None:
            yield from _numbered_dates(numbered, "day", text, start, end)
    for name in _NAME.finditer(text, start, end):
        if folded(name["m"]) in _months():
            yield from _around(text, name, start, end)
        elif folded(name["m"]) in _first_words() and (pair := _TWO_WORDS.match(text, name.start(), end)) is not None:
            yield from _around(text, pair, start, end)
    for match in _ROMAN.finditer(text, start, end) if with_century else ():
        value = _date(int(match["y"]), _ROMAN_MONTHS.index(match["m"]) + 1, int(match["d"]))
        if value is not None:
            yield DateText(match.start(), match.end(), "", (DateReading(value, "day"),))


def _numbered_dates(pattern: re.Pattern[str], first: Order, text: str, start: int, end: int) -> Iterator[DateText]:
    for match in pattern.finditer(text, start, end):
        value = _date(int(match["y"]), int(match["m"]), int(match["d"]))
        if value is not None:
            yield DateText(match.start(), match.end(), "", (DateReading(value, first),))


def _around(text: str, name: re.Match[str], start: int, end: int) -> Iterator[DateText]:
    """The date whose month is `name`: its day and year stand before it, after it, or one on each side."""
    grammar = _grammar()
    opening = max(start, name.start() - _REACH)

    def before(pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.search(text, opening, name.start())

    def after(pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.match(text, name.end(), end)

    def dated(first: Order, day: re.Match[str], year: re.Match[str]) -> Iterator[DateText]:
        readings = _named_readings(year["y"], name["m"], day["d"], first)
        if readings:
            limits = (min(day.start(), year.start(), name.start()), max(day.end(), year.end(), name.end()))
            yield DateText(*limits, "", readings)

    if (both := before(grammar.year_and_day_before)) is not None:
        yield from dated("year", both, both)
    elif (day := before(grammar.day_before)) is not None and (year := after(grammar.year_after)) is not None:
        if len(year["y"]) == _CENTURY_DIGITS or not _begins_another(text, year.start("y"), end):
            yield from dated("day", day, year)
    elif (both := after(grammar.day_and_year_after)) is not None:
        yield from dated("month", both, both)
    elif (year := before(grammar.year_before)) is not None and (day := after(grammar.day_after)) is not None:
        yield from dated("year", day, year)


def _begins_another(text: str, start: int, end: int) -> bool:
    """Whether the two digits at `start` are the day of the next date: `from 5 May to 17 June 2026`."""
    following = _grammar().day_and_name.match(text, start, end)
    return following is not None and folded(following["m"]) in _months()


def _named_readings(year: str, name: str, day: str, first: Order) -> tuple[DateReading, ...]:
    meanings = _months().get(folded(name), {})
    found = ((_date(_year(year), month, int(day)), languages) for month, languages in meanings.items())
    return tuple(DateReading(value, first, languages) for value, languages in found if value is not None)


@lru_cache(maxsize=1)
def _months() -> Mapping[str, Mapping[int, frozenset[str]]]:
    """The months that a folded name or abbreviation may mean, each with the languages in which it does."""
    names: dict[str, dict[int, frozenset[str]]] = {}
    for language in LANGUAGES:
        for name, number in _names_of_months(language):
            key = folded(name).strip(".")
            if len(key) >= _SHORTEST_NAME and key.replace(" ", "").isalpha():
                meanings = names.setdefault(key, {})
                meanings[number] = meanings.get(number, frozenset()) | {language}
    return names


@lru_cache(maxsize=1)
def _first_words() -> frozenset[str]:
    """The first words of names of two words: `tháng ba`, `Meán Fómhair`."""
    return frozenset(name.split(" ")[0] for name in _months() if " " in name)


def _names_of_months(language: str) -> Iterator[tuple[str, int]]:
    locale = Locale.parse(language)
    # Basque dates add an ending to the name: `martxoaren` of `y('e')'ko' MMMM'ren' d('a')`.
    formats = (str(form.pattern) for form in locale.date_formats.values())
    endings = {"", *(match.group(1) for form in formats for match in _AFTER_NAME.finditer(form))}
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months.get(context, {}).get(width, {}).items():
                yield from ((f"{name}{ending}", int(number)) for ending in endings)
    yield from words_of(language).get("dates", {}).get("months", {}).items()


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Patterns of what stands around a month's name. Those named `before` match up to the name, `after` from its end.

    `numbered` is a whole date with a word before the month's number: `5 tháng 3 năm 2026`.
    """

    day_before: re.Pattern[str]
    year_before: re.Pattern[str]
    year_and_day_before: re.Pattern[str]
    day_after: re.Pattern[str]
    year_after: re.Pattern[str]
    day_and_year_after: re.Pattern[str]
    day_and_name: re.Pattern[str]
    numbered: re.Pattern[str] | None


@lru_cache(maxsize=1)
def _grammar() -> _Grammar:
    """Made of the words that the languages print between day, month and year, and at the end of a day."""
    links, endings, month_words = set[str](), set[str](), set[str]()
    for language in LANGUAGES:
        own = words_of(language).get("dates", {})
        links |= {*own.get("links", ()), *_words_in_formats(language)}
        endings |= set(own.get("day_endings", ()))
        month_words |= set(own.get("month_words", ()))
    gap = r"[\s.,\-/'’()]*"
    link = rf"{_any_of(links)}(?!\w){gap}"
    between = rf"{gap}(?:{link}){{0,2}}"
    day = rf"(?P<d>\d{{1,2}})(?:[-:]?{_any_of(endings)}(?!\w)|[º°ª])?"
    century = r"(?P<y>(?:19|20)\d{2})(?!\d)"
    short_year = rf"\d{{2}}(?!\d|[.,]\d|{gap}(?:19|20)\d{{2}}(?!\d))"

    def pattern(text: str) -> re.Pattern[str]:
        return re.compile(text, re.IGNORECASE)

    month = rf"{_any_of(month_words)}{between}(?P<m>\d{{1,2}})(?!\d)"
    return _Grammar(
        day_before=pattern(rf"(?<!\w){day}{between}\Z"),
        year_before=pattern(rf"(?<![\w/-]){century}{between}\Z"),
        year_and_day_before=pattern(rf"(?<![\w/-]){century}{gap}(?:{link}){{1,2}}{day}{between}\Z"),
        day_after=pattern(rf"{between}{day}(?!\w|[.,]\d)"),
        year_after=pattern(rf"{between}(?P<y>(?:19|20)\d{{2}}(?!\d)|{short_year})"),
        day_and_year_after=pattern(rf"{between}{day}(?:\s?[.,]?\s+|[-,])(?:{link}){{0,2}}{century}"),
        day_and_name=pattern(rf"{day}{between}{_NAME.pattern}"),
        numbered=pattern(rf"(?<!\w){day}{between}{month}{between}{century}") if month_words else None,
    )


def _words_in_formats(language: str) -> Iterator[str]:
    """The words in the date formats of CLDR: `'de'` of `d 'de' MMMM 'de' y`."""
    for form in Locale.parse(language).date_formats.values():
        yield from _QUOTED.findall(str(form.pattern))


def _any_of(words: Iterable[str]) -> str:
    """A group of `words`, with and without their accents."""
    spellings = {spelling for word in words for spelling in (word.casefold(), folded(word))}
    return rf"(?:{'|'.join(map(re.escape, sorted(spellings, key=len, reverse=True)))})"


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
