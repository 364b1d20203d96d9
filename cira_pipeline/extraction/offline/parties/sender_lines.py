"""Sender lines: name, street and town of the sender in one small line over the recipient's address (DIN 5008)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from cira_pipeline.extraction.offline.page.blocks import is_postal, is_street, parts_of
from cira_pipeline.extraction.offline.page.canvas import Canvas, Row, Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    lowest: float
    longest: int
    gap: float
    wide: float
    fewest_words: int
    wide_least: float
    fewest_parts: int
    name_letters: int
    most_towns: int


_TUNED = thresholds(_Tuned)


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
        if row.page != 1 or canvas.relative_top(row.segments[0]) > _TUNED.lowest:
            continue
        for run in _runs(row):
            parts = tuple(Span(segment, start, end) for segment in run for start, end in _parts(segment))
            if _is_sender(parts):
                found.append(SenderLine(parts))
    return found


def _runs(row: Row) -> list[list[Segment]]:
    runs: list[list[Segment]] = []
    for segment in row.segments:
        if runs and segment.left - runs[-1][-1].right <= _TUNED.gap * segment.height:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def _parts(segment: Segment) -> list[tuple[int, int]]:
    """Between separators, or between gaps that are plainly wider than the line's spaces."""
    marked = parts_of(segment)
    if len(marked) > 1 or len(segment.tokens) < _TUNED.fewest_words:
        return list(marked)
    gaps = [second.left - first.right for first, second in pairwise(segment.tokens)]
    wide = max(_TUNED.wide * median(gaps), _TUNED.wide_least * segment.height)
    parts: list[tuple[int, int]] = []
    start = 0
    for index, gap in enumerate(gaps):
        if gap > wide:
            parts.append((start, segment.starts[index] + len(segment.tokens[index].text)))
            start = segment.starts[index + 1]
    return [*parts, (start, len(segment.text))]


def _is_sender(parts: tuple[Span, ...]) -> bool:
    """Three or more parts, one of them a town with its postal code, none of them before the name."""
    if len(parts) < _TUNED.fewest_parts or sum(len(part.text) for part in parts) > _TUNED.longest:
        return False
    name = parts[0].text
    towns = sum(is_postal(part.text) for part in parts)
    named = (
        not is_postal(name) and not name[:1].isdigit() and sum(char.isalpha() for char in name) >= _TUNED.name_letters
    )
    streets = any(is_street(part.text) for part in parts[1:])
    return named and 1 <= towns <= _TUNED.most_towns and streets and ":" not in name
