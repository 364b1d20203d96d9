"""Scores an invoice against its label; wrong and missing values are counted apart, because wrong ones are worse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from cira_pipeline.evaluation.comparison import DESCRIPTION_SIMILARITY, amount, same_amount, same_value, similarity
from cira_pipeline.invoice import HEADER_FIELDS, Invoice, LineItem, TaxLine


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
class Score:
    """Score of one document against its label.

    `right`, `wrong` and `missing` name labelled header fields. `lines` and `tax_breakdown` are `None` where the label
    does not contain them; a labelled empty list means that the document has none.
    """

    right: tuple[str, ...]
    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    lines: Matches | None
    tax_breakdown: Matches | None

    @property
    def header_accuracy(self) -> Decimal | None:
        """Right labelled header fields / labelled header fields; `None` when the label has none."""
        labelled = len(self.right) + len(self.wrong) + len(self.missing)
        return Decimal(len(self.right)) / Decimal(labelled) if labelled else None

    @property
    def exact(self) -> bool:
        """Whether every labelled value is right: header fields, lines and tax breakdown."""
        tables = [each for each in (self.lines, self.tax_breakdown) if each is not None]
        return not self.wrong and not self.missing and all(table.exact for table in tables)


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
        lines=_match_lines(invoice.line_items, label["line_items"] or ()) if "line_items" in label else None,
        tax_breakdown=(
            _match_tax_lines(invoice.tax_breakdown, label["tax_breakdown"] or ()) if "tax_breakdown" in label else None
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
    lines: Matches = field(default_factory=Matches)
    tax_breakdown: Matches = field(default_factory=Matches)

    def add(self, result: Score) -> None:
        self.documents += 1
        self.exact_documents += result.exact
        self.right.update(result.right)
        self.wrong.update(result.wrong)
        self.missing.update(result.missing)
        self.lines += result.lines or Matches()
        self.tax_breakdown += result.tax_breakdown or Matches()

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

    def _share(self, counts: Counter[str]) -> Decimal | None:
        return Decimal(counts.total()) / Decimal(self.labelled) if self.labelled else None


def _outcome(name: str, value: Any, truth: Any) -> str:
    if truth is None:
        return "right" if value is None else "wrong"
    if value is None:
        return "missing"
    return "right" if same_value(name, value, truth) else "wrong"


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
