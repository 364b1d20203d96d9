"""How many records are accepted at a threshold, and how right those are: what a threshold is chosen by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cira_pipeline.pipeline.calibration import Case
from cira_pipeline.validation.confidence.calibration import Calibration

THRESHOLDS: Final = tuple(round(0.5 + step / 200, 3) for step in range(100))


@dataclass(frozen=True)
class Point:
    """`records` of `of` are accepted at `threshold`; of their labelled header fields so many are right and wrong."""

    threshold: float
    records: int
    of: int
    labelled: int
    right: int
    wrong: int

    @property
    def touchless(self) -> float:
        """Share of records that nobody needs to look at."""
        return self.records / self.of if self.of else 0.0

    @property
    def accuracy(self) -> float:
        """Right labelled header fields of accepted records; missing ones count as not right."""
        return self.right / self.labelled if self.labelled else 1.0


def accept_curve(cases: Iterable[Case], calibrations: Mapping[str, Calibration]) -> Sequence[Point]:
    """One point for each threshold. `calibrations`: by supplier, each fitted without it."""
    judged = [(case, case.least_confidence(calibrations[case.supplier])) for case in cases]
    return tuple(_point(threshold, judged) for threshold in THRESHOLDS)


def least_threshold(curve: Iterable[Point], accuracy: float) -> float:
    """The lowest threshold whose accepted records reach `accuracy` (0 to 1); the highest there is when none does."""
    return next((point.threshold for point in curve if point.records and point.accuracy >= accuracy), THRESHOLDS[-1])


def _point(threshold: float, judged: Sequence[tuple[Case, float]]) -> Point:
    scores = [case.score for case, confidence in judged if case.sound and confidence >= threshold]
    right, wrong = sum(len(each.right) for each in scores), sum(len(each.wrong) for each in scores)
    missing = sum(len(each.missing) for each in scores)
    return Point(threshold, len(scores), len(judged), right + wrong + missing, right, wrong)
