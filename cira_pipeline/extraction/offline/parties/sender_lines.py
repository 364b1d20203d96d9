"""Sender lines: name, street and town of the sender in one small line over the recipient's address (DIN 5008)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from cira_pipeline.extraction.offline.page.blocks import is_postal, is_street, parts_of
from cira_pipeline.extraction.offline.page.canvas import Canvas, Row, Segment, Span

_LOWEST = 0.4
_LONGEST_LETTERS = 130
# OCR drops the dots between name, street and town: gaps up to this many text heights remain.
_GAP = 4.0
_WIDE = 1.9


@dataclass(frozen=True)
class SenderLine:
    """The line's parts, left to right; the first is the sender's name."""

    parts: tuple[Span, ...]

    @property
    def name(self) -> Span:
        return self.parts[0]

    @property
    def row(self) -> Row:
        return self.name.segment.row

    @property
    def left(self) -> float:
        return self.name.segment.left

    @property
    def right(self) -> float:
        return self.parts[-1].segment.right

    @property
    def height(self) -> float:
        return self.name.segment.height

    @property
    def bottom(self) -> float:
        return max(part.segment.bottom for part in self.parts)


def sender_lines(canvas: Canvas) -> list[SenderLine]:
    """Sender lines of the first page, top to bottom."""
    found = []
    for row in canvas.rows:
        if row.page != 1 or canvas.relative_top(row.segments[0]) > _LOWEST:
            continue
        for run in _runs(row):
            parts = tuple(Span(segment, start, end) for segment in run for start, end in _parts(segment))
            if _is_sender(parts):
                found.append(SenderLine(parts))
    return found


def _runs(row: Row) -> list[list[Segment]]:
    runs: list[list[Segment]] = []
    for segment in row.segments:
        if runs and segment.left - runs[-1][-1].right <= _GAP * segment.height:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def _parts(segment: Segment) -> list[tuple[int, int]]:
    """Between separators, or between gaps that are plainly wider than the line's spaces."""
    marked = parts_of(segment)
    if len(marked) > 1 or len(segment.tokens) < 4:
        return list(marked)
    gaps = [second.left - first.right for first, second in pairwise(segment.tokens)]
    wide = max(_WIDE * median(gaps), 0.5 * segment.height)
    parts: list[tuple[int, int]] = []
    start = 0
    for index, gap in enumerate(gaps):
        if gap > wide:
            parts.append((start, segment.starts[index] + len(segment.tokens[index].text)))
            start = segment.starts[index + 1]
    return [*parts, (start, len(segment.text))]


def _is_sender(parts: tuple[Span, ...]) -> bool:
    """Three or more parts, one of them a town with its postal code, none of them before the name."""
    if len(parts) < 3 or sum(len(part.text) for part in parts) > _LONGEST_LETTERS:
        return False
    name = parts[0].text
    towns = sum(is_postal(part.text) for part in parts)
    named = not is_postal(name) and not name[:1].isdigit() and sum(char.isalpha() for char in name) >= 3
    streets = any(is_street(part.text) for part in parts[1:])
    return named and 1 <= towns <= 2 and streets and ":" not in name
