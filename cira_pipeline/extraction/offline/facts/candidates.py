"""What `Evidence.confidence` is made of in this engine: a probability in 0..1 that the value is the labelled field's.

* label: how surely the label means the field (whole and exact, or weak, inside a sentence, nearly spelled) times how
  the value lies to it (after it, right of it, below it). A plain label right before its value is still wrong at times.
* proof: arithmetic (net + tax = gross printed, rows of the breakdown or lines that add up, cash less change) or check
  digits. It takes away the given share of what doubt the label left.
* rivals: another value that comes near. A lead of `LEAD` and more costs nothing, a tie `_TIE` of the confidence.
* print: OCR's own confidence of the line; a value is never surer than half-way between that and certainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from cira_pipeline.extraction.offline.page.canvas import Span

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


def clear_winner(candidates: list[Candidate[T]], margin: float = 0.08) -> tuple[Candidate[T] | None, bool]:
    """The best candidate and whether another value comes within `margin` of it."""
    winner = best(candidates)
    if winner is None:
        return None, False
    contested = any(other.value != winner.value and winner.score - other.score < margin for other in candidates)
    return winner, contested


LABELLED = 0.95
"""A code or date right after its plain label."""
LABELLED_AMOUNT = 0.88
"""An amount right after its plain label, with no arithmetic behind it."""

TRIPLE = 0.9
"""Net, tax and gross printed in three places and adding up."""
TWO_OF_THREE = 0.8
"""Two totals printed whose difference or sum the breakdown's rows make up."""
LINES = 0.65
"""A total printed that the lines' amounts make up."""
CHECK_DIGITS = 0.8
"""An identifier whose check digits hold; whose it is may still be wrong."""

LEAD = 0.3
_TIE = 0.45


def proven(confidence: float, proof: float) -> float:
    """`confidence` with `proof` (0..1) behind it: that share of the doubt is gone."""
    return 1 - (1 - confidence) * (1 - proof)


def contested(confidence: float, lead: float) -> float:
    """`confidence` when the next best other value scores only `lead` less."""
    return confidence * (1 - _TIE * (1 - min(max(lead, 0.0), LEAD) / LEAD))


def printed(confidence: float, line_confidence: float) -> float:
    """`confidence` of a value on a line that the reader was `line_confidence` sure of."""
    return round(max(0.0, min(confidence, 0.5 + 0.5 * line_confidence, 1.0)), 4)
