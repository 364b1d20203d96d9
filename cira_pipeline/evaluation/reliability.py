"""Reliability of confidences: the share of right values in each bin of confidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

BINS: Final = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


@dataclass(frozen=True)
class Bin:
    """Values whose confidence is at least `least` and below the next bin.

    `values`: their number; `confidence`: their mean confidence; `right`: the share that was right (both 0 to 1).
    """

    least: float
    values: int
    confidence: float
    right: float


def binned(values: Iterable[tuple[float, bool]]) -> Sequence[Bin]:
    """Bins of `values`, pairs of confidence (0 to 1) and whether the value was right, without empty bins."""
    values = list(values)
    bins = []
    for least, most in zip(BINS, (*BINS[1:], 2.0), strict=True):
        inside = [value for value in values if least <= value[0] < most]
        if inside:
            count = len(inside)
            mean, right = sum(confidence for confidence, _ in inside) / count, sum(right for _, right in inside) / count
            bins.append(Bin(least, count, mean, right))
    return bins
