"""An article's code taken for the invoice's number would let the same invoice be paid twice."""

from __future__ import annotations

import pytest

from cira_pipeline.validation.item_codes import stands_among_items
from cira_pipeline.values import Box, Line, Page, Reading


def page_of(*rows: tuple[tuple[float, str], ...]) -> Reading:
    """One page; each row is its texts and where they begin, in points."""
    placed = [
        (text, Box(left=left, top=100 + 20 * row, right=left + 6 * len(text), bottom=110 + 20 * row))
        for row, texts in enumerate(rows)
        for left, text in texts
    ]
    lines = tuple(
        Line(number=number, page=1, text=text, box=box, confidence=1) for number, (text, box) in enumerate(placed, 1)
    )
    pages = (Page(number=1, width=595, height=842, source="native"),)
    return Reading(reader="local", reader_version="test", pages=pages, lines=lines, seconds=0)


def line_of(reading: Reading, text: str) -> int:
    return next(line.number for line in reading.lines if line.text == text)


ITEMS = page_of(
    ((50, "Invoice no."), (200, "90000049")),
    ((50, "Customer no."), (200, "90000312")),
    ((50, "83422"), (90, "39 Wine glass"), (480, "828.36")),
    ((50, "77015"), (90, "48 Table cloth"), (480, "820.32")),
    ((50, "B-338"), (90, "1 Delivery"), (480, "12.00")),
)


@pytest.mark.parametrize(("number", "among_items"), [("83422", True), ("77015", True), ("B-338", False)])
def test_a_code_in_a_column_of_like_codes_with_amounts_is_one_of_an_item(number: str, among_items: bool) -> None:
    assert stands_among_items(ITEMS, number, line_of(ITEMS, number)) is among_items


def test_numbers_below_each_other_in_the_head_of_an_invoice_are_no_items() -> None:
    assert not stands_among_items(ITEMS, "90000049", line_of(ITEMS, "90000049"))


def test_one_line_that_holds_number_and_amount_is_no_column() -> None:
    single = page_of(((50, "83422"), (90, "39 Wine glass"), (480, "828.36")), ((50, "Total"), (480, "828.36")))
    assert not stands_among_items(single, "83422", 1)


def test_a_line_that_is_not_in_the_reading_says_nothing() -> None:
    assert not stands_among_items(ITEMS, "83422", 999)
