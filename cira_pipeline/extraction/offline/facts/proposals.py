"""Proposals: the places that labels point at, each with the field of its label.

Of two labels that point at one place, the better positioned one counts: a date right of `Lieferdatum` is not the issue
date, however near `Datum` is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cira_pipeline.extraction.offline.lexicon import Meaning
from cira_pipeline.extraction.offline.memory.layout_marks import part_of
from cira_pipeline.extraction.offline.memory.supplier_memory import PlacedBefore
from cira_pipeline.extraction.offline.page.canvas import Canvas, Segment
from cira_pipeline.extraction.offline.parse.labels import Label, LabelMap, Place, caption_rows, places
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    margin: float
    same_top: float
    same_edge: float


_TUNED = thresholds(_Tuned)


@dataclass(frozen=True)
class Proposal:
    """By its `label`, the text of `place` is a value of `concept`; `score` is 0 to 1."""

    concept: str
    label: Label
    place: Place
    score: float


class Proposals:
    """All proposals of a document, by concept and by segment."""

    def __init__(self, canvas: Canvas, labels: LabelMap, placed: Sequence[PlacedBefore] = ()) -> None:
        """`placed`: places of values without a label on earlier invoices of the supplier."""
        self._by_concept: dict[str, list[Proposal]] = {}
        self._claims: dict[Segment, list[Proposal]] = {}
        captions = caption_rows(canvas, labels)
        for segment_labels in labels.values():
            for label in segment_labels:
                self._add(label, places(canvas, labels, label, captions))
        for place_before in placed:
            for label, place in _remembered(canvas, place_before):
                self._add(label, (place,))
        for proposals in self._by_concept.values():
            proposals.sort(key=lambda proposal: -proposal.score)

    def _add(self, label: Label, found: Iterable[Place]) -> None:
        weights = [(meaning.concept, label.weight(meaning.concept)) for meaning in label.meanings]
        for place in found:
            claims = self._claims.setdefault(place.segment, [])
            for concept, weight in weights:
                proposal = Proposal(concept, label, place, weight * place.fit)
                self._by_concept.setdefault(concept, []).append(proposal)
                claims.append(proposal)

    def of(self, concept: str) -> Sequence[Proposal]:
        """The proposals for `concept`, best first."""
        return self._by_concept.get(concept, ())

    def rival(self, proposal: Proposal, among: frozenset[str]) -> Proposal | None:
        """A label of another concept in `among` that points at the same place with a better score, if any."""
        place = proposal.place
        for other in self._claims.get(place.segment, ()):
            if other.concept == proposal.concept or other.concept not in among or other.label is proposal.label:
                continue
            overlaps = other.place.start < place.end and place.start < other.place.end
            if overlaps and other.score > proposal.score * _TUNED.margin:
                return other
        return None


def _remembered(canvas: Canvas, before: PlacedBefore) -> Iterator[tuple[Label, Place]]:
    """A proposal for the text at a remembered place of a value without a label."""
    for segment in canvas.segments:
        width, height = canvas.page_sizes.get(segment.page, (0.0, 0.0))
        if part_of(canvas, segment.page) != before.page or not width or not height:
            continue
        if abs(segment.top / height - before.top) > _TUNED.same_top:
            continue
        for token, start in zip(segment.tokens, segment.starts, strict=True):
            left, right = abs(token.left / width - before.left), abs(token.right / width - before.right)
            if min(left, right) < _TUNED.same_edge:
                label = Label(segment, start, start, (Meaning(before.field, 1.0),), first=start == 0)
                yield label, Place(segment, start, len(segment.text), before.score, "remembered")
                break
