"""What `Evidence.confidence` is made of in this engine: a probability in 0..1 that the value is the labelled field's.

* label: how surely the label means the field (whole and exact, or weak, inside a sentence, nearly spelled) times how
  the value lies to it (after it, right of it, below it). A plain label right before its value is still wrong at times.
* proof: arithmetic (net + tax = gross printed, rows of the breakdown or lines that add up, cash less change) or check
  digits. It takes away the given share of what doubt the label left.
* rivals: another value that comes near. A lead of `lead` and more costs nothing, a tie `tie` of the confidence.
* print: OCR's own confidence of the line; a value is never surer than half-way between that and certainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    labelled: float
    labelled_amount: float
    triple: float
    two_of_three: float
    lines: float
    check_digits: float
    lead: float
    tie: float


_TUNED = thresholds(_Tuned)

# One possible value of a field: what it is, where it stands, how good it looks.

T = TypeVar("T")


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """`score` in 0..1; `span` is where the value stands, verbatim."""

    value: T
    span: Span
    score: float


def best(candidates: list[Candidate[T]]) -> Candidate[T] | None:
    return max(candidates, key=lambda candidate: candidate.score, default=None)


LABELLED = _TUNED.labelled
LABELLED_AMOUNT = _TUNED.labelled_amount
TRIPLE = _TUNED.triple
TWO_OF_THREE = _TUNED.two_of_three
LINES = _TUNED.lines
CHECK_DIGITS = _TUNED.check_digits


def proven(confidence: float, proof: float) -> float:
    """`confidence` with `proof` (0..1) behind it: that share of the doubt is gone."""
    return 1 - (1 - confidence) * (1 - proof)


def contested(confidence: float, lead: float) -> float:
    """`confidence` when the next best other value scores only `lead` less."""
    return confidence * (1 - _TUNED.tie * (1 - min(max(lead, 0.0), _TUNED.lead) / _TUNED.lead))


def printed(confidence: float, line_confidence: float) -> float:
    """`confidence` of a value on a line that the reader was `line_confidence` sure of."""
    return round(max(0.0, min(confidence, 0.5 + 0.5 * line_confidence, 1.0)), 4)
