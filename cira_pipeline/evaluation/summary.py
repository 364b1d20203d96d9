"""Summarises an evaluation as JSON, for comparison with another run or by another program."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from cira_pipeline.evaluation.evaluation import Evaluation, Measured, Tally
from cira_pipeline.evaluation.score import Matches, Scoreboard
from cira_pipeline.invoice import HEADER_FIELDS

FORM: Final = 1


def summary_of(evaluation: Evaluation, by: str = "kind") -> dict[str, Any]:
    """`evaluation` as JSON: shares from 0 to 1, `null` where nothing was measured; costs as decimal strings in USD.

    `groups` has the same figures as `kinds`, by another key of the labels.
    """
    return {
        "form": FORM,
        "kinds": {name: _tally(tally) for name, tally in evaluation.by_kind().items()},
        "groups": {name: _tally(tally) for name, tally in evaluation.by(by).items()},
        "suppliers": {name: _tally(tally) for name, tally in evaluation.by_supplier().items()},
        "reliability": [
            {"least": each.least, "values": each.values, "confidence": each.confidence, "right": each.right}
            for each in evaluation.reliability()
        ],
        "documents": {document.name: _document(document) for document in evaluation.documents},
    }


def _tally(tally: Tally) -> dict[str, Any]:
    board = tally.board
    return {
        "documents": board.documents,
        "exact_documents": board.exact_documents,
        "header_accuracy": _share(board.header_accuracy),
        "wrong_share": _share(board.wrong_share),
        "missing_share": _share(board.missing_share),
        "line_f1": _share(board.lines.f1),
        "tax_f1": _share(board.tax_breakdown.f1),
        "rows_f1": _share(board.other_tables.f1),
        "value_accuracy": _share(board.value_accuracy),
        "outcomes": dict(sorted(tally.outcomes.items())),
        "touchless": _share(tally.touchless),
        "accepted": {
            "documents": tally.accepted.documents,
            "header_accuracy": _share(tally.accepted.header_accuracy),
            "wrong_values": tally.accepted.wrong.total(),
            "missing_values": tally.accepted.missing.total(),
        },
        "cost_usd": format(tally.cost_usd, "f"),
        "median_seconds": statistics.median(tally.seconds) if tally.seconds else None,
        "fields": _fields(board),
        "tables": {name: _matches(rows) for name, rows in sorted(board.tables.items())},
        "cells": {name: dict(sorted(counts.items())) for name, counts in sorted(board.cells.items())},
    }


def _fields(board: Scoreboard) -> dict[str, Mapping[str, int]]:
    return {
        name: {"right": board.right[name], "wrong": board.wrong[name], "missing": board.missing[name]}
        for name in HEADER_FIELDS
        if board.field_accuracy(name) is not None
    }


def _document(document: Measured) -> dict[str, Any]:
    result, score = document.result, document.score
    return {
        "sha256": document.label.sha256,
        "kind": document.kind,
        "supplier": document.supplier,
        "outcome": document.outcome,
        "engine": result.engine if result is not None else "",
        "right": list(score.right),
        "wrong": list(score.wrong),
        "missing": list(score.missing),
        "lines": _matches(score.lines),
        "tax_breakdown": _matches(score.tax_breakdown),
        "tables": {name: _matches(rows) for name, rows in score.tables.items()},
        "cells": {
            outcome: [cell.place for cell in score.cells if cell.outcome == outcome] for outcome in ("wrong", "missing")
        },
        "exact": score.exact,
        "confidences": dict(document.confidences),
        "findings": sorted({each.rule for each in result.findings if each.severity != "info"}) if result else [],
        "cost_usd": format(result.cost_usd, "f") if result is not None else "0",
        "seconds": result.seconds if result is not None else None,
    }


def _matches(matches: Matches | None) -> dict[str, int] | None:
    return None if matches is None else {"right": matches.right, "extra": matches.extra, "lost": matches.lost}


def _share(value: Decimal | None) -> float | None:
    return None if value is None else round(float(value), 6)
