"""An invoice with two truths: the XML is paid, the page is approved."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cira_pipeline.extraction.xml_against_page import RULE, page_findings
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Box, EngineName, Extraction, Line, Page, Reading


def _missing(amount: str, text: str, confidence: float = 1.0) -> bool:
    """Whether a page with `text` is said not to show the XML's gross total of `amount`."""
    box = Box(left=0, top=0, right=200, bottom=10)
    reading = Reading(
        reader="invented",
        reader_version="1",
        pages=(Page(number=1, width=595, height=842, source="native"),),
        lines=(Line(number=1, page=1, text=text, box=box, confidence=confidence),),
        seconds=0,
    )
    invoice = Invoice(gross_total=Decimal(amount))
    found = page_findings(Extraction(engine=EngineName.EINVOICE, engine_version="1", invoice=invoice), reading)
    assert {finding.rule for finding in found} <= {RULE}
    return bool(found)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1190.00", "Total 1.190,00 EUR"),
        ("1190.00", "Total EUR1,190.00"),
        ("1190.00", "Total 1 190,00"),
        ("1190.00", "Total CHF 1’190.--"),
        ("1190.00", "Total 1.190"),
        ("1190.00", "Total 1.190.00"),
        ("190.00", "Pos. 1 190,00"),
        ("-476.00", "Gutschrift 476,00-"),
        ("120000.00", "Rs.1,20,000.00"),
        ("50000", "合計 50,000円"),
    ],
)
def test_an_amount_in_any_writing_is_shown(amount: str, text: str) -> None:
    assert not _missing(amount, text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("11900.00", "Total 119.00"),
        ("119.00", "Total 11900"),
        ("190.00", "Total 1.190,00"),
        ("3112.2026", "31.12.2026"),
        ("1190.00", "Total ll90,00"),
    ],
)
def test_a_page_with_another_amount_is_told(amount: str, text: str) -> None:
    assert _missing(amount, text)


def test_letters_that_ocr_takes_for_digits_are_digits_where_it_guessed() -> None:
    assert not _missing("1190.00", "Total ll90,0O", confidence=0.9)
