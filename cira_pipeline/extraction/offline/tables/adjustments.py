"""Finds the named amounts between and below the totals: discounts, charges, tips, rounding, payments, withheld taxes.

The label of an amount decides what it is and with which sign it enters the sum; arithmetic never does. Only a rounding
without a printed sign may enter with either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations, product
from typing import Final

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import HIGHEST_RATE
from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.parse.labels import Label
from cira_pipeline.extraction.offline.tables.labelled_amounts import Amount
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    label_least: float
    most: int
    most_taxes: int
    rows_above: int
    rows_below: int


_TUNED = thresholds(_Tuned)

_LARGEST_ROUNDING: Final = Decimal("0.99")
# Deducted, whatever sign is printed; every other one enters with its own.
_DEDUCTED: Final = frozenset({"allowance", "withholding", "prepaid"})
# Of labels with several meanings the first of these counts.
_CONCEPTS: Final = ("withholding", "prepaid", "previous_balance", "rounding", "tip", "shipping", "allowance", "charge")
IN_NET: Final = frozenset({"allowance", "charge", "shipping"})
"""Adjustments of the net total (BT-107, BT-108)."""
AFTER_GROSS: Final = frozenset({"withholding", "prepaid", "previous_balance"})
"""Adjustments that lead from the gross total to the amount due."""
_CREDIT: Final = ("cr", "credit")
_MINUS_IN_BRACKETS: Final = ("(-)", "(−)", "(–)")

Position = tuple[int, float]
"""Reading order: row, then left edge."""


@dataclass(frozen=True)
class Adjustment:
    """A named amount of the totals block. `values` are those with which it may enter the sum: one, or a rounding's two.

    `label` is its name as printed; `percent` is printed beside it.
    """

    concept: str
    values: tuple[Decimal, ...]
    number: Number
    label: Span
    percent: Number | None
    score: float

    @property
    def value(self) -> Decimal:
        return self.values[0]

    @property
    def position(self) -> Position:
        return position_of(self.number.span)

    def entering(self, *, negative: bool) -> tuple[Decimal, ...]:
        """The values in a sum that is `negative`, as of a credit note with minus signs: what lowers it is added."""
        return tuple(-value for value in self.values) if negative and self.concept in _DEDUCTED else self.values


def position_of(span: Span) -> Position:
    return span.segment.row.index, span.box.left


def adjustments_of(facts: Facts, amounts: dict[str, list[Amount]]) -> list[Adjustment]:
    """The adjustments of the document in reading order, each printed amount once. Nothing is no adjustment."""
    found: dict[Span, Adjustment] = {}
    for concept in _CONCEPTS:
        for amount in amounts.get(concept, ()):
            label = amount.label
            if label is None or amount.score < _TUNED.label_least or not amount.value or amount.number.span in found:
                continue
            if facts.phrase_in(label.segment, "including") or not _belongs(facts, label, amount.number):
                # Part of another amount, and not added to it.
                continue
            values = _values(concept, amount.number)
            if values:
                name = Span(label.segment, label.start, label.end)
                found[amount.number.span] = Adjustment(
                    _with_sign(concept, amount.number),
                    values,
                    amount.number,
                    name,
                    _percent(facts, amount),
                    amount.score,
                )
    ordered = sorted(found.values(), key=lambda each: each.position)
    return [each for each in ordered if not _sums_up(each, ordered)][: _TUNED.most]


def _belongs(facts: Facts, label: Label, number: Number) -> bool:
    """Whether the amount is the last in the row of its label, or under a head that begins with the label."""
    row = label.segment.row
    if number.span.segment.row is not row:
        return label.first
    money = [each for segment in row.segments for each in facts.numbers_of(segment) if each.is_money]
    return not money or position_of(number.span) >= position_of(money[-1].span)


def _with_sign(concept: str, number: Number) -> str:
    """`Shipping discount -5.00` is an allowance: a charge is not negative."""
    return "allowance" if concept in ("charge", "shipping") and number.value < 0 else concept


def _values(concept: str, number: Number) -> tuple[Decimal, ...]:
    value = number.value
    if concept in _DEDUCTED:
        return (-abs(value),)
    if concept == "previous_balance":
        return (-abs(value) if _is_credit(number) else value,)
    if concept != "rounding":
        return (value,)
    if abs(value) > _LARGEST_ROUNDING:
        return ()
    before = number.span.segment.text[: number.span.start].rstrip()
    if before.endswith(_MINUS_IN_BRACKETS):
        return (-abs(value),)
    return (value,) if value < 0 or "+" in number.span.text or before.endswith("(+)") else (value, -value)


def _is_credit(number: Number) -> bool:
    """`108.43 CR`: a balance in the customer's favour."""
    rest = number.span.segment.text[number.span.end :].split()
    return number.unit.casefold() in _CREDIT or (bool(rest) and rest[0].casefold().strip(".()") in _CREDIT)


def _percent(facts: Facts, amount: Amount) -> Number | None:
    """The rate printed in the row of the amount, before it, or in the head above it: `IRPF 15 %`."""
    numbers = [n for segment in amount.number.span.segment.row.segments for n in facts.numbers_of(segment) if n.percent]
    before = [n for n in numbers if position_of(n.span) < position_of(amount.number.span)]
    if not before and amount.label is not None and amount.label.segment.row is not amount.number.span.segment.row:
        before = [n for n in facts.numbers_of(amount.label.segment) if n.percent]
    return before[-1] if len(before) == 1 else None


def _sums_up(one: Adjustment, others: Sequence[Adjustment]) -> bool:
    """Whether `one` is the printed sum of two or more others of its kind above it."""
    parts = [each.value for each in others if each.concept == one.concept and each.position < one.position]
    return len(parts) > 1 and sum(parts, Decimal(0)) == one.value


@dataclass(frozen=True)
class Balance:
    """Printed amounts that add up exactly: `start`, `adjustments` (each with its value) and `taxes` make `end`."""

    start: Amount
    adjustments: tuple[tuple[Adjustment, Decimal], ...]
    taxes: tuple[Amount, ...]
    end: Amount

    def until(self, place: Amount) -> Decimal:
        """The sum of what is printed before `place`."""
        position = position_of(place.number.span)
        before = [value for each, value in self.adjustments if each.position < position]
        before += [tax.value for tax in self.taxes if position_of(tax.number.span) < position]
        return self.start.value + sum(before, Decimal(0))


def balances(
    starts: Iterable[Amount],
    taxes: Iterable[Amount],
    ends: Sequence[Amount],
    named: Sequence[Adjustment],
    totals: Iterable[Amount],
) -> Iterator[Balance]:
    """Every sum from one of `starts` to one of `ends` with all adjustments printed between them, and with their taxes.

    An adjustment between the two that is not part of the sum would be an amount without a place, and one of the
    `totals` between them that is not the sum up to there would be passed over: then there is none.
    """
    places = {each.number.span for each in named}
    plain = [tax for tax in taxes if tax.value and tax.number.span not in places]
    stations = {total.number.span: total for total in totals if total.number.span not in places and total.value}
    for start in starts:
        if start.number.span in places:
            continue
        for end in ends:
            first, last = position_of(start.number.span), position_of(end.number.span)
            between = [each for each in named if first < each.position < last]
            if not between or end.number.span in places:
                continue
            own = [tax for tax in plain if first < position_of(tax.number.span) < last][: _TUNED.most_taxes]
            for found in _sums(start, end, between, own):
                counted = {tax.number.span for tax in own}
                passed = [each for span, each in stations.items() if first < position_of(span) < last]
                if all(each.value == found.until(each) for each in passed if each.number.span not in counted):
                    yield found


def _sums(start: Amount, end: Amount, between: Sequence[Adjustment], taxes: Sequence[Amount]) -> Iterator[Balance]:
    for count in range(1 if taxes else 0, min(len(taxes), 3) + 1):
        for parts in combinations(taxes, count):
            total = sum((tax.value for tax in parts), Decimal(0))
            if len({tax.number.span for tax in parts}) < count or abs(total) > abs(start.value) * HIGHEST_RATE / 100:
                continue
            for values in product(*(each.entering(negative=start.value < 0) for each in between)):
                if start.value + sum(values, Decimal(0)) + total == end.value:
                    yield Balance(start, tuple(zip(between, values, strict=True)), parts, end)


def in_block(named: Sequence[Adjustment], totals: Sequence[Span]) -> list[Adjustment]:
    """The adjustments among the rows of `totals`, the places of the chosen totals, or close to them."""
    if not totals:
        return []
    rows = [span.segment.row.index for span in totals]
    first, last = min(rows) - _TUNED.rows_above, max(rows) + _TUNED.rows_below
    pages = {span.page for span in totals}
    return [each for each in named if first <= each.position[0] <= last and each.number.span.page in pages]
