"""Acceptance curve: share and accuracy of accepted records by confidence threshold, to choose a threshold from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cira_pipeline.pipeline.calibration import Case
from cira_pipeline.validation.confidence.calibration import Calibration

THRESHOLDS: Final = tuple(round(0.5 + step / 200, 3) for step in range(100))


@dataclass(frozen=True)
class Point:
    """One point: `records` of `of` are accepted at `threshold`; their labelled header fields, right and wrong."""

    threshold: float
    records: int
    of: int
    labelled: int
    right: int
    wrong: int

    @property
    def touchless(self) -> float:
        """Share of records that need no review."""
        return self.records / self.of if self.of else 0.0

    @property
    def accuracy(self) -> float:
        """Share of right labelled header fields of accepted records; missing ones count as not right."""
        return self.right / self.labelled if self.labelled else 1.0


def accept_curve(cases: Iterable[Case], calibrations: Mapping[str, Calibration]) -> Sequence[Point]:
    """One point for each threshold. `calibrations`: by supplier, each fitted without it."""
    judged = [(case, case.least_confidence(calibrations[case.supplier])) for case in cases]
    return tuple(_point(threshold, judged) for threshold in THRESHOLDS)


def least_threshold(curve: Iterable[Point], accuracy: float) -> float:
    """The lowest threshold whose accepted records reach `accuracy` (0 to 1); the highest one when none does."""
    return next((point.threshold for point in curve if point.records and point.accuracy >= accuracy), THRESHOLDS[-1])


def _point(threshold: float, judged: Sequence[tuple[Case, float]]) -> Point:
    scores = [case.score for case, confidence in judged if case.acceptable and confidence >= threshold]
    right, wrong = sum(len(each.right) for each in scores), sum(len(each.wrong) for each in scores)
    missing = sum(len(each.missing) for each in scores)
    return Point(threshold, len(scores), len(judged), right + wrong + missing, right, wrong)
