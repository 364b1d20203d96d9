"""Which amounts the page prints: what was paid before is believed only where the page says so."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Box, Line, Page, Reading, Record, Verdict
from cira_pipeline.validation import rules
from cira_pipeline.validation.printed_amounts import amounts_by_line
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.extraction.offline.invented import DOCUMENT, block, keyed, right, sums
from tests.extraction.offline.invented import reading as page_of
from tests.validation.extractions import TODAY, changed, extraction_of, item, tax


def _reading(*texts: str) -> Reading:
    lines = tuple(
        Line(number=n, page=1, text=text, box=Box(left=0, top=20 * n, right=200, bottom=20 * n + 10), confidence=1)
        for n, text in enumerate(texts, start=1)
    )
    pages = (Page(number=1, width=595, height=842, source="native"),)
    return Reading(reader="invented", reader_version="1", pages=pages, lines=lines, seconds=0)


def _amounts(text: str, decimals: int, currency: str) -> list[str]:
    found = amounts_by_line(_reading(text), decimals, currency)
    return sorted(format(amount, "f") for amounts in found.values() for amount in amounts.elements())


@pytest.mark.parametrize(
    ("text", "decimals", "currency", "amounts"),
    [
        ("Paid 1.234,56 and 1 000,00", 2, "EUR", ["1000.00", "1234.56"]),
        ("Rs.500.00 paid", 2, "INR", ["500.00"]),
        ("500 or 1.234 or 31.01.2026", 2, "EUR", []),
        ("Discount 12.50 % of it", 2, "EUR", []),
        ("Paid 1,234.567", 3, "KWD", ["1234.567"]),
        ("Paid ¥50,000", 0, "JPY", ["50000"]),
        ("Paid 50,000", 0, "JPY", ["50000"]),
        ("Paid -50,000", 0, "JPY", ["50000"]),
        ("Paid 50.000 ₩", 0, "KRW", ["50000"]),
        ("Paid ¥500", 0, "JPY", ["500"]),
        ("入金 500円", 0, "JPY", ["500"]),
        ("Paid JPY 500", 0, "JPY", ["500"]),
        ("Paid JPY 20,000.00", 0, "JPY", ["20000.00"]),
        ("Paid 50000", 0, "JPY", ["50000"]),
        ("10 pieces, room 500, 8 %, 1,000 %", 0, "JPY", []),
        ("A-50000, 03-1234-5678, #1,234, 2026/3/14, 2026年3月14日", 0, "JPY", []),
        ("Paid ¥50,000.50", 0, "JPY", []),
        ("Paid 12.50", 0, "JPY", []),
    ],
)
def test_amounts_are_told_from_counts_and_codes(text: str, decimals: int, currency: str, amounts: list[str]) -> None:
    assert _amounts(text, decimals, currency) == amounts


def test_where_thousands_are_parted_a_bare_number_is_no_amount() -> None:
    found = amounts_by_line(_reading("Paid 50000", "Total 110,000"), 0, "JPY")
    assert list(found) == [2]


def _partly_paid(currency: str) -> Invoice:
    return changed(
        currency=currency,
        net_total=Decimal(100000),
        tax_total=Decimal(10000),
        gross_total=Decimal(110000),
        amount_due=Decimal(60000),
        tax_breakdown=(tax("10", "100000", "10000"),),
        line_items=(item("100000", "2", "50000"),),
    )


def _judged(invoice: Invoice, *texts: str) -> Record:
    return validate(extraction_of(invoice), ValidationContext(today=TODAY, reading=_reading(*texts)))


@pytest.mark.parametrize("currency", ["JPY", "KRW", "VND", "HUF"])
def test_a_partly_paid_invoice_without_decimals_needs_no_person(currency: str) -> None:
    record = _judged(_partly_paid(currency).model_copy(update={"prepaid_amount": Decimal(50000)}))
    assert rules.DUE_EXPLAINED.id in {finding.rule for finding in record.findings}
    assert record.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("text", ["", "Deposit received ¥40,000", "Deposit received ¥50,000", "Order no. A-50000"])
def test_an_amount_due_that_no_field_explains_needs_a_person(text: str) -> None:
    record = _judged(_partly_paid("JPY"), text, "Total 110,000")
    assert rules.AMOUNT_DUE.id in {finding.rule for finding in record.findings}
    assert record.verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("currency", "printed"),
    [
        ("JPY", lambda amount: f"¥{amount}"),
        ("JPY", str),
        ("JPY", lambda amount: amount.replace(",", "")),
        ("JPY", lambda amount: f"¥{amount}.00"),
        ("KRW", lambda amount: f"₩{amount}"),
        ("VND", lambda amount: amount.replace(",", ".") + " ₫"),
        ("CLP", lambda amount: "$" + amount.replace(",", ".")),
        ("HUF", lambda amount: amount.replace(",", " ") + " Ft"),
        ("HUF", lambda amount: amount.replace(",", ".") + " HUF"),
        ("KWD", lambda amount: f"KWD {amount}.000"),
        ("EUR", lambda amount: f"€{amount}.00"),
    ],
)
def test_a_page_that_was_partly_paid_is_read_and_accepted_in_any_currency(
    currency: str, printed: Callable[[str], str]
) -> None:
    page = [
        *block(40, 40, "Sakura Office Supply Ltd.", "2-4 Marunouchi", "Chiyoda-ku, Tokyo 100-0005"),
        *block(40, 130, "Hotel Seerose OHG", "Uferpromenade 8", "78464 Konstanz"),
        *keyed(
            380, 490, 130,
            ("Invoice no.", "SO-2041"), ("Invoice date", "2026-01-31"), ("Due date", "2026-02-28"),
            ("Currency", currency),
        ),
        (40, 300, "Description"), right(300, 300, "Quantity"), right(400, 300, "Unit price"), right(540, 300, "Amount"),
        (40, 315, "Paper trays"), right(300, 315, "2"),
        right(400, 315, printed("20,000")), right(540, 315, printed("40,000")),
        (40, 330, "Desk lamps"), right(300, 330, "3"),
        right(400, 330, printed("20,000")), right(540, 330, printed("60,000")),
        *sums(
            400,
            ("Subtotal", printed("100,000")),
            ("Tax 10%", printed("10,000")),
            ("Total", printed("110,000")),
            ("Deposit received", printed("50,000")),
            ("Amount due", printed("60,000")),
        ),
    ]  # fmt: skip
    read = page_of(page)
    extraction = OfflineEngine().extract(DOCUMENT, read)
    assert extraction is not None
    record = validate(extraction, ValidationContext(today=TODAY, reading=read))
    invoice = record.invoice
    assert (invoice.currency, invoice.gross_total, invoice.amount_due) == (currency, 110000, 60000)
    assert [item.net_amount for item in invoice.line_items] == [40000, 60000]
    assert rules.DUE_EXPLAINED.id in {finding.rule for finding in record.findings}
    assert record.verdict is Verdict.ACCEPTED
