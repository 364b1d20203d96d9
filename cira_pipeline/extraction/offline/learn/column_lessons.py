"""Learns the meaning of an item table's headings from the confirmed lines below them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.memory.lesson import Heading
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.invoice import LineItem
from cira_pipeline.models import Box


@dataclass(frozen=True, slots=True)
class _Tuned:
    depth: int
    most_lines: int
    telling: int
    shortest: int
    longest: int
    fewest_headings: int
    beside: float


_TUNED = thresholds(_Tuned)

_CELLS = ("quantity", "unit_price", "tax_rate", "net_amount")
_Extent = tuple[float, float]


def columns_of(facts: Facts, lines: Sequence[LineItem]) -> Mapping[str, tuple[Heading, ...]]:
    """Meaning of a column -> its headings; empty where no line of the page can be identified with certainty."""
    found = [(line, row) for line in lines[: _TUNED.most_lines] for row in _rows_of(facts, line)]
    if not found:
        return {}
    top = min(row.index for _, row in found)
    extents: dict[str, list[_Extent]] = {}
    for line, row in found:
        for concept, extent in _cells(facts, line, row):
            extents.setdefault(concept, []).append(extent)
    return {
        concept: headings
        for concept, places in extents.items()
        if (headings := tuple(_headings(facts, facts.canvas.rows[top], places, extents, concept)))
    }


def _rows_of(facts: Facts, line: LineItem) -> Iterator[Row]:
    """The one row that holds the line's amount and another figure of it, or the beginning of its description."""
    wanted = [value for name in _CELLS if name != "tax_rate" and (value := getattr(line, name)) is not None]
    if line.net_amount is None:
        return
    text = compact(line.description or "")
    rows = [
        row
        for row in facts.canvas.rows
        if (values := Counter(abs(n.value) for s in row.segments for n in facts.numbers_of(s)))
        and not Counter(abs(value) for value in wanted) - values
        and (len(wanted) > 1 or any(True for segment in row.segments for _ in _beginnings(segment, text)))
    ]
    if len(rows) == 1:
        yield rows[0]


def _cells(facts: Facts, line: LineItem, row: Row) -> Iterator[tuple[str, _Extent]]:
    """Figures and texts of the line and their extents; a figure that is printed twice belongs to either column."""
    for name in _CELLS:
        value: Decimal | None = getattr(line, name)
        if value is None:
            continue
        boxes = [n.span.box for s in row.segments for n in facts.numbers_of(s) if abs(n.value) == abs(value)]
        if len(boxes) == 1:
            yield name, (boxes[0].left, boxes[0].right)
    for name in ("description", "unit"):
        text = compact(getattr(line, name) or "")
        spans = [span for segment in row.segments for span in _beginnings(segment, text)]
        if len(spans) == 1:
            yield name, (spans[0].box.left, spans[0].box.right)


def _beginnings(segment: Segment, text: str) -> Iterator[Span]:
    """The words of `segment` that are the beginning of `text`, which may go on in the next line."""
    words = segment.words
    for index, (word, start, _) in enumerate(words):
        if not text or not text.startswith(word):
            continue
        key, end = "", start
        for other, _, stop in words[index:]:
            if not text.startswith(key + other):
                break
            key, end = key + other, stop
        if key == text or len(key) >= _TUNED.telling:
            yield Span(segment, start, end)
            return


def _headings(
    facts: Facts, first: Row, places: Sequence[_Extent], extents: Mapping[str, Sequence[_Extent]], concept: str
) -> Iterator[Heading]:
    """The words above the column in the nearest row of headings; words above two columns belong to the nearer one."""
    for row in reversed(facts.canvas.rows[max(first.index - _TUNED.depth, 0) : first.index]):
        if row.page != first.page or any(facts.numbers_of(segment) for segment in row.segments):
            return
        if sum(len(segment.words) for segment in row.segments) < _TUNED.fewest_headings:
            continue
        for segment in row.segments:
            own = [
                (word, start, end)
                for word, start, end in segment.words
                if _nearest(Span(segment, start, end).box, extents) == concept
            ]
            key = "".join(word for word, _, _ in own)
            if own and _TUNED.shortest <= len(key) <= _TUNED.longest and not any(char.isdigit() for char in key):
                yield Heading(key=key, text=segment.text[own[0][1] : own[-1][2]][: _TUNED.longest])
        return


def _nearest(box: Box, extents: Mapping[str, Sequence[_Extent]]) -> str | None:
    """The column that a word overlaps most."""
    shared = {
        concept: max(min(box.right, right) - max(box.left, left) for left, right in places)
        for concept, places in extents.items()
    }
    best = max(sorted(shared), key=lambda concept: shared[concept], default=None)
    return best if best is not None and shared[best] > -_TUNED.beside * (box.bottom - box.top) else None
