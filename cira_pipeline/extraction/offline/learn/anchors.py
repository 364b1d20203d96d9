"""Anchors: the texts next to a value that may be its label (before, left of, above or below it)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.memory.lesson import Anchor, Relation
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parse.labels import BELOW_GAP, CAPTION_GAP
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    most_words: int
    longest: int
    longest_text: int
    heading_gap: float
    clearly: float
    shortest: int
    rows_over: int


_TUNED = thresholds(_Tuned)

_SEPARATORS = "|;•·"


def anchors_of(facts: Facts, span: Span) -> tuple[Anchor, ...]:
    """The anchors of the value at `span`, most trusted first; not every one need be its label."""
    return tuple(_anchors(facts, span))


def _anchors(facts: Facts, span: Span) -> Iterator[Anchor]:
    segment = span.segment
    before = segment.text[: span.start]
    cut = max((before.rfind(sign) for sign in _SEPARATORS), default=-1)
    own = _run_of(segment, cut + 1, span.start, last=True)
    if own is not None:
        yield _anchor("inline", segment, *own)
        return
    beside = _left_of(segment)
    run = _run_of(beside, 0, len(beside.text)) if beside is not None else None
    if beside is not None and run is not None:
        yield _anchor("right", beside, *run)
    over, under = _over(facts, span, far=run is None), _under(facts, span)
    if over is not None and (under is None or _nearer(over, under, span)):
        run = _run_of(over, 0, len(over.text))
        if run is not None:
            yield _anchor("below", over, *run)
    elif under is not None:
        run = _run_of(under, 0, len(under.text))
        if run is not None:
            yield _anchor("above", under, *run)


def _anchor(relation: Relation, segment: Segment, first: int, last: int) -> Anchor:
    words = segment.words[first : last + 1]
    text = segment.text[words[0][1] : words[-1][2]][: _TUNED.longest_text]
    return Anchor(relation=relation, key="".join(word for word, _, _ in words), text=text)


def _run_of(segment: Segment, start: int, end: int, *, last: bool = False) -> tuple[int, int] | None:
    """First and last word of the run without digits between `start` and `end`: the longest one, or the `last`."""
    runs: list[list[int]] = [[]]
    for index, (word, left, right) in enumerate(segment.words):
        if left < start or right > end:
            continue
        if any(char.isdigit() for char in word) or _is_currency(segment.text[left:right]):
            runs.append([])
        else:
            runs[-1].append(index)
    if last:
        chosen = runs[-1][-_TUNED.most_words :]
    else:
        chosen = max(runs, key=lambda run: sum(len(segment.words[index][0]) for index in run))
    key = "".join(segment.words[index][0] for index in chosen)
    if not _TUNED.shortest <= len(key) <= _TUNED.longest or len(chosen) > _TUNED.most_words:
        return None
    return chosen[0], chosen[-1]


def _is_currency(text: str) -> bool:
    known = lexicon()
    return text in known.symbols or text.upper() in known.currency_codes


def _left_of(segment: Segment) -> Segment | None:
    """The text left of the value, without leader dots."""
    before = segment.row.segments[: segment.row.segments.index(segment)]
    return next((other for other in reversed(before) if other.words), None)


def _nearer(over: Segment, under: Segment, span: Span) -> bool:
    """Whether the text below is a caption: clearly nearer to the value than the text above it."""
    box = span.box
    return box.top - over.bottom <= under.top - box.bottom + _TUNED.clearly * (box.bottom - box.top)


def _over(facts: Facts, span: Span, *, far: bool) -> Segment | None:
    """The text above the value; `far`: also above other values of its column, as a heading is."""
    box, segment = span.box, span.segment
    gap = _TUNED.heading_gap if far else BELOW_GAP
    for row in reversed(facts.canvas.rows[max(segment.row.index - _TUNED.rows_over, 0) : segment.row.index]):
        if row.page != segment.page or box.top - row.bottom > gap * segment.height:
            return None
        for other in row.segments:
            if min(other.right, box.right) - max(other.left, box.left) > 0:
                if _run_of(other, 0, len(other.text)):
                    return other
                if not far:
                    return None
    return None


def _under(facts: Facts, span: Span) -> Segment | None:
    """The text close below the value, as a caption is."""
    box, segment = span.box, span.segment
    for row in facts.canvas.rows[segment.row.index + 1 : segment.row.index + 2]:
        if row.page == segment.page and row.top - box.bottom < CAPTION_GAP * segment.height:
            for other in row.segments:
                if abs(other.left - box.left) < segment.height and not other.has_digits:
                    return other
    return None
