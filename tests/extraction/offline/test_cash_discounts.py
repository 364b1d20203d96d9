"""Discounts for early payment: percent with days or a date, and nothing where it is open which belong together."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from cira_pipeline.invoice import PaymentDiscount
from tests.extraction.offline.invented import INVOICE, extracted, invoice, reading

D = Decimal


def _with(*texts: str) -> list[tuple[float, float, str]]:
    kept = [placed for placed in INVOICE if "Zahlbar" not in placed[2]]
    return [*kept, *((40, 500 + 15 * index, text) for index, text in enumerate(texts))]


@pytest.mark.parametrize(
    ("text", "percent", "days"),
    [
        ("2 % Skonto bei Zahlung innerhalb von 10 Tagen, 30 Tage netto", "2", 10),
        ("10 Tage 2 % Skonto, 30 Tage netto", "2", 10),
        ("Payment terms: 2/10 net 30", "2", 10),
        ("Terms 1.5% 10, Net 30", "1.5", 10),
        ("2% cash discount within 14 days, net 30 days", "2", 14),
        ("Escompte 2 % sous 8 jours", "2", 8),
        ("Descuento por pronto pago 3 % a 15 dias", "3", 15),
        ("Kassarabatt 2 % inom 10 dagar", "2", 10),
    ],
)
def test_a_discount_for_early_payment_is_read(text: str, percent: str, days: int) -> None:
    assert invoice(_with(text)).payment_discounts == (PaymentDiscount(percent=D(percent), days=D(days)),)


def test_a_discount_until_a_day_is_read_with_its_amount_and_its_places() -> None:
    extraction = extracted(reading(_with("Bei Zahlung bis 24.03.2024 2 % Skonto von 476,00 € = 9,52 €")))
    assert extraction.invoice.payment_discounts == (
        PaymentDiscount(percent=D(2), until=date(2024, 3, 24), base=D("476.00"), amount=D("9.52")),
    )
    shown = {entry.field: entry.text for entry in extraction.evidence}
    assert shown["payment_discounts[0].until"] == "24.03.2024"
    assert shown["payment_discounts[0].percent"].startswith("2")


def test_two_discounts_are_two_rows() -> None:
    found = invoice(_with("3 % Skonto innerhalb 8 Tagen", "2 % Skonto innerhalb 14 Tagen", "30 Tage netto"))
    assert [(row.percent, row.days) for row in found.payment_discounts] == [(D(3), D(8)), (D(2), D(14))]


@pytest.mark.parametrize(
    "text",
    [
        "Bei Zahlung innerhalb 30 Tagen netto oder 10 Tagen 2 % Skonto",
        "Verzugszinsen 2 % nach 30 Tagen",
        "2 % Skonto",
        "Zahlbar innerhalb von 30 Tagen ohne Abzug",
    ],
)
def test_what_is_not_certain_is_no_discount(text: str) -> None:
    assert not invoice(_with(text)).payment_discounts
