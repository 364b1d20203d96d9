"""Whether a number stands among the codes of the items: in a column of like numbers, each with an amount in its row."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from cira_pipeline.models import Box, Line, Reading
from cira_pipeline.validation.normalise import bare

_OTHERS: Final = 1
# Of the page's width: what lines up by intent is off by less.
_ALIGNED: Final = 0.006


def stands_among_items(reading: Reading, number: str, line_number: int, with_amounts: Collection[int]) -> bool:
    """`line_number`: of the line the number was read from; `with_amounts`: of the lines on which an amount is printed.

    Rows are found by their height on the page.
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
            abs(box.left - left) <= _ALIGNED * page.width and _shape(text) == _shape(number)
            for text, box in _words(line)
        )
        and _has_amount(line, lines, with_amounts)
    ]
    return len(others) >= _OTHERS


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
    """Digits and letters, whichever they are: 83422 and 77015 are alike, B-338 is not."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "0", text.casefold()))
