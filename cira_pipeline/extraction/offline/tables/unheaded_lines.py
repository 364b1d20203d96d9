"""Extracts the lines of a table without a known header: rows of text and amount that sum to a total printed below.

Without a header the meaning of columns is unknown; the exact sum proves that these rows are all of the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from cira_pipeline.extraction.offline.facts.candidates import Candidate
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.page.canvas import Row, whole
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.tables.line_items import Item, is_pure
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    fewest_rows: int
    most_between: int
    shortest_text: int


_TUNED = thresholds(_Tuned)

_SUMS = frozenset({"net_total", "tax_total", "gross_total", "amount_due", "prepaid", "line_total", "rounding"})


def unheaded_items(facts: Facts, totals: Iterable[Candidate[Decimal]], skip: frozenset[Row]) -> list[Item]:
    """The rows above one of `totals` that sum to it; empty when none do. `skip` are the tax breakdown's rows."""
    for total in totals:
        above = [
            (row, number)
            for row in reversed(facts.canvas.by_page[total.span.page])
            if row.index < total.span.segment.row.index
            and row not in skip
            and (number := _amount_of(facts, row)) is not None
        ]
        for edge in dict.fromkeys(round(number.span.box.right) for _, number in above):
            run = list(_run(above, edge, total.value))
            if len(run) >= _TUNED.fewest_rows:
                return [_item(row, number) for row, number in reversed(run)]
    return []


def _amount_of(facts: Facts, row: Row) -> Number | None:
    """The amount at the end of a row that begins with a text that names no sum."""
    last = row.segments[-1]
    numbers = facts.numbers_of(last)
    if len(row.segments) < 2 or len(numbers) != 1 or not is_pure(last, numbers):
        return None
    labelled = any(
        label.first and any(meaning.concept in _SUMS for meaning in label.meanings)
        for segment in row.segments
        for label in facts.labels.get(segment, ())
    )
    texts = row.segments[:-1]
    money = any(number.is_money for segment in texts for number in facts.numbers_of(segment))
    lettered = max(sum(char.isalpha() for char in segment.text) for segment in texts) >= _TUNED.shortest_text
    number = numbers[0]
    return number if number.is_money and number.value and lettered and not labelled and not money else None


def _run(above: list[tuple[Row, Number]], edge: float, total: Decimal) -> Iterator[tuple[Row, Number]]:
    """Rows, lowest first, that end at `edge`, follow each other and make `total`; none when they do not."""
    found: list[tuple[Row, Number]] = []
    for row, number in above:
        if abs(number.span.box.right - edge) > row.height:
            continue
        if found and found[-1][0].index - row.index > _TUNED.most_between + 1:
            return
        found.append((row, number))
        if sum(amount.value for _, amount in found) == total:
            yield from found
            return


def _item(row: Row, number: Number) -> Item:
    texts = [segment for segment in row.segments[:-1] if sum(map(str.isalpha, segment.text)) >= _TUNED.shortest_text]
    return Item(cells={"net_amount": number}, description=[whole(text) for text in texts], rows=[row])
