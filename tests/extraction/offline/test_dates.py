"""Issue and due dates as printed in many languages, and from terms of payment."""

from __future__ import annotations

import pytest

from tests.extraction.offline.invented import RECIPIENT, SENDER, block, evidence, extracted, invoice, keyed, reading

SAME = [*SENDER, *RECIPIENT]
AMERICAN = block(40, 40, "Blue Mesa Hosting, Inc.", "1200 Kettle Creek Blvd", "Boulder, CO 80301")


@pytest.mark.parametrize(
    ("label", "printed", "iso"),
    [
        ("Rechnungsdatum:", "14.03.2024", "2024-03-14"),
        ("Rechnungsdatum:", "5. August 2024", "2024-08-05"),
        ("Date de facture :", "19 juillet 2024", "2024-07-19"),
        ("Fecha de emisión:", "12 de abril de 2024", "2024-04-12"),
        ("Data fattura:", "30/10/24", "2024-10-30"),
        ("Data de emissão:", "25 de outubro de 2024", "2024-10-25"),
        ("Data wystawienia:", "3 września 2024", "2024-09-03"),
        ("Factuurdatum:", "4 november 2023", "2023-11-04"),
        ("Fakturadatum:", "2024-01-29", "2024-01-29"),
        ("Fakturadato:", "2. marts 2024", "2024-03-02"),
        ("Invoice date:", "17th June 2024", "2024-06-17"),
        ("Invoice date:", "05-May-24", "2024-05-05"),
    ],
)
def test_the_issue_date_is_read_however_it_is_written(label: str, printed: str, iso: str) -> None:
    found = invoice([*SAME, *keyed(380, 490, 130, (label, printed))])
    assert str(found.issue_date) == iso


def test_american_dates_put_the_month_first() -> None:
    found = invoice([*AMERICAN, *keyed(380, 480, 130, ("Date:", "06/04/2025"), ("Due Date:", "06/18/2025"))])
    assert (str(found.issue_date), str(found.due_date)) == ("2025-06-04", "2025-06-18")


def test_a_date_whose_order_nothing_decides_is_told_as_such() -> None:
    canadian = (40, 300, "Bill to: Maple Optics, Calgary AB T2P 1J9")
    found = extracted(reading([*AMERICAN, canadian, *keyed(380, 480, 130, ("Invoice date:", "06/04/2025"))]))
    assert any(finding.rule == "offline.date_order_unknown" for finding in found.findings)
    assert evidence(found, "issue_date").confidence < 0.65


def test_a_delivery_date_is_not_the_issue_date() -> None:
    keys = keyed(380, 490, 130, ("Lieferdatum:", "01.03.2024"), ("Rechnungsdatum:", "14.03.2024"))
    assert str(invoice([*SAME, *keys]).issue_date) == "2024-03-14"


def test_the_date_after_the_place_dates_a_letter() -> None:
    found = invoice(
        [*SAME, (400, 200, "Padova, 30/10/24"), (40, 240, "Fattura 12"), (40, 260, "Rif. fattura 9 del 12/10/24")]
    )
    assert str(found.issue_date) == "2024-10-30"


def test_the_end_of_a_discount_is_not_the_due_date() -> None:
    terms = "Zahlungsbedingungen: bis 11.09.2025 2 % Skonto = 13.865,00 EUR, bis 23.09.2025 netto"
    found = invoice([*SAME, *keyed(380, 490, 130, ("Datum:", "03.09.2025")), (40, 500, terms)])
    assert str(found.due_date) == "2025-09-23"


@pytest.mark.parametrize(
    "terms",
    [
        "Zahlbar innerhalb von 30 Tagen ohne Abzug.",
        "Payment within 30 days of the invoice date.",
        "Règlement par virement à 30 jours.",
        "Betaling binnen 30 dagen na factuurdatum.",
        "Pago por transferencia en un plazo de 30 días.",
        "Bonifico bancario 30 gg data fattura.",
        "Pagamento a 30 dias da data da fatura.",
        "Płatność w ciągu 30 dni.",
        "Betalning inom 30 dagar netto.",
        "Betaling netto 30 dage.",
    ],
)
def test_the_term_of_payment_gives_the_due_date(terms: str) -> None:
    found = invoice([*SAME, *keyed(380, 490, 130, ("Invoice date:", "2024-03-01")), (40, 500, terms)])
    assert str(found.due_date) == "2024-03-31"


def test_a_discounts_term_gives_no_due_date() -> None:
    found = invoice(
        [*SAME, *keyed(380, 490, 130, ("Datum:", "01.03.2024")), (40, 500, "Innerhalb von 8 Tagen mit 2 % Skonto.")]
    )
    assert found.due_date is None


def test_the_day_of_a_direct_debit_is_the_due_date() -> None:
    text = "Your payment of £12.50 will be collected by Direct Debit on 30 May 2024."
    found = invoice([*SAME, *keyed(380, 490, 130, ("Bill date:", "9 May 2024")), (40, 500, text)])
    assert str(found.due_date) == "2024-05-30"


def test_a_date_that_goes_on_in_the_next_line_is_read_whole() -> None:
    sentence = block(
        40, 200, "Data dostawy: 11 marca 2024, Data faktury: 15 marca", "2024, Termin zapłaty: 29 marca 2024."
    )
    found = invoice([*SAME, *sentence, (40, 300, "Faktura")])
    assert (str(found.issue_date), str(found.due_date)) == ("2024-03-15", "2024-03-29")


@pytest.mark.parametrize("below", ["2024-117 Drehstuhl", "2 Hocker", "20245 Hamburg"])
def test_a_number_below_a_day_and_its_month_is_no_year(below: str) -> None:
    found = invoice([*SAME, *block(40, 200, "Rechnungsdatum: 15. März", below), (40, 300, "Rechnung")])
    assert found.issue_date is None
