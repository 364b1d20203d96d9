"""Till receipts: company, date, total and what proves it."""

from __future__ import annotations

from decimal import Decimal

from cira_pipeline.models import Extraction
from tests.extraction.offline.invented import Placed, extracted, invoice, reading, right

HEAD: list[Placed] = [
    (60, 20, "BEANWORKS COFFEE LTD"),
    (60, 34, "21 HIGH STREET"),
    (60, 48, "CHESTER CH1 2AB"),
    (20, 70, "14/03/2024 12:41"),
]


def receipt(*rows: tuple[str, str], head: list[Placed] = HEAD) -> Extraction:
    placed = [
        cell
        for i, (key, value) in enumerate(rows)
        for cell in ((20, 100 + 14 * i, key), right(220, 100 + 14 * i, value))
    ]
    return extracted(reading([*head, *placed], source="ocr", size=(240, 400)))


def test_company_date_address_and_total_are_found() -> None:
    found = receipt(
        ("FLAT WHITE", "3.40"), ("BROWNIE", "2.80"), ("TOTAL", "£6.20"), ("CASH", "£10.00"), ("CHANGE", "£3.80")
    ).invoice
    assert found.supplier_name == "BEANWORKS COFFEE LTD"
    assert found.supplier_address == "21 HIGH STREET, CHESTER CH1 2AB"
    assert str(found.issue_date) == "2024-03-14"
    assert (found.gross_total, found.currency) == (Decimal("6.20"), "GBP")


def test_the_total_is_what_was_paid_after_rounding() -> None:
    found = receipt(
        ("BUKU", "12.50"),
        ("PENSEL", "4.32"),
        ("Total Sales", "16.82"),
        ("Rounding Adj", "-0.02"),
        ("Total Rounded", "16.80"),
    )
    assert found.invoice.gross_total == Decimal("16.80")


def test_cash_is_not_the_total() -> None:
    found = receipt(("FLAT WHITE", "3.40"), ("TOTAL", "3.40"), ("CASH", "20.00"), ("CHANGE", "16.60"))
    assert found.invoice.gross_total == Decimal("3.40")


def test_a_receipt_names_no_customer() -> None:
    found = receipt(("FLAT WHITE", "3.40"), ("TOTAL", "3.40"))
    assert found.invoice.customer_name is None


def test_the_company_of_the_register_goes_before_a_slogan() -> None:
    found = invoice(
        [
            (40, 40, "TQ FOR SHOPPING WITH US"),
            (40, 55, "LOT 4, JALAN PUTRA 2"),
            (40, 70, "47301 PETALING JAYA"),
            (40, 85, "MERIDIAN RETAIL SB(306295-X)"),
            (40, 100, "TAX REG ID CBP 000709361664"),
            (40, 130, "TOTAL"),
            right(240, 130, "12.00"),
        ]
    )
    assert found.supplier_name == "MERIDIAN RETAIL SB"
