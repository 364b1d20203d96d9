"""Renders an evaluation as text tables for a terminal, a log or a file."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from rich import box
from rich.table import Table

from cira_pipeline.evaluation.baseline import Comparison
from cira_pipeline.evaluation.evaluation import Evaluation, Tally
from cira_pipeline.invoice import HEADER_FIELDS


def overview(groups: Mapping[str, Tally], what: str = "kind") -> Table:
    """Accuracy, cost and time for each group."""
    table = _table(f"accuracy by {what}", what)
    for heading in ("documents", "exact", "header", "wrong", "missing", "line F1", "tax F1", "USD", "median s"):
        table.add_column(heading, justify="right")
    for name, tally in groups.items():
        board = tally.board
        table.add_row(
            name,
            str(board.documents),
            str(board.exact_documents),
            _share(board.header_accuracy),
            _share(board.wrong_share),
            _share(board.missing_share),
            _share(board.lines.f1),
            _share(board.tax_breakdown.f1),
            f"{tally.cost_usd:.4f}",
            f"{statistics.median(tally.seconds):.2f}" if tally.seconds else "-",
        )
    return table


def verdicts(kinds: Mapping[str, Tally]) -> Table:
    """Share of accepted documents for each kind, and their accuracy."""
    table = _table("verdicts", "kind")
    for heading in ("accepted", "touchless", "header of accepted", "wrong in accepted", "missing in accepted"):
        table.add_column(heading, justify="right")
    table.add_column("outcomes")
    for name, tally in kinds.items():
        accepted = tally.accepted
        table.add_row(
            name,
            f"{accepted.documents}/{tally.board.documents}",
            _share(tally.touchless),
            _share(accepted.header_accuracy, 4),
            str(accepted.wrong.total()),
            str(accepted.missing.total()),
            ", ".join(f"{outcome} {count}" for outcome, count in sorted(tally.outcomes.items())),
        )
    return table


def by_field(kinds: Mapping[str, Tally]) -> Table:
    """Accuracy of each header field for each kind."""
    table = _table("header fields: accuracy (right / wrong / missing)", "field")
    for name in kinds:
        table.add_column(name, justify="right")
    for name in HEADER_FIELDS:
        cells = []
        for tally in kinds.values():
            board = tally.board
            counts = f"({board.right[name]}/{board.wrong[name]}/{board.missing[name]})"
            accuracy = board.field_accuracy(name)
            cells.append("-" if accuracy is None else f"{_share(accuracy)} {counts}")
        table.add_row(name, *cells)
    return table


def reliability_table(evaluation: Evaluation) -> Table:
    """Mean confidence and share right for each bin of confidence."""
    table = _table("calibration of confidences", "confidence from")
    for heading in ("values", "mean confidence", "right"):
        table.add_column(heading, justify="right")
    for each in evaluation.reliability():
        table.add_row(f"{each.least:g}", str(each.values), f"{each.confidence:.3f}", f"{each.right:.3f}")
    return table


def changes(comparison: Comparison) -> Table:
    """Changes from the baseline."""
    table = _table(f"changes from the baseline, {comparison.documents} documents in both", "where")
    for heading in ("what", "before", "now", ""):
        table.add_column(heading)
    for change in comparison.changes:
        table.add_row(change.where, change.what, change.before, change.now, "better" if change.better else "WORSE")
    return table


def accepted_wrong(evaluation: Evaluation) -> Iterator[str]:
    """One line for each accepted document with a wrong value."""
    for document in evaluation.misses():
        if document.accepted and document.score.wrong:
            yield f"accepted though wrong, {document.kind}: {document.name}: {', '.join(document.score.wrong)}"


def unmet(
    kinds: Mapping[str, Tally],
    required: Iterable[tuple[str, Decimal]],
    what: str,
    measure: Callable[[Tally], Decimal | None],
) -> Iterator[str]:
    """One line for each kind whose measure is below its required share (0 to 1)."""
    for name, least in required:
        reached = measure(kinds[name]) if name in kinds else None
        if reached is None:
            yield f"{name}: {what} of at least {least} is required, but nothing was measured"
        elif reached < least:
            yield f"{name}: {what} is {reached:.4f}, at least {least} is required"


def _table(title: str, first: str) -> Table:
    table = Table(title=title, box=box.MARKDOWN)
    table.add_column(first)
    return table


def _share(value: Decimal | None, decimals: int = 3) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"
