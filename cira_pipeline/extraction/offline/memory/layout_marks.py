"""Recognises a layout by the texts that its pages have in common, and their positions.

Texts without digits outside the item table: labels, headings, letterhead, footer. An invoice with more lines pushes
some of them down, and a scan shifts all of them a little, so that only their horizontal places are compared, less what
most of them are shifted by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from cira_pipeline.extraction.offline.memory.lesson import Mark, PagePart, mark_of
from cira_pipeline.extraction.offline.page.canvas import Canvas, Row, Segment
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    same_layout: float
    fewest: int
    most: int
    place: float
    shortest: int
    longest: int
    words: int


_TUNED = thresholds(_Tuned)

# Rows with several of them are lines of the table.
_AMOUNT = re.compile(r"\d[.,]\d\d(?!\d)")


@dataclass(frozen=True)
class Likeness:
    """Match of two pages: `share` of common marks, and the shift of the first page's marks; 0 to 1."""

    share: float
    dx: float = 0.0
    dy: float = 0.0

    @property
    def same_layout(self) -> bool:
        return self.share >= _TUNED.same_layout


def part_of(canvas: Canvas, page: int) -> PagePart:
    if page == 1:
        return "first"
    return "last" if page == canvas.last_page else "later"


def marks_of(canvas: Canvas, items: frozenset[Row] = frozenset()) -> tuple[Mark, ...]:
    """The layout's texts on the first and last page. `items` are the rows of the item table, where they are known."""
    return tuple(_marks(canvas, items))[: _TUNED.most]


def _marks(canvas: Canvas, items: frozenset[Row]) -> Iterator[Mark]:
    for row in canvas.rows:
        part = part_of(canvas, row.page)
        if part == "later" or row in items or len(_AMOUNT.findall(row.text)) > 1:
            continue
        for segment in row.segments:
            key = label_key(segment)
            if key is not None:
                left, top = canvas.relative_left(segment), canvas.relative_top(segment)
                yield Mark(text=mark_of(key), page=part, left=round(left, 4), top=round(top, 4))


def label_key(segment: Segment) -> str | None:
    """The segment's words up to the first with a digit, as one key, where they can be a label."""
    words = []
    for word, _, _ in segment.words:
        if any(char.isdigit() for char in word):
            break
        words.append(word)
    key = "".join(words)
    return key if _TUNED.shortest <= len(key) <= _TUNED.longest and len(words) <= _TUNED.words else None


def likeness(own: Sequence[Mark], other: Sequence[Mark]) -> Likeness:
    """The share of the smaller page's marks that both have in the same places."""
    fewer = min(len(own), len(other))
    if fewer < _TUNED.fewest:
        return Likeness(0.0)
    places: dict[tuple[str, PagePart], list[Mark]] = {}
    for mark in other:
        places.setdefault((mark.text, mark.page), []).append(mark)
    pairs = [
        (mark, min(near, key=lambda found: abs(found.left - mark.left)))
        for mark in own
        if (near := places.get((mark.text, mark.page)))
    ]
    if not pairs:
        return Likeness(0.0)
    dx = median(mark.left - found.left for mark, found in pairs)
    placed = [(mark, found) for mark, found in pairs if abs(mark.left - found.left - dx) <= _TUNED.place]
    if not placed:
        return Likeness(0.0)
    dy = median(mark.top - found.top for mark, found in placed)
    return Likeness(min(len({mark.text for mark, _ in placed}) / max(fewer, 1), 1.0), dx, dy)
