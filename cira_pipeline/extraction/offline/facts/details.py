"""Labels of what only some invoices state (tax ids, accounts, references, dates), and the places they point at.

They are a lexicon of their own, so that the labels of the fields that every invoice has keep their meaning. Places are
computed only for the concepts that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.lexicon import Meaning, lexicon
from cira_pipeline.extraction.offline.page.canvas import Canvas, Row, Segment, Span
from cira_pipeline.extraction.offline.parse.labels import Label, LabelMap, caption_rows, phrases, places
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    least: float


_TUNED = thresholds(_Tuned)

Meant = Callable[[tuple[Meaning, ...], int], tuple[Meaning, ...]]


@dataclass(frozen=True)
class Found:
    """The value of one field or of one column of a row, with its places and confidence (0 to 1)."""

    value: object
    spans: tuple[Span, ...]
    confidence: float


class Details:
    """Details of one document. `main`: the labels of the fields that every invoice has, which end a value."""

    def __init__(self, canvas: Canvas, main: LabelMap, meant: Meant) -> None:
        """`meant`: what a label means in the document's language, of all its meanings."""
        self._canvas = canvas
        self._main = main
        self._meant = meant
        self._found: dict[str, tuple[Proposal, ...]] = {}

    @cached_property
    def _own(self) -> dict[Segment, list[Label]]:
        entries = lexicon().details
        found: dict[Segment, list[Label]] = {}
        for segment in self._canvas.segments:
            for first, _, start, end, meanings in phrases(segment, entries):
                kept = self._meant(meanings, end - start)
                if kept:
                    found.setdefault(segment, []).append(Label(segment, start, end, kept, first=first == 0))
        return found

    @cached_property
    def labels(self) -> LabelMap:
        """All labels of the page, left to right; of two at one place the longer one, else the detail's."""
        merged = dict(self._main)
        for segment, own in self._own.items():
            main = self._main.get(segment, ())
            kept = [label for label in own if not any(_covers(other, label) for other in main)]
            rest = [other for other in main if not any(_overlap(other, label) for label in kept)]
            merged[segment] = tuple(sorted((*kept, *rest), key=lambda label: label.start))
        return merged

    @cached_property
    def _captions(self) -> frozenset[Row]:
        return caption_rows(self._canvas, self.labels)

    def of(self, *concepts: str) -> Sequence[Proposal]:
        """The places that labels of `concepts` point at, best first."""
        found = [proposal for concept in concepts for proposal in self._of(concept)]
        return sorted(found, key=lambda proposal: -proposal.score) if len(concepts) > 1 else found

    def _of(self, concept: str) -> tuple[Proposal, ...]:
        known = self._found.get(concept)
        if known is None:
            known = tuple(sorted(self._proposals(concept), key=lambda proposal: -proposal.score))
            self._found[concept] = known
        return known

    def _proposals(self, concept: str) -> Iterable[Proposal]:
        for label in self.labels_of(concept):
            weight = label.weight(concept)
            for place in places(self._canvas, self.labels, label, self._captions):
                if weight * place.fit >= _TUNED.least:
                    yield Proposal(concept, label, place, weight * place.fit)

    def labels_of(self, concept: str) -> Iterable[Label]:
        """The labels of `concept`, in the order of the page."""
        for segment in self._own:
            for label in self.labels[segment]:
                if label in self._own[segment] and any(meaning.concept == concept for meaning in label.meanings):
                    yield label


def _covers(other: Label, label: Label) -> bool:
    """Whether `other` is a longer phrase with `label` in it."""
    longer = other.end - other.start > label.end - label.start
    return longer and other.start <= label.start and label.end <= other.end


def _overlap(other: Label, label: Label) -> bool:
    return other.start < label.end and label.start < other.end
