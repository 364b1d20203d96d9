"""Finds where a labelled value is printed in a reading, to mark it on the evaluation page; not used for scoring."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, Final

from rapidfuzz import fuzz
from rapidfuzz.utils import default_process

from cira_pipeline.evaluation.comparison import TEXT_FIELDS, amount, identifier
from cira_pipeline.invoice import DATE_FIELDS, NUMBER_FIELDS
from cira_pipeline.models import Box, Line, Reading, Word
from cira_pipeline.printed.dates import dates_in
from cira_pipeline.printed.numbers import values_in

_LEAST_SIMILARITY: Final = 90.0
_LEAST_LENGTH: Final = 4
# Expressed by words or a sign anywhere on the page, never printed as the code itself.
_UNPRINTED: Final = frozenset({"invoice_type"})

Shown = Callable[[str], bool]


def places(reading: Reading, field: str, truth: Any) -> Iterator[tuple[int, Box]]:
    """Page number and box of every place that shows `truth`, the labelled value of header field `field`."""
    if truth is None or field in _UNPRINTED:
        return
    shown = _shown(field, truth)
    for line in reading.lines:
        if shown(line.text):
            yield line.page, line.box if field in TEXT_FIELDS else _narrowed(line, shown)


def _shown(field: str, truth: Any) -> Shown:
    if field in NUMBER_FIELDS:
        wanted = amount(truth)
        return lambda text: wanted is not None and any(each == abs(wanted) for each in values_in(text))
    if field in DATE_FIELDS:
        day = date.fromisoformat(str(truth))
        return lambda text: any(each.value == day for printed in dates_in(text) for each in printed.readings)
    if field in TEXT_FIELDS:
        whole = default_process(str(truth))
        return lambda text: _is_part(default_process(text), whole)
    code = identifier(str(truth))
    return lambda text: code in identifier(text)


def _is_part(line: str, whole: str) -> bool:
    """Whether `line` equals the text `whole`, contains it, or is a part of it."""
    if len(line) < _LEAST_LENGTH:
        return False
    return fuzz.partial_ratio(line, whole) >= _LEAST_SIMILARITY


def _narrowed(line: Line, shown: Shown) -> Box:
    """Box of the shortest run of the line's words that still shows the value."""
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
