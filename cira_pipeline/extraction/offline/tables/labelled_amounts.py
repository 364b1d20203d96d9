"""Finds the amounts that labels of the totals block point at: right of the label, or below it in a column."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.header.currency import prints_whole_amounts
from cira_pipeline.extraction.offline.page.canvas import Row, Segment
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.parse.labels import Label
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    most: int
    column_depth: int
    not_last: float
    below: float
    below_step: float
    decimals: float
    whole: float
    whole_currency: float
    whole_bare: float
    prose: float
    prose_words: int
    uncertain: float
    head_words: int
    below_rows: int
    below_gap: int


_TUNED = thresholds(_Tuned)

_CONCEPTS = (
    "net_total",
    "tax_total",
    "gross_total",
    "amount_due",
    "prepaid",
    "line_total",
    "allowance",
    "charge",
    "rounding",
    "shipping",
    "tip",
    "withholding",
    "previous_balance",
)
_BLOCKERS = frozenset({"total_quantity", "tendered", "iban", "bank", "contact", "page", "tax_number", "registration"})


@dataclass(frozen=True)
class Amount:
    """A number with the score its label gives it for one field; a sum under a column of items has no label."""

    number: Number
    score: float
    label: Label | None = None

    @property
    def value(self) -> Decimal:
        return self.number.value


def amounts_by_concept(facts: Facts, skip: frozenset[Row] = frozenset()) -> dict[str, list[Amount]]:
    """For each concept of the totals block the amounts its labels point at. `skip` are the rows of the item table."""
    found: dict[str, dict[tuple[Segment, int], Amount]] = defaultdict(dict)
    whole = prints_whole_amounts(facts)
    for segment, labels in facts.labels.items():
        if segment.row in skip:
            continue
        for label in labels:
            for concept, amount in _pointed_at(facts, label, skip, whole=whole):
                key = (amount.number.span.segment, amount.number.span.start)
                known = found[concept].get(key)
                if known is None or known.score < amount.score:
                    found[concept][key] = amount
    return {
        concept: sorted(amounts.values(), key=lambda amount: -amount.score)[: _TUNED.most]
        for concept, amounts in found.items()
    }


def _pointed_at(facts: Facts, label: Label, skip: frozenset[Row], *, whole: bool) -> Iterable[tuple[str, Amount]]:
    """`whole`: the document prints amounts without decimals, so that decimals do not distinguish amounts."""
    concepts = {meaning.concept for meaning in label.meanings} & set(_CONCEPTS)
    if not concepts:
        return
    right = amounts_right_of(facts, label)
    count = len(right)
    for index, number in enumerate(right):
        fit = 1.0 if index == count - 1 else _TUNED.not_last
        for concept in concepts:
            yield concept, Amount(number, _score(facts, label, concept, number, fit, whole=whole), label)
    if not right:
        for depth, number in enumerate(amounts_below(facts, label, skip, whole=whole)):
            for concept in concepts:
                yield (
                    concept,
                    Amount(
                        number,
                        _score(facts, label, concept, number, _TUNED.below - _TUNED.below_step * depth, whole=whole),
                        label,
                    ),
                )


def _score(facts: Facts, label: Label, concept: str, number: Number, fit: float, *, whole: bool) -> float:
    money = (
        1.0
        if number.is_money or (whole and not number.decimals)
        else (_TUNED.decimals if number.decimals else _TUNED.whole)
    )
    if not number.decimals and number.value and facts.cents:
        # Where amounts are written to the cent, a whole number is a count, or lost its decimal sign.
        money = _TUNED.whole_currency if number.currency else _TUNED.whole_bare
    prose = _TUNED.prose if len(label.segment.words) > _TUNED.prose_words else 1.0
    return label.weight(concept) * fit * money * prose * (1.0 if number.certain else _TUNED.uncertain)


def amounts_right_of(facts: Facts, label: Label) -> list[Number]:
    """Amounts after the label on its row, up to the next label that has its own amount."""
    numbers = [
        number for number in facts.numbers_of(label.segment) if _first_digit(number) >= label.end and not number.percent
    ]
    later = [other for other in facts.labels.get(label.segment, ()) if other.start >= label.end]
    if later and numbers:
        before = [number for number in numbers if number.span.start < later[0].start]
        numbers = before or numbers
    for segment in label.segment.row.segments[label.segment.row.segments.index(label.segment) + 1 :]:
        own = facts.labels.get(segment, ())
        if (
            own
            and own[0].first
            and any(meaning.concept in _BLOCKERS or meaning.concept in _CONCEPTS for meaning in own[0].meanings)
        ):
            break
        numbers.extend(number for number in facts.numbers_of(segment) if not number.percent)
    money = [number for number in numbers if number.is_money]
    return money or [number for number in numbers if not number.unit][-1:]


def _first_digit(number: Number) -> int:
    """Where the amount itself begins: the currency before it may be part of its label, as in `Total GBP 41.15`."""
    return number.span.start + next(
        index for index, char in enumerate(number.span.text) if char.isdigit() or char in ".,"
    )


def amounts_below(facts: Facts, label: Label, skip: frozenset[Row], *, whole: bool) -> list[Number]:
    """The amounts under a label that heads a column."""
    segment = label.segment
    if not label.alone and len(segment.words) > _TUNED.head_words:
        return []
    start, end = label.span.box.left, label.span.box.right
    found: list[Number] = []
    for row in facts.canvas.rows[segment.row.index + 1 : segment.row.index + 1 + _TUNED.below_rows]:
        if row.page != segment.page or row in skip or row.top - segment.bottom > _TUNED.below_gap * segment.height:
            break
        hits = [
            number
            for other in row.segments
            for number in facts.numbers_of(other)
            if (number.is_money or (whole and number.grouped))
            and number.span.box.left < end + segment.height
            and start - segment.height < number.span.box.right
        ]
        found.extend(sorted(hits, key=lambda number: -_shared(number, start, end))[:1])
        if len(found) == _TUNED.column_depth or (found and not hits):
            break
    return found


def _shared(number: Number, left: float, right: float) -> float:
    box = number.span.box
    return min(box.right, right) - max(box.left, left)
