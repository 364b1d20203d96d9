"""Reads the value of a declared field from printed text, by its type; `None` where the text has no such value.

A wrong value is worse than none: what could be something else, or is followed by other text, is left out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cira_pipeline.custom.declaration import CustomField, CustomType
from cira_pipeline.custom.values import MAX_CHARS, NotOfItsType, Value, value_of
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.page.canvas import Segment, Span

_EDGES = " \t,;:|·•–—"
_WORD = re.compile(r"\S+")
_MOST_WORDS = 4
"""Words of an identifier or code, at most."""


class Printed(NamedTuple):
    value: Value
    span: Span


def printed_value(facts: Facts, declared: CustomField, segment: Segment, start: int, end: int) -> Printed | None:
    """The value of `declared` in `segment.text[start:end]`, at its beginning."""
    start, end = _trimmed(segment.text, start, end)
    if start >= end:
        return None
    match declared.type:
        case CustomType.DATE:
            return _date(facts, segment, start, end)
        case CustomType.AMOUNT | CustomType.NUMBER:
            return _number(facts, segment, start, end)
        case CustomType.TEXT:
            return _checked(declared, Span(segment, start, end))
        case CustomType.IDENTIFIER | CustomType.CODE:
            return _code(declared, segment, start, end)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _EDGES:
        start += 1
    while end > start and text[end - 1] in _EDGES:
        end -= 1
    return start, end


def _date(facts: Facts, segment: Segment, start: int, end: int) -> Printed | None:
    found = [each for each in facts.dates_of(segment) if start <= each.span.start < end]
    if len(found) != 1 or not found[0].certain or found[0].span.start != start:
        return None
    return Printed(found[0].value, found[0].span)


def _number(facts: Facts, segment: Segment, start: int, end: int) -> Printed | None:
    found = [each for each in facts.numbers_of(segment) if start <= each.span.start < end]
    if len(found) != 1 or not found[0].certain or found[0].span.start != start:
        return None
    return Printed(found[0].value, found[0].span)


def _code(declared: CustomField, segment: Segment, start: int, end: int) -> Printed | None:
    """The longest run of words from the beginning that has the form; without a form, one that looks like a code."""
    ends = [match.end() for match in _WORD.finditer(segment.text, start, end)][:_MOST_WORDS]
    for last in reversed(ends):
        begin, stop = _trimmed(segment.text, start, last)
        span = Span(segment, begin, stop)
        free = not (declared.codes or declared.pattern)
        if free and not _looks_like_a_code(span.text, whole=last == ends[-1] and stop >= end):
            continue
        found = _checked(declared, span)
        if found is not None:
            return found
    return None


def _looks_like_a_code(text: str, *, whole: bool) -> bool:
    """Every word has a digit; or the whole place is one word of capitals."""
    words = text.split()
    if all(any(map(str.isdigit, word)) for word in words):
        return True
    return whole and len(words) == 1 and text.isupper()


def _checked(declared: CustomField, span: Span) -> Printed | None:
    text = " ".join(span.text.split())
    for candidate in dict.fromkeys((text, *_code_of(declared, text))):
        try:
            return Printed(value_of(declared, candidate), span) if len(candidate) <= MAX_CHARS else None
        except NotOfItsType:
            continue
    return None


def _code_of(declared: CustomField, text: str) -> list[str]:
    """The one declared code that differs from `text` in case only."""
    same = [code for code in declared.codes if code.casefold() == text.casefold()]
    return same if len(same) == 1 else []
