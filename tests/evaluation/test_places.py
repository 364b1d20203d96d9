from __future__ import annotations

from typing import Any

import pytest

from cira_pipeline.evaluation.places import places
from cira_pipeline.models import Box, Line, Page, Reading, Word


def _reading(*texts: str) -> Reading:
    """Each text a line, each word 10 wide for every character."""
    lines = []
    for number, text in enumerate(texts, start=1):
        words, left = [], 0.0
        for word in text.split(" "):
            right = left + 10 * len(word)
            words.append(Word(text=word, box=Box(left=left, top=20.0 * number, right=right, bottom=20.0 * number + 10)))
            left = right + 10
        box = Box(left=0, top=20.0 * number, right=left - 10, bottom=20.0 * number + 10)
        lines.append(Line(number=number, page=1, text=text, box=box, confidence=1, words=tuple(words)))
    page = Page(number=1, width=600, height=800, source="native")
    return Reading(reader="test", reader_version="1", pages=(page,), lines=tuple(lines), seconds=0)


@pytest.mark.parametrize(
    ("field", "truth", "text"),
    [
        ("gross_total", "1190.00", "Total due 1.190,00 EUR"),
        ("gross_total", "1190.00", "Total due 1,190.00"),
        ("gross_total", "1190", "Summe 1 190,00"),
        ("gross_total", "-7.9", "Gutschrift 7,90-"),
        ("gross_total", "1.5", "Total 1,5"),
        ("gross_total", "190.00", "Pos. 1 190,00"),
        ("issue_date", "2026-01-31", "Date: 31.01.2026"),
        ("issue_date", "2026-01-31", "Date: 2026-01-31"),
        ("issue_date", "2026-03-05", "le 5 mars 2026"),
        ("issue_date", "2026-03-03", "03.03.26"),
        ("issue_date", "2026-03-05", "5. března 2026"),
        ("issue_date", "2026-03-05", "2026年3月5日"),
        ("invoice_number", "RE-2026/17", "Rechnung RE 2026 17"),
        ("payment_iban", "DE02120300000000202051", "IBAN DE02 1203 0000 0000 2020 51"),
        ("supplier_name", "Holzwerk Nord GmbH", "Holzwerk Nord GmbH - Hafenweg 1"),
    ],
)
def test_a_person_is_shown_where_the_labelled_value_stands(field: str, truth: Any, text: str) -> None:
    assert [box.top for _, box in places(_reading("nothing here at all", text), field, truth)] == [40.0]


@pytest.mark.parametrize(
    ("field", "truth", "text"),
    [
        ("gross_total", "190.00", "Total 1.190,00"),
        ("issue_date", "2026-01-31", "31 pieces, order 2026, room 7"),
        ("issue_date", "2026-01-31", "31 pieces, order 2026, room 1"),
        ("gross_total", "15", "Version 1.5"),
        ("invoice_type", "380", "380"),
        ("supplier_name", None, "None"),
    ],
)
def test_no_person_is_shown_a_place_that_says_something_else(field: str, truth: Any, text: str) -> None:
    assert list(places(_reading(text), field, truth)) == []


def test_the_box_holds_the_value_and_not_the_line() -> None:
    ((page, box),) = places(_reading("Total due 12,50 EUR"), "gross_total", "12.5")
    assert (page, box.left, box.right) == (1, 100.0, 150.0)
