"""An article's code taken for the invoice's number would let the same invoice be paid twice."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from cira_pipeline.models import Box, Line, Page, Reading
from cira_pipeline.validation.checks.item_codes import is_in_item_code_column
from cira_pipeline.validation.printed_amounts import amounts_by_line


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


def with_amounts(reading: Reading, decimals: int = 2, currency: str = "EUR") -> Collection[int]:
    return amounts_by_line(reading, decimals, currency).keys()


ITEMS = page_of(
    ((50, "Invoice no."), (200, "90000049")),
    ((50, "Customer no."), (200, "90000312")),
    ((50, "83422"), (90, "39 Wine glass"), (480, "828.36")),
    ((50, "77015"), (90, "48 Table cloth"), (480, "820.32")),
    ((50, "B-338"), (90, "1 Delivery"), (480, "12.00")),
)


@pytest.mark.parametrize(("number", "among_items"), [("83422", True), ("77015", True), ("B-338", False)])
def test_a_code_in_a_column_of_like_codes_with_amounts_is_one_of_an_item(number: str, among_items: bool) -> None:
    assert is_in_item_code_column(ITEMS, number, line_of(ITEMS, number), with_amounts(ITEMS)) is among_items


def test_numbers_below_each_other_in_the_head_of_an_invoice_are_no_items() -> None:
    assert not is_in_item_code_column(ITEMS, "90000049", line_of(ITEMS, "90000049"), with_amounts(ITEMS))


def test_one_line_that_holds_number_and_amount_is_no_column() -> None:
    single = page_of(((50, "83422"), (90, "39 Wine glass"), (480, "828.36")), ((50, "Total"), (480, "828.36")))
    assert not is_in_item_code_column(single, "83422", 1, with_amounts(single))


def test_a_line_that_is_not_in_the_reading_says_nothing() -> None:
    assert not is_in_item_code_column(ITEMS, "83422", 999, with_amounts(ITEMS))


def test_an_item_of_an_invoice_in_yen_is_known_by_its_amount_without_decimals() -> None:
    yen = page_of(((50, "83422"), (90, "Glass"), (480, "82,836")), ((50, "77015"), (90, "Cloth"), (480, "¥820")))
    assert is_in_item_code_column(yen, "83422", line_of(yen, "83422"), with_amounts(yen, 0, "JPY"))


def test_a_day_in_the_row_is_no_amount() -> None:
    orders = page_of(((50, "83422"), (90, "31.01.2026")), ((50, "77015"), (90, "28.02.2026")))
    assert not is_in_item_code_column(orders, "83422", line_of(orders, "83422"), with_amounts(orders))
