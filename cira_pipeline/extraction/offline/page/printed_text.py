"""Finds a known text on the page, by its letters and digits, on one line or several lines of a block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Canvas, Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    most_lines: int
    line_gap: float
    edge: float
    rows_below: int


_TUNED = thresholds(_Tuned)


def printed(canvas: Canvas, text: str) -> Iterator[tuple[Span, ...]]:
    """Every place of `text`, as the spans of its lines in the order of print."""
    key = compact(text)
    if not key:
        return
    for segment in canvas.segments:
        for index, (word, _, _) in enumerate(segment.words):
            if key.startswith(word):
                spans = _from(canvas, segment, index, key)
                if spans:
                    yield spans
                    break


def _from(canvas: Canvas, segment: Segment, index: int, key: str, lines: int = _TUNED.most_lines) -> tuple[Span, ...]:
    """The spans of `key` from the segment's word at `index` on; empty when another text is there."""
    start, rest = segment.words[index][1], key
    for word, _, end in segment.words[index:]:
        if not rest.startswith(word):
            return ()
        rest = rest[len(word) :]
        if not rest:
            return (Span(segment, start, end),)
    following = _under(canvas, segment) if lines > 1 else None
    if following is None or not following.words:
        return ()
    tail = _from(canvas, following, 0, rest, lines - 1)
    return (Span(segment, start, len(segment.text)), *tail) if tail else ()


def _under(canvas: Canvas, segment: Segment) -> Segment | None:
    """The next line of the segment's block."""
    for row in canvas.rows[segment.row.index + 1 : segment.row.index + 1 + _TUNED.rows_below]:
        if row.page != segment.page or row.top - segment.bottom > _TUNED.line_gap * segment.height:
            return None
        for other in row.segments:
            left = abs(other.left - segment.left) < _TUNED.edge * segment.height
            right = abs(other.right - segment.right) < _TUNED.edge * segment.height
            if left or right:
                return other
    return None
