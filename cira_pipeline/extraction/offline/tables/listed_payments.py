"""Finds payments that are listed by date and amount without a label of payments received, such as `Transfer 5 Nov`."""

from __future__ import annotations

from decimal import Decimal

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.page.canvas import Row
from cira_pipeline.extraction.offline.parse.amounts import Number


def listed_payments(facts: Facts, paid: Decimal) -> tuple[Number, ...]:
    """The listed payments that make the amount `paid`, by which the amount due is less than the gross total.

    A payment is a row with a word for paying, a date and an amount. Without the printed difference nothing would tell
    it from an instalment that is still to be paid.
    """
    if paid <= 0:
        return ()
    rows = [amounts for row in facts.canvas.rows if (amounts := _payment_in(facts, row))]
    single = [number for amounts in rows for number in amounts if number.value == paid]
    if single:
        return (single[0],)
    alone = [amounts[0] for amounts in rows if len(amounts) == 1]
    return tuple(alone) if sum((number.value for number in alone), Decimal(0)) == paid else ()


def _payment_in(facts: Facts, row: Row) -> list[Number]:
    """The amounts of a row that lists a payment; none of another row."""
    if not any(facts.phrase_in(segment, "payment") for segment in row.segments):
        return []
    if not any(facts.dates_of(segment) for segment in row.segments):
        return []
    return [number for segment in row.segments for number in facts.numbers_of(segment) if number.is_money]
