"""Extracts references and dates that an invoice states beside its own: customer number, contract, delivery, period."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cira_pipeline.extraction.offline.facts.candidates import LABELLED
from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.facts.document_facts import Facts, PrintedDate
from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.header.accounts import names_bank
from cira_pipeline.extraction.offline.header.reference_numbers import code_in, plausibility
from cira_pipeline.extraction.offline.page.canvas import Row
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    least: float
    below: float
    confidence: float
    longest: int
    near_label: int


_TUNED = thresholds(_Tuned)

FIELDS: Final = (
    "customer_number",
    "buyer_reference",
    "contract_reference",
    "project_reference",
    "sales_order",
    "delivery_note",
)
SUPPLIERS_OWN: Final = frozenset({"customer_number", "sales_order", "delivery_note"})
"""References that the supplier assigns: the same code elsewhere on the page is not the customer's order."""
_DATES: Final = ("delivery_date", "tax_point_date")
_DASH = re.compile(r"\s*(?:[-–—]|to|bis|au|t/m|tot|al|a|ao|do|til|till|through|until)\s*", re.IGNORECASE)


def other_references(facts: Facts, items: frozenset[Row]) -> dict[str, Found]:
    """The codes beside their labels, by field; those that two labels give differently are left out."""
    found: dict[str, Found] = {}
    for field in FIELDS:
        codes = list(_codes(facts, field, items))
        best = max((each.confidence for each in codes), default=0.0)
        values = {each.value for each in codes if each.confidence > best - _TUNED.below}
        if len(values) == 1:
            found[field] = next(each for each in codes if each.value in values)
    return found


def _codes(facts: Facts, field: str, items: frozenset[Row]) -> Iterator[Found]:
    answered = set()
    for proposal in _proposals(facts, field):
        label = proposal.label
        if proposal.score < _TUNED.least or (label.segment, label.start) in answered or label.segment.row in items:
            continue
        if not label.first and not label.has_colon:
            continue
        span = code_in(facts, proposal)
        if span is None or len(span.text) > _TUNED.longest or len(re.sub(r"\D", "", span.text)) < 2:
            continue
        if not plausibility(span.text) or any(
            each.span.start <= span.start < each.span.end for each in facts.dates_of(span.segment)
        ):
            continue
        answered.add((label.segment, label.start))
        yield Found(span.text, (span,), _TUNED.confidence * LABELLED * proposal.score)


def _proposals(facts: Facts, field: str) -> Iterator[Proposal]:
    """Where the labels of `field` point. `Account no.` is the customer's number where no bank is named around it."""
    yield from facts.details.of(field)
    if field == "customer_number":
        for proposal in facts.proposals.of(field):
            label = proposal.label
            alone = len(label.segment.text[label.start : label.end].split()) == 1
            if not alone and not names_bank(facts, label.segment):
                yield proposal


def other_dates(facts: Facts, items: frozenset[Row]) -> dict[str, Found]:
    """Delivery date, tax point and period, by field: only dates whose order of day and month is known."""
    found: dict[str, Found] = {}
    period = next(_periods(facts, items), None)
    if period is not None:
        found["period_start"], found["period_end"] = period
    for field in _DATES:
        dates = [
            (printed, proposal)
            for proposal in facts.details.of(field)
            if proposal.score >= _TUNED.least and proposal.label.segment.row not in items
            for printed in _dates_at(facts, proposal)[:1]
        ]
        values = {printed.value for printed, _ in dates}
        if len(values) == 1 and dates[0][0].certain:
            printed, proposal = dates[0]
            found[field] = Found(printed.value, (printed.span,), LABELLED * proposal.score)
    return found


def _periods(facts: Facts, items: frozenset[Row]) -> Iterator[tuple[Found, Found]]:
    """Two dates after a label of a period, or of a delivery: `01.03.2026 - 31.03.2026`."""
    for proposal in facts.details.of("period", "delivery_date"):
        if proposal.score < _TUNED.least or proposal.label.segment.row in items:
            continue
        dates = _dates_at(facts, proposal)
        if len(dates) != 2 or not all(each.certain for each in dates) or not dates[0].value < dates[1].value:
            continue
        first, last = dates
        if _DASH.fullmatch(first.span.segment.text[first.span.end : last.span.start]):
            confidence = LABELLED * proposal.score
            yield Found(first.value, (first.span,), confidence), Found(last.value, (last.span,), confidence)


def _dates_at(facts: Facts, proposal: Proposal) -> list[PrintedDate]:
    place = proposal.place
    dates = [each for each in facts.dates_of(place.segment) if place.start <= each.span.start]
    near = dates and dates[0].span.start - place.start <= _TUNED.near_label
    return dates if near else []
