"""Whether confidences mean what they say: of values held likely to 95 %, are 95 % right?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

BINS: Final = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


@dataclass(frozen=True)
class Bin:
    """Values whose confidence lies in one stretch: their mean confidence, and the share that was right."""

    least: float
    values: int
    confidence: float
    right: float


def binned(values: Iterable[tuple[float, bool]]) -> Sequence[Bin]:
    """`values`: confidence (0 to 1) and whether it was right. Stretches without a value are left out."""
    values = list(values)
    bins = []
    for least, most in zip(BINS, (*BINS[1:], 2.0), strict=True):
        inside = [value for value in values if least <= value[0] < most]
        if inside:
            count = len(inside)
            mean, right = sum(confidence for confidence, _ in inside) / count, sum(right for _, right in inside) / count
            bins.append(Bin(least, count, mean, right))
    return bins
