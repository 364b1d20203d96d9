"""Detects a number in a column of item codes: similar numbers, each with an amount in its row."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from cira_pipeline.models import Box, Line, Reading
from cira_pipeline.validation.normalise import bare

_LEAST_OTHERS: Final = 1
# Share of the page width: left edges of one column differ by less.
_COLUMN_TOLERANCE: Final = 0.006


def is_in_item_code_column(reading: Reading, number: str, line_number: int, with_amounts: Collection[int]) -> bool:
    """Whether `number` is aligned with other numbers of the same shape, and every one has an amount in its row.

    `line_number`: the line the number was read from; `with_amounts`: numbers of the lines on which an amount is
    printed. Lines at the same height on the page form a row.
    """
    own = next((line for line in reading.lines if line.number == line_number), None)
    if own is None:
        return False
    page = next(page for page in reading.pages if page.number == own.page)
    lines = [line for line in reading.lines if line.page == own.page]
    left = next((box.left for text, box in _words(own) if bare(text) == bare(number)), None)
    if left is None or not _has_amount(own, lines, with_amounts):
        return False
    others = [
        line
        for line in lines
        if line is not own
        and any(
            abs(box.left - left) <= _COLUMN_TOLERANCE * page.width and _shape(text) == _shape(number)
            for text, box in _words(line)
        )
        and _has_amount(line, lines, with_amounts)
    ]
    return len(others) >= _LEAST_OTHERS


def _words(line: Line) -> Iterator[tuple[str, Box]]:
    if line.words:
        yield from ((word.text, word.box) for word in line.words)
    else:
        yield line.text, line.box


def _has_amount(own: Line, lines: list[Line], with_amounts: Collection[int]) -> bool:
    return any(line.number in with_amounts for line in lines if _same_row(own.box, line.box))


def _same_row(one: Box, other: Box) -> bool:
    common = min(one.bottom, other.bottom) - max(one.top, other.top)
    return common > 0.5 * min(one.bottom - one.top, other.bottom - other.top)


def _shape(text: str) -> str:
    """`text` with each digit as 0 and each letter as a: 83422 and 77015 have the same shape, B-338 another."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "0", text.casefold()))
