"""Numbers as printed around the world."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.extraction.offline.invented import SENDER, extracted, invoice, reading, sums


@pytest.mark.parametrize(
    ("net", "tax", "gross", "value"),
    [
        ("1,000.00", "200.00", "1,200.00", "1200.00"),
        ("1.000,00", "200,00", "1.200,00", "1200.00"),
        ("1 000,00", "200,00", "1 200,00", "1200.00"),
        ("1'000.00", "200.00", "1'200.00", "1200.00"),
        ("1000.00", "200.00", "1200.00", "1200.00"),
        ("1,00,000.00", "20,000.00", "1,20,000.00", "120000.00"),
        ("12,34,567.00", "2,46,913.40", "14,81,480.40", "1481480.40"),
    ],
)
def test_thousands_are_parted_as_the_country_does(net: str, tax: str, gross: str, value: str) -> None:
    found = invoice([*SENDER, *sums(300, ("Total excl. VAT", net), ("VAT 20%", tax), ("Total incl. VAT", gross))])
    assert found.gross_total == Decimal(value)
    assert found.net_total is not None
    assert found.tax_total is not None
    assert found.net_total + found.tax_total == found.gross_total


@pytest.mark.parametrize("printed", ["-476,00", "476,00-", "(476,00)", "−476,00"])
def test_a_credit_keeps_its_sign(printed: str) -> None:
    assert invoice([*SENDER, (40, 240, "Gutschrift"), *sums(300, ("Gesamtbetrag", printed))]).gross_total == Decimal(
        "-476.00"
    )


def test_a_point_that_ocr_took_for_the_decimal_comma_makes_no_total_a_hundred_times_as_high() -> None:
    found = extracted(reading([*SENDER, *sums(300, ("Zu zahlender Betrag", "EUR 1.190.00"))]))
    assert found.invoice.gross_total in {None, Decimal("1190.00")}
    assert all(each.confidence < 0.7 for each in found.evidence if each.field == "gross_total")


def test_a_number_that_lost_its_decimal_sign_is_no_total() -> None:
    lines = sums(
        300,
        ("Total excl. VAT", "£659965"),
        ("VAT 20%", "£1,319.93"),
        ("Total incl. VAT", "£7,919.58"),
        ("Paid", "£0.00"),
    )
    assert invoice([*SENDER, *lines]).net_total != Decimal(659965)


def test_a_currency_sign_is_no_label() -> None:
    found = invoice([*SENDER, (40, 300, "Total Sales (Inclusive GST)"), (400, 300, "RM 16.82")])
    assert (found.gross_total, found.currency) == (Decimal("16.82"), "MYR")
