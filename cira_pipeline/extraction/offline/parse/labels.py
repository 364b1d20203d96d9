"""Finds labels on the page, and the words next to them that can be their values.

A label is a run of words that the lexicon knows, longest first. On pages that were read by OCR a label at the start of
a segment may differ by few letters: at most one in six to nine letters, two from ten on (Damerau-Levenshtein).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Literal

from rapidfuzz import process
from rapidfuzz.distance import OSA

from cira_pipeline.extraction.offline.lexicon import LONGEST, Entries, Meaning, lexicon
from cira_pipeline.extraction.offline.normal import OPENING
from cira_pipeline.extraction.offline.page.canvas import Canvas, Row, Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    longest_prefix: int
    shortest_similar: int
    shortest_similar_column: int
    most_digits: int
    most_words_similar: int
    two_mistakes: int
    caption_gap: float
    inside_text: float
    similar: float
    sentence_words: int
    in_sentence: float
    caption_edge: float
    caption_closer: float
    above_fit: float
    right_in_header: float
    right_of_lone: float
    right_of_other: float
    right_segments: int
    right_step: float
    wrapped_edge: float
    wrapped_fit: float
    below_other: float
    below_header: float
    below_colon: float
    below_lone: float
    below_rows: int
    below_gap: float
    below_edge: float
    below_shared: float
    below_height: float
    below_most_heights: int
    below_step: float
    below_apart: float
    below_least: float
    below_values: int


_TUNED = thresholds(_Tuned)
CAPTION_GAP = _TUNED.caption_gap
BELOW_GAP = _TUNED.below_gap

# The rest of a code: `-68271`, `/551`, and after a few capitals also `-MDW-3310`.
_DIGIT = re.compile(r"[-/]\d")
_LETTERS_THEN_DIGITS = re.compile(r"[-/][A-Z0-9]*[-/]?\d")
_AFTER_LABEL = re.compile(r"[\s:;.,#=\-–—/|)\]>*°]*")
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Label:
    """A label found: `text[start:end]` of its segment, with all it may mean."""

    segment: Segment
    start: int
    end: int
    meanings: tuple[Meaning, ...]
    first: bool
    exact: bool = True

    @property
    def span(self) -> Span:
        return Span(self.segment, self.start, self.end)

    @cached_property
    def value_start(self) -> int:
        """Where the text after the label and its punctuation begins, in the same segment."""
        match = _AFTER_LABEL.match(self.segment.text, self.end)
        return match.end() if match else self.end

    @cached_property
    def has_colon(self) -> bool:
        return ":" in self.segment.text[self.end : self.value_start + 1]

    @property
    def alone(self) -> bool:
        """Nothing follows the label in its segment."""
        return self.value_start >= len(self.segment.text)

    def weight(self, concept: str) -> float:
        """How surely this label means `concept`: less inside running text and for a label that is only similar."""
        best = max([meaning.weight for meaning in self.meanings if meaning.concept == concept], default=0.0)
        listed = self.has_colon and (self.first or self.segment.text[: self.start].rstrip()[-1:] in "|·•;,/-–—")
        if not self.first and not listed:
            best *= _TUNED.inside_text
        if not self.exact:
            best *= _TUNED.similar
        if len(self.segment.tokens) > _TUNED.sentence_words and not listed:
            best *= _TUNED.in_sentence
        return best


def phrases(segment: Segment, entries: Entries) -> Iterator[tuple[int, int, int, int, tuple[Meaning, ...]]]:
    """Longest runs of words that `entries` knows, left to right: (first word, last word, start, end, meanings)."""
    openings = entries.openings
    if openings.isdisjoint(segment.openings):
        return
    words = segment.words
    index = 0
    while index < len(words):
        found: tuple[int, tuple[Meaning, ...]] | None = None
        key = ""
        for last in range(index, min(index + LONGEST, len(words))):
            key += words[last][0]
            if key[:OPENING] not in openings:
                break
            meanings = entries.get(key)
            if meanings:
                found = (last, meanings)
        if found is None:
            index += 1
            continue
        last, meanings = found
        start, end = words[index][1], words[last][2]
        if not _part_of_code(segment.text, start, end):
            yield index, last, start, end, meanings
        index = last + 1


def _part_of_code(text: str, start: int, end: int) -> bool:
    """`PO-68271`, `PO-MDW-3310`, `Invoice_Nr_7`: letters that a dash, slash or underscore ties to a code."""
    after = text[end : end + 1]
    before = text[max(start - 2, 0) : start]
    tied = before[-1:] == "_" or (before[-1:] in {"/", "-"} and before[:1].isdigit())
    prefix = text[start:end].isupper() and end - start <= _TUNED.longest_prefix
    rest = _LETTERS_THEN_DIGITS if prefix else _DIGIT
    return tied or after == "_" or bool(rest.match(text, end))


def labels_of(canvas: Canvas, entries: Entries, own: frozenset[str]) -> dict[Segment, tuple[Label, ...]]:
    """Every segment's labels, left to right. Segments without one are left out.

    `entries` are the lexicon's, with what is remembered of the supplier; `own` are those that only memory knows.
    """
    found: dict[Segment, tuple[Label, ...]] = {}
    for segment in canvas.segments:
        labels = _merged(list(_exact(segment, entries)))
        if segment.page in canvas.ocr_pages and (not labels or not labels[0].first):
            similar = _similar(segment, entries, own)
            if similar is not None:
                labels = [similar, *(label for label in labels if label.start >= similar.end)]
        if labels:
            found[segment] = tuple(labels)
    return found


def _exact(segment: Segment, entries: Entries) -> Iterator[Label]:
    for first, _, start, end, meanings in phrases(segment, entries):
        if not _is_currency(segment.text, start, end):
            yield Label(segment, start, end, meanings, first=first == 0)


def _is_currency(text: str, start: int, end: int) -> bool:
    """`RM 16.80`: the currency of an amount is not a label, whatever it abbreviates elsewhere."""
    word = text[start:end]
    known = word in lexicon().symbols or word in lexicon().currency_codes
    return known and text[end : end + 2].strip()[:1].isdigit()


def _merged(labels: list[Label]) -> list[Label]:
    """`Rechnungsnr. / Invoice No.` is one label: neighbours that share a meaning are joined.

    `Customer: Client Services Ltd` is a label and its value: what follows a colon goes on without one.
    """
    merged: list[Label] = []
    for label in labels:
        if merged:
            previous = merged[-1]
            between = label.segment.text[previous.end : label.start]
            common = tuple(
                meaning
                for meaning in label.meanings
                if any(meaning.concept == other.concept for other in previous.meanings)
            )
            value = ":" in between and not label.has_colon
            if common and not value and not _WORD.search(between):
                merged[-1] = replace(previous, end=label.end, meanings=_stronger(previous.meanings, common))
                continue
        merged.append(label)
    return merged


def _stronger(first: tuple[Meaning, ...], second: tuple[Meaning, ...]) -> tuple[Meaning, ...]:
    best: dict[str, Meaning] = {}
    shared = {meaning.concept for meaning in second}
    for meaning in (*first, *second):
        if meaning.concept in shared and meaning.weight > best.get(meaning.concept, Meaning("", 0.0)).weight:
            best[meaning.concept] = meaning
    return tuple(best.values())


def _similar(segment: Segment, entries: Entries, own: frozenset[str]) -> Label | None:
    """A label at the start of the segment that OCR damaged: up to the colon, or the whole of a short segment."""
    colon = segment.text.find(":")
    end = colon if colon > 0 else len(segment.text)
    words = [word for word in segment.words if word[2] <= end]
    if not 1 <= len(words) <= _TUNED.most_words_similar:
        return None
    key = "".join(word for word, _, _ in words)
    match = closest(key) or _closest_of(key, own)
    if match is None:
        return None
    return Label(segment, words[0][1], words[-1][2], entries[match], first=True, exact=False)


def _closest_of(key: str, own: frozenset[str]) -> str | None:
    """The one label of the supplier's own that `key` nearly is, within the same bounds as the lexicon's."""
    if len(key) < _TUNED.shortest_similar or sum(char.isdigit() for char in key) > _TUNED.most_digits:
        return None
    hits = process.extract(key, sorted(own), scorer=OSA.distance, score_cutoff=_bound(key), limit=2)
    return str(hits[0][0]) if len(hits) == 1 or (hits and hits[0][1] < hits[1][1]) else None


@lru_cache(maxsize=4096)
def closest(key: str, table: Literal["labels", "columns"] = "labels") -> str | None:
    """The one entry within the bound of the module's docstring, `None` when there is none or a tie of meanings."""
    shortest = _TUNED.shortest_similar if table == "labels" else _TUNED.shortest_similar_column
    if len(key) < shortest or sum(char.isdigit() for char in key) > _TUNED.most_digits:
        return None
    bound = _bound(key)
    similar = [entry for size in range(len(key) - bound, len(key) + bound + 1) for entry in _entries_of(table, size)]
    hits = process.extract(key, similar, scorer=OSA.distance, score_cutoff=bound, limit=3)
    if not hits:
        return None
    entries = lexicon().labels if table == "labels" else lexicon().columns
    best = [label for label, distance, _ in hits if distance == hits[0][1]]
    concepts = {frozenset(meaning.concept for meaning in entries[label]) for label in best}
    return best[0] if len(concepts) == 1 else None


def _bound(key: str) -> int:
    return 1 if len(key) < _TUNED.two_mistakes else 2


@lru_cache(maxsize=128)
def _entries_of(table: Literal["labels", "columns"], size: int) -> tuple[str, ...]:
    """The entries of `size` letters: a damaged label has at most as many letters more or less as mistakes."""
    entries = lexicon().labels if table == "labels" else lexicon().columns
    return tuple(label for label in entries if len(label) == size >= _TUNED.shortest_similar_column)


@dataclass(frozen=True)
class Place:
    """Text that may be a label's value: `text[start:end]` of `segment`. `fit` (0 to 1) rates its position."""

    segment: Segment
    start: int
    end: int
    fit: float
    relation: str

    @property
    def text(self) -> str:
        return self.segment.text[self.start : self.end]


_PRINTED_WORD = re.compile(r"[^\s/|]\S*")

LabelMap = Mapping[Segment, tuple[Label, ...]]


def caption_rows(canvas: Canvas, labels: LabelMap) -> frozenset[Row]:
    """Rows of labels below their values: closer to the row above than to the one below.

    A single label counts only on a page that has a row of several such captions.
    """
    found = [row for row in canvas.rows if _captions_row_above(canvas, labels, row)]
    pages = {row.page for row in found if len(row.segments) > 1}
    return frozenset(row for row in found if row.page in pages)


def _captions_row_above(canvas: Canvas, labels: LabelMap, row: Row) -> bool:
    if row.index == 0 or not all(_alone_without_colon(labels, segment) for segment in row.segments):
        return False
    above = canvas.rows[row.index - 1]
    if above.page != row.page or len(above.segments) != len(row.segments):
        return False
    pairs = zip(above.segments, row.segments, strict=True)
    aligned = all(
        abs(value.left - name.left) < _TUNED.caption_edge * name.height
        or abs(value.right - name.right) < _TUNED.caption_edge * name.height
        for value, name in pairs
    )
    if not aligned or any(_alone_without_colon(labels, segment) for segment in above.segments):
        return False
    below = canvas.rows[row.index + 1] if row.index + 1 < len(canvas.rows) else None
    gap = row.top - above.bottom
    room = below.top - row.bottom if below is not None and below.page == row.page else float("inf")
    return gap < CAPTION_GAP * row.height and gap + _TUNED.caption_closer * row.height < room


def _alone_without_colon(labels: LabelMap, segment: Segment) -> bool:
    own = labels.get(segment, ())
    return bool(own) and own[0].first and own[-1].alone and not own[-1].has_colon


def places(canvas: Canvas, labels: LabelMap, label: Label, captions: frozenset[Row] = frozenset()) -> Iterator[Place]:
    """Possible places of a label's value: after it, right of it, below it, most trusted first.

    In a row of `captions` the value is above.
    """
    if label.segment.row in captions:
        position = label.segment.row.segments.index(label.segment)
        value = canvas.rows[label.segment.row.index - 1].segments[position]
        yield Place(value, 0, len(value.text), _TUNED.above_fit, "above")
        return
    following = [other for other in labels.get(label.segment, ()) if other.start >= label.end]
    end = following[0].start if following else len(label.segment.text)
    if label.value_start < end:
        yield Place(label.segment, label.value_start, end, 1.0, "inline")
    row = label.segment.row
    yield from _in_turn(canvas, labels, label)
    if label.alone and not label.first:
        yield from _wrapped(canvas, label)
    headed = _is_header_row(row.segments, labels)
    yield from _right(row.segments, labels, label, headed=headed)
    yield from _below(canvas, labels, label, headed=headed)


def _is_header_row(segments: tuple[Segment, ...], labels: LabelMap) -> bool:
    """Several labels side by side with nothing between them: their values stand below.

    `Billed to | Invoice number | INV-7`: with a code among them, two blocks stand side by side.
    """
    alone = [segment for segment in segments if any(label.alone and label.first for label in labels.get(segment, ()))]
    colons = sum(any(label.has_colon for label in labels.get(segment, ())) for segment in alone)
    others = [segment for segment in segments if segment not in alone]
    coded = any(char.isdigit() for segment in others for char in segment.text)
    return len(alone) >= 2 and colons == 0 and len(others) <= 1 and not coded


def _right(segments: tuple[Segment, ...], labels: LabelMap, label: Label, *, headed: bool) -> Iterator[Place]:
    index = segments.index(label.segment)
    # A label with its value beside it in one segment rarely means the next segment, too.
    fit = _TUNED.right_in_header if headed else _TUNED.right_of_lone if label.alone else _TUNED.right_of_other
    for step, segment in enumerate(segments[index + 1 : index + 1 + _TUNED.right_segments]):
        own = labels.get(segment, ())
        if own and own[0].first and (own[0].has_colon or own[0].alone):
            break
        start_match = _AFTER_LABEL.match(segment.text) if segment.text[:1] in ":#=" else None
        start = start_match.end() if start_match else 0
        if start < len(segment.text):
            yield Place(segment, start, len(segment.text), fit - _TUNED.right_step * step, "right")


def _in_turn(canvas: Canvas, labels: LabelMap, label: Label) -> Iterator[Place]:
    """`Invoice no / Customer no` over `200045 103`: the values stand below in the order of their labels."""
    segment = label.segment
    own = labels.get(segment, ())
    if len(own) < 2 or not _only_slashes_between(segment, own):
        return
    for row in canvas.rows[segment.row.index + 1 : segment.row.index + 2]:
        under = [other for other in row.segments if min(segment.right, other.right) > max(segment.left, other.left)]
        words = [(other, *word.span()) for other in under for word in _PRINTED_WORD.finditer(other.text)]
        close = row.page == segment.page and row.top - segment.bottom <= BELOW_GAP * segment.height
        if close and len(words) == len(own) and not any(labels.get(other) for other in under):
            value, start, end = words[own.index(label)]
            yield Place(value, start, end, _TUNED.below_header, "below")


def _only_slashes_between(segment: Segment, own: Sequence[Label]) -> bool:
    ordered = sorted(own, key=lambda each: each.start)
    gaps = [segment.text[a.end : b.start] for a, b in pairwise(ordered)]
    rest = segment.text[: ordered[0].start] + segment.text[ordered[-1].end :]
    return all(gap.strip(" .:#") in {"/", "|"} for gap in gaps) and not rest.strip(" .:")


def _wrapped(canvas: Canvas, label: Label) -> Iterator[Place]:
    """A label at the end of a line of text: its value opens the next line."""
    segment = label.segment
    for row in canvas.rows[segment.row.index + 1 : segment.row.index + 2]:
        first = row.segments[0]
        close = row.page == segment.page and row.top - segment.bottom < segment.height
        if close and abs(first.left - segment.left) < _TUNED.wrapped_edge * segment.height:
            yield Place(first, 0, len(first.text), _TUNED.wrapped_fit, "wrapped")


def _below(canvas: Canvas, labels: LabelMap, label: Label, *, headed: bool) -> Iterator[Place]:
    base = (
        _TUNED.below_other
        if not label.alone and not headed
        else _TUNED.below_header
        if headed
        else _TUNED.below_colon
        if label.has_colon
        else _TUNED.below_lone
    )
    segment = label.segment
    found = 0
    for row in canvas.rows[segment.row.index + 1 : segment.row.index + 1 + _TUNED.below_rows]:
        if row.page != segment.page or row.top - segment.bottom > BELOW_GAP * segment.height:
            break
        for other in row.segments:
            shared = min(segment.right, other.right) - max(segment.left, other.left)
            if shared <= 0:
                continue
            own = labels.get(other, ())
            if own and own[0].first and (own[0].has_colon or own[0].alone) and found == 0:
                return
            aligned = abs(
                segment.left - other.left
            ) < _TUNED.below_edge * segment.height or shared > _TUNED.below_shared * (other.right - other.left)
            gap = max(other.top - segment.bottom, 0.0) / max(segment.height, 1e-6)
            fit = (
                base
                - _TUNED.below_height * min(gap, _TUNED.below_most_heights)
                - _TUNED.below_step * found
                - (0.0 if aligned else _TUNED.below_apart)
            )
            if fit > _TUNED.below_least:
                yield Place(other, 0, len(other.text), fit, "below")
            found += 1
        if found >= _TUNED.below_values:
            return
