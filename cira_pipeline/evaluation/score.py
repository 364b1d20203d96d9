"""Scores an invoice against its label; wrong and missing values are counted apart, because wrong ones are worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Final

import numpy as np

from cira_pipeline.evaluation.comparison import (
    DESCRIPTION_SIMILARITY,
    amount,
    same_amount,
    same_cell,
    same_own_value,
    same_value,
    similarity,
)
from cira_pipeline.invoice import HEADER_FIELDS, MAPS, ROW_TERMS, ROWS, Invoice, LineItem, TaxLine

_MANY_ROWS: Final = 1_000_000
"""Divides distances of rows, so that all of them together weigh less than one equal value."""


@dataclass(frozen=True)
class Matches:
    """Counts of table rows: found and labelled (`right`), found only (`extra`), labelled only (`lost`)."""

    right: int = 0
    extra: int = 0
    lost: int = 0

    @property
    def f1(self) -> Decimal | None:
        """Harmonic mean of precision and recall, 0 to 1; `None` when neither side has a row."""
        rows = 2 * self.right + self.extra + self.lost
        return Decimal(2 * self.right) / Decimal(rows) if rows else None

    @property
    def exact(self) -> bool:
        return not self.extra and not self.lost

    def __add__(self, other: Matches) -> Matches:
        return Matches(self.right + other.right, self.extra + other.extra, self.lost + other.lost)


@dataclass(frozen=True)
class Cell:
    """A labelled value beside the header fields: of a table's row, or of a field of one's own.

    `name`: `table.column` or `custom.name`. `row`: the row of the label, from 0, and for a row that the document does
    not have (`expected` is `None`) the row of the invoice. `outcome`: right, wrong or missing.
    """

    name: str
    row: int | None
    outcome: str
    expected: Any
    found: Any

    @property
    def place(self) -> str:
        return self.name if self.row is None else self.name.replace(".", f"[{self.row}].", 1)


@dataclass(frozen=True)
class Score:
    """Score of one document against its label.

    `right`, `wrong` and `missing` name labelled header fields. `tables` has the rows of each table that the label
    contains; a labelled empty list means that the document has none. `cells` are the values of these rows and the
    labelled fields of one's own.
    """

    right: tuple[str, ...]
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    tables: Mapping[str, Matches] = field(default_factory=dict)
    cells: tuple[Cell, ...] = ()

    @property
    def lines(self) -> Matches | None:
        return self.tables.get("line_items")

    @property
    def tax_breakdown(self) -> Matches | None:
        return self.tables.get("tax_breakdown")

    @property
    def header_accuracy(self) -> Decimal | None:
        """Right labelled header fields / labelled header fields; `None` when the label has none."""
        labelled = len(self.right) + len(self.wrong) + len(self.missing)
        return Decimal(len(self.right)) / Decimal(labelled) if labelled else None

    @property
    def exact(self) -> bool:
        """Whether every labelled value is right: header fields, rows of tables and fields of one's own."""
        header = not self.wrong and not self.missing
        return (
            header
            and all(table.exact for table in self.tables.values())
            and all(cell.outcome == "right" for cell in self.cells)
        )


def score(invoice: Invoice, label: Mapping[str, Any]) -> Score:
    """Scores `invoice` against `label`: JSON values by field name, amounts as decimal strings, dates in ISO 8601.

    Only labelled fields count. A field labelled `null` is absent from the document: any value of it is wrong.
    """
    outcomes: dict[str, list[str]] = {"right": [], "wrong": [], "missing": []}
    for name in HEADER_FIELDS:
        if name in label:
            outcomes[_outcome(name, getattr(invoice, name), label[name])].append(name)
    return Score(
        right=tuple(outcomes["right"]),
        wrong=tuple(outcomes["wrong"]),
        missing=tuple(outcomes["missing"]),
        tables={name: _match(name, getattr(invoice, name), label[name] or ()) for name in ROW_TERMS if name in label},
        cells=(
            *(
                cell
                for name in ROW_TERMS
                if name in label
                for cell in _cells(name, getattr(invoice, name), label[name] or ())
            ),
            *_own_cells("custom", None, invoice.custom, label.get("custom")),
        ),
    )


@dataclass
class Scoreboard:
    """Sum of scores over many documents; each labelled field of each document has the same weight.

    `add_failed` counts a document without a result: every labelled value is missing.
    """

    documents: int = 0
    exact_documents: int = 0
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    tables: dict[str, Matches] = field(default_factory=dict)
    cells: dict[str, Counter[str]] = field(default_factory=dict)
    """`table.column` or `custom.name` -> how many of its values are right, wrong and missing."""

    @property
    def lines(self) -> Matches:
        return self.tables.get("line_items", Matches())

    @property
    def tax_breakdown(self) -> Matches:
        return self.tables.get("tax_breakdown", Matches())

    @property
    def other_tables(self) -> Matches:
        """The rows of all tables besides lines and tax breakdown."""
        others = [rows for name, rows in self.tables.items() if name not in ("line_items", "tax_breakdown")]
        return sum(others, Matches())

    def add(self, result: Score) -> None:
        self.documents += 1
        self.exact_documents += result.exact
        self.right.update(result.right)
        self.wrong.update(result.wrong)
        self.missing.update(result.missing)
        self._add_rows(result.tables)
        for cell in result.cells:
            self.cells.setdefault(cell.name, Counter())[cell.outcome] += 1

    def add_all(self, other: Scoreboard) -> None:
        """Adds the documents of another board."""
        self.documents += other.documents
        self.exact_documents += other.exact_documents
        self.right.update(other.right)
        self.wrong.update(other.wrong)
        self.missing.update(other.missing)
        self._add_rows(other.tables)
        for name, counts in other.cells.items():
            self.cells.setdefault(name, Counter()).update(counts)

    def _add_rows(self, tables: Mapping[str, Matches]) -> None:
        for name, rows in tables.items():
            self.tables[name] = self.tables.get(name, Matches()) + rows

    def add_failed(self, label: Mapping[str, Any]) -> None:
        self.add(score(Invoice(), label))

    @property
    def labelled(self) -> int:
        return self.right.total() + self.wrong.total() + self.missing.total()

    @property
    def header_accuracy(self) -> Decimal | None:
        return self._share(self.right)

    @property
    def wrong_share(self) -> Decimal | None:
        return self._share(self.wrong)

    @property
    def missing_share(self) -> Decimal | None:
        return self._share(self.missing)

    def field_accuracy(self, name: str) -> Decimal | None:
        labelled = self.right[name] + self.wrong[name] + self.missing[name]
        return Decimal(self.right[name]) / Decimal(labelled) if labelled else None

    @property
    def values(self) -> Counter[str]:
        """All labelled values, of header fields, cells and fields of one's own: how many are right, wrong, missing."""
        header = {"right": self.right.total(), "wrong": self.wrong.total(), "missing": self.missing.total()}
        return sum(self.cells.values(), Counter(header))

    @property
    def value_accuracy(self) -> Decimal | None:
        """Right labelled values / labelled values; a value in a row that the document does not have is wrong."""
        values = self.values
        return Decimal(values["right"]) / Decimal(values.total()) if values else None

    def _share(self, counts: Counter[str]) -> Decimal | None:
        return Decimal(counts.total()) / Decimal(self.labelled) if self.labelled else None


def _outcome(name: str, value: Any, truth: Any) -> str:
    return _outcome_of(value, truth, partial(same_value, name))


def _outcome_of(value: Any, truth: Any, same: Callable[[Any, Any], bool]) -> str:
    if truth is None:
        return "right" if value is None else "wrong"
    if value is None:
        return "missing"
    return "right" if same(value, truth) else "wrong"


def _match(table: str, rows: Sequence[Any], truths: Sequence[Mapping[str, Any]]) -> Matches:
    """Counts pairs of a row and a labelled one, each used once."""
    if table == "line_items":
        return _match_lines(rows, truths)
    if table == "tax_breakdown":
        return _match_tax_lines(rows, truths)
    right = sum(
        all(cell.outcome == "right" for cell in _cells_of_pair(table, at, rows[row], truths[at]))
        for row, at in _pairs(table, rows, truths)
    )
    return Matches(right, extra=len(rows) - right, lost=len(truths) - right)


def _cells(table: str, rows: Sequence[Any], truths: Sequence[Mapping[str, Any]]) -> Iterator[Cell]:
    """The labelled values of a table; of a row without a labelled one, those of the columns that the label has."""
    pairs = _pairs(table, rows, truths)
    for row, at in pairs:
        yield from _cells_of_pair(table, at, rows[row], truths[at])
    paired_rows, paired_truths = {row for row, _ in pairs}, {at for _, at in pairs}
    for at, truth in enumerate(truths):
        if at not in paired_truths:
            yield from _cells_of_pair(table, at, ROWS[table](), truth)
    columns = {column for truth in truths for column in truth} or set(ROW_TERMS[table])
    for index, row in enumerate(rows):
        if index in paired_rows:
            continue
        for column in ROW_TERMS[table]:
            value = getattr(row, column)
            if column in columns and column not in MAPS and value is not None:
                yield Cell(f"{table}.{column}", index, "wrong", None, value)


def _cells_of_pair(table: str, at: int, row: Any, truth: Mapping[str, Any]) -> Iterator[Cell]:
    for column, expected in truth.items():
        if column == "custom":
            yield from _own_cells(f"{table}.custom", at, row.custom, expected)
        elif column not in MAPS:
            found = getattr(row, column)
            outcome = _outcome_of(found, expected, partial(same_cell, table, column))
            yield Cell(f"{table}.{column}", at, outcome, expected, found)


def _own_cells(
    where: str, row: int | None, found: Mapping[str, str], label: Mapping[str, Any] | None
) -> Iterator[Cell]:
    for name, expected in (label or {}).items():
        value = found.get(name)
        yield Cell(f"{where}.{name}", row, _outcome_of(value, expected, same_own_value), expected, value)


def _pairs(table: str, rows: Sequence[Any], truths: Sequence[Mapping[str, Any]]) -> Sequence[tuple[int, int]]:
    """Pairs of a row and a labelled one, each used once, that have the most equal values; of equal ones the nearest."""
    equal = np.zeros((len(rows), len(truths)))
    for index, row in enumerate(rows):
        for at, truth in enumerate(truths):
            cells = [cell for cell in _cells_of_pair(table, at, row, truth) if cell.expected is not None]
            equal[index, at] = sum(cell.outcome == "right" for cell in cells)
    nearness = -np.abs(np.subtract.outer(np.arange(len(rows)), np.arange(len(truths)))) / (_MANY_ROWS + equal.size)
    # Imported here because SciPy takes a second to load, every pipeline run imports this module, and few score rows.
    from scipy.optimize import linear_sum_assignment

    chosen = zip(*linear_sum_assignment(equal + nearness * (equal > 0), maximize=True), strict=True)
    return [(int(row), int(at)) for row, at in chosen if equal[row, at]]


def _match_lines(items: Sequence[LineItem], truths: Sequence[Mapping[str, Any]]) -> Matches:
    """Counts the most pairs with equal net amount and similar description, each row used once."""
    closeness = np.zeros((len(items), len(truths)))
    for row, item in enumerate(items):
        for column, truth in enumerate(truths):
            closeness[row, column] = _line_closeness(item, truth)
    # Imported here because SciPy takes a second to load, every pipeline run imports this module, and few score lines.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(closeness, maximize=True)
    right = int(np.count_nonzero(closeness[rows, columns]))
    return Matches(right, extra=len(items) - right, lost=len(truths) - right)


def _line_closeness(item: LineItem, truth: Mapping[str, Any]) -> float:
    """Weight of a pair: 0 where the two cannot be the same line.

    One more pair outweighs any gain in similarity, so that the assignment maximises the number of pairs first.
    """
    if amount(truth.get("net_amount")) is not None and not same_amount(item.net_amount, truth["net_amount"]):
        return 0.0
    described = truth.get("description")
    alike = similarity(item.description or "", str(described)) if described else 100.0
    return 1_000.0 + alike / 1_000 if alike >= DESCRIPTION_SIMILARITY else 0.0


def _match_tax_lines(lines: Sequence[TaxLine], truths: Sequence[Mapping[str, Any]]) -> Matches:
    """Counts rows whose labelled values (rate, net, tax) are all equal as decimals, each row used once."""
    names = ("rate", "net", "tax")
    known = [name for name in names if any(amount(truth.get(name)) is not None for truth in truths)]
    found = Counter(tuple(getattr(line, name) for name in known) for line in lines)
    wanted = Counter(tuple(amount(truth.get(name)) for name in known) for truth in truths)
    right = (found & wanted).total()
    return Matches(right, extra=found.total() - right, lost=wanted.total() - right)
