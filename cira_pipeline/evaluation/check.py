"""Accuracy of one record against its label, for the Dagster asset check `accuracy`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from cira_pipeline.evaluation.score import score
from cira_pipeline.invoice import Invoice


@dataclass(frozen=True)
class AccuracyResult:
    """Result of the check for one record.

    `unlabelled`: nothing was measured, so it is neither passed nor failed. `header_accuracy` and `line_f1` are shares,
    0 to 1, `None` where the label does not contain them; `wrong` and `missing` name header fields.
    """

    status: Literal["unlabelled", "passed", "failed"]
    header_accuracy: Decimal | None = None
    line_f1: Decimal | None = None
    wrong: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def measure(invoice: Invoice, label: Mapping[str, Any] | None, threshold: Decimal) -> AccuracyResult:
    """`passed` when header accuracy and, where lines are labelled, line F1 both reach `threshold` (0 to 1)."""
    if not label:
        return AccuracyResult("unlabelled")
    result = score(invoice, label)
    line_f1 = result.lines.f1 if result.lines is not None else None
    measured = [share for share in (result.header_accuracy, line_f1) if share is not None]
    if not measured:
        return AccuracyResult("unlabelled")
    return AccuracyResult(
        status="passed" if min(measured) >= threshold else "failed",
        header_accuracy=result.header_accuracy,
        line_f1=line_f1,
        wrong=result.wrong,
        missing=result.missing,
    )
