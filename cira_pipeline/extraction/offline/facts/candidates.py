"""Computes the confidence of candidates: the probability (0 to 1) that a value belongs to the field.

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

# One possible value of a field, with its place and score.

T = TypeVar("T")


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """A possible value of a field. `score`: 0 to 1; `span`: its place and verbatim text."""

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
    """`confidence` with `proof` (0 to 1), the share by which it reduces the doubt."""
    return 1 - (1 - confidence) * (1 - proof)


def contested(confidence: float, lead: float) -> float:
    """`confidence` reduced for the next best other value, whose score is lower by `lead`."""
    return confidence * (1 - _TUNED.tie * (1 - min(max(lead, 0.0), _TUNED.lead) / _TUNED.lead))


def printed(confidence: float, line_confidence: float) -> float:
    """`confidence` limited by `line_confidence`, the reader's confidence in the line."""
    return round(max(0.0, min(confidence, 0.5 + 0.5 * line_confidence, 1.0)), 4)
