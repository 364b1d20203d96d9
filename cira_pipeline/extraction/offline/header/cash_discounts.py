"""Extracts cash discounts: `2 % Skonto innerhalb von 10 Tagen`, `2/10 net 30`, `escompte 2 % sous 8 jours`.

A condition is taken only where its clause says it alone: one percentage with one number of days or one date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.header.dates import clause_around, terms_in
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.invoice import PaymentDiscount
from cira_pipeline.printed.numbers import readings


@dataclass(frozen=True, slots=True)
class _Tuned:
    highest_percent: int


_TUNED = thresholds(_Tuned)

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)
# `2/10 net 30`, `2% 10, Net 30`, `1.5/10, n/30`.
_SHORT = re.compile(
    r"(?<![\w.,/])(?P<percent>\d{1,2}(?:[.,]\d{1,2})?)\s?%?\s?[/ ]\s?(?P<days>\d{1,2})"
    r"(?:\s?days?)?\s?,?\s*(?:net|n)\s?/?\s?\d{1,3}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class CashDiscount:
    """A discount with the places of its parts."""

    row: PaymentDiscount
    places: dict[str, Span]


def cash_discounts(facts: Facts, totals: Sequence[Decimal]) -> list[CashDiscount]:
    """The discounts in reading order. `totals`: those of the document that a discount may be taken of."""
    found: dict[tuple[object, ...], CashDiscount] = {}
    for segment in facts.canvas.segments:
        if segment.has_digits:
            for each in (*_short(segment), *_in_words(facts, segment, totals)):
                found.setdefault((each.row.percent, each.row.days, each.row.until), each)
    return list(found.values())


def _short(segment: Segment) -> Iterator[CashDiscount]:
    for match in _SHORT.finditer(segment.text):
        percent = _only(reading.value for reading in readings(match["percent"]))
        if percent is not None and 0 < percent <= _TUNED.highest_percent:
            places = {part: Span(segment, match.start(part), match.end(part)) for part in ("percent", "days")}
            yield CashDiscount(PaymentDiscount(percent=percent, days=Decimal(match["days"])), places)


def _in_words(facts: Facts, segment: Segment, totals: Sequence[Decimal]) -> Iterator[CashDiscount]:
    percents = [
        number
        for number in facts.numbers_of(segment)
        if number.percent and 0 < number.value <= _TUNED.highest_percent and number.certain
    ]
    for percent in percents:
        clause = clause_around(segment.text, percent.span.start)
        start = segment.text.index(clause)
        end = start + len(clause)
        if not any(phrase in compact(clause) for phrase in lexicon().cash_discount) or any(
            start <= other.span.start < end for other in percents if other is not percent
        ):
            continue
        terms = [term for term in terms_in(segment, labelled=True, all_of_them=True) if start <= term.span.start < end]
        dates = [date for date in facts.dates_of(segment) if start <= date.span.start < end and date.certain]
        if len(terms) + len(dates) != 1:
            continue
        places = {"percent": percent.span}
        values: dict[str, object] = {"percent": percent.value}
        if terms:
            values["days"], places["days"] = Decimal(terms[0].days), terms[0].span
        else:
            values["until"], places["until"] = dates[0].value, dates[0].span
        for name, (value, span) in _amounts(facts, segment, percent, totals).items():
            values[name], places[name] = value, span
        yield CashDiscount(PaymentDiscount.model_validate(values), places)


def _amounts(
    facts: Facts, segment: Segment, percent: Number, totals: Sequence[Decimal]
) -> dict[str, tuple[Decimal, Span]]:
    """The discount and its base where both are printed: the row has the amount that the rate makes of a total."""
    found: dict[str, tuple[Decimal, Span]] = {}
    money = [each for other in segment.row.segments for each in facts.numbers_of(other) if each.is_money]
    for number in money:
        for total in totals:
            if abs(total * percent.value / _HUNDRED - number.value) <= _CENT and number.value:
                found["amount"] = number.value, number.span
                base = next((each for each in money if each.value == total), None)
                if base is not None:
                    found["base"] = total, base.span
    return found


def _only(values: Iterable[Decimal]) -> Decimal | None:
    found = set(values)
    return found.pop() if len(found) == 1 else None
