"""One possible value of a field: what it is, where it stands, how good it looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from cira_pipeline.extraction.offline.canvas import Span

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
