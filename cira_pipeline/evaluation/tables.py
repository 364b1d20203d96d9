"""Renders an evaluation as text tables for a terminal, a log or a file."""

from __future__ import annotations

import statistics
from collections import Counter
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
    headings = ("documents", "exact", "header", "wrong", "missing", "line F1", "tax F1", "rows F1", "all values")
    for heading in (*headings, "USD", "median s"):
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
            _share(board.other_tables.f1),
            _share(board.value_accuracy),
            f"{tally.cost_usd:.4f}",
            f"{statistics.median(tally.seconds):.2f}" if tally.seconds else "-",
        )
    return table


def verdicts(groups: Mapping[str, Tally], what: str = "kind") -> Table:
    """Share of accepted documents for each group, and their accuracy."""
    table = _table("verdicts", what)
    for heading in ("accepted", "touchless", "header of accepted", "wrong in accepted", "missing in accepted"):
        table.add_column(heading, justify="right")
    table.add_column("outcomes")
    for name, tally in groups.items():
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


def by_field(groups: Mapping[str, Tally]) -> Table:
    """Accuracy of each labelled header field for each group, then of tables' columns and fields of one's own."""
    table = _table("fields: accuracy (right / wrong / missing)", "field")
    for name in groups:
        table.add_column(name, justify="right")
    for name in HEADER_FIELDS:
        boards = [tally.board for tally in groups.values()]
        counts = [(board.right[name], board.wrong[name], board.missing[name]) for board in boards]
        if any(map(sum, counts)):
            table.add_row(name, *map(_counted, counts))
    for name in sorted({name for tally in groups.values() for name in tally.board.cells}):
        cells = [tally.board.cells.get(name, Counter()) for tally in groups.values()]
        table.add_row(name, *(_counted((each["right"], each["wrong"], each["missing"])) for each in cells))
    return table


def _counted(counts: tuple[int, int, int]) -> str:
    right, wrong, missing = counts
    labelled = sum(counts)
    return f"{_share(Decimal(right) / labelled)} ({right}/{wrong}/{missing})" if labelled else "-"


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
    """One line for each group whose measure is below its required share (0 to 1)."""
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
