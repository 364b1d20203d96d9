"""Numbers, kinds and references of invoices nobody has seen before."""

from __future__ import annotations

from datetime import date

import pytest

from tests.extraction.offline.invented import (
    INVOICE,
    RECIPIENT,
    SENDER,
    block,
    evidence,
    extracted,
    invoice,
    keyed,
    reading,
)

SAME = [*SENDER, *RECIPIENT]


def test_a_plain_invoice_is_read_whole() -> None:
    found = invoice(INVOICE)
    assert found.invoice_number == "RE-2024-117"
    assert str(found.issue_date) == "2024-03-14"
    assert str(found.due_date) == "2024-04-13"
    assert found.invoice_type == "380"
    assert found.currency == "EUR"
    assert found.supplier_name == "Nordlicht Bürotechnik GmbH"
    assert found.supplier_vat_id == "DE136695976"
    assert found.customer_name == "Hotel Seerose OHG"
    assert found.payment_iban == "DE89370400440532013000"


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("Invoice no.:", "INV-00417"),
        ("N° facture :", "F2024-088"),
        ("Factuurnummer", "20240031"),
        ("Nº Factura:", "2024/117"),
        ("Numero fattura:", "117/A"),
        ("Fatura n.º:", "FT 2024/31"),
        ("Nr faktury:", "FV/31/2024"),
        ("Fakturanr.:", "10422"),
        ("Fakturanummer:", "240017"),
        ("Rechnungs-Nr.:", "R24.0193"),
    ],
)
def test_the_number_is_found_in_each_language(label: str, number: str) -> None:
    found = invoice([*SAME, *keyed(380, 480, 130, (label, number))])
    assert found.invoice_number == number


def test_a_customer_number_is_not_taken_for_the_invoices() -> None:
    found = invoice(
        [*SAME, (40, 240, "Rechnung"), *keyed(380, 480, 130, ("Kundennummer:", "20331"), ("Nummer:", "417"))]
    )
    assert found.invoice_number == "417"


def test_the_number_of_the_invoice_credited_is_not_the_credit_notes() -> None:
    keys = keyed(380, 480, 130, ("Gutschrift-Nr.:", "GS-12"), ("zu Rechnung Nr.:", "RE-88"), ("Datum:", "02.05.2024"))
    found = invoice([*SAME, (40, 240, "Gutschrift"), *keys])
    assert (found.invoice_number, found.invoice_type) == ("GS-12", "381")


def test_a_number_in_groups_is_kept_whole() -> None:
    assert invoice([*SAME, (40, 240, "Facture n° 10 480 448 710")]).invoice_number == "10 480 448 710"


def test_the_order_keeps_the_letters_before_its_slash() -> None:
    found = invoice([*SAME, *keyed(380, 480, 130, ("Invoice No.:", "INV-7"), ("P.O. No.:", "PO/551"))])
    assert found.purchase_order == "PO/551"


def test_keys_in_one_line_are_told_apart() -> None:
    found = invoice(
        [
            *SAME,
            (40, 240, "Rechnung"),
            (40, 260, "Datum: 01.11.2025 | Rechnung: 000337 | Kunden-Nr.: 82963 | Bestellung: B-77"),
        ]
    )
    assert (found.invoice_number, found.purchase_order, str(found.issue_date)) == ("000337", "B-77", "2025-11-01")


def test_values_over_their_captions_belong_to_the_captions_below_them() -> None:
    values = [(40, 240, "50898"), (200, 240, "2025-0425"), (380, 240, "15.04.2025")]
    captions = [(40, 253, "Code client"), (200, 253, "Numéro de facture"), (380, 253, "Date")]
    found = invoice([*SAME, (40, 210, "Facture"), *values, *captions, (40, 300, "Merci de votre confiance.")])
    assert (found.invoice_number, str(found.issue_date)) == ("2025-0425", "2025-04-15")


def test_two_numbers_that_are_equally_likely_make_the_engine_unsure() -> None:
    alone = extracted(reading([*SAME, *keyed(380, 480, 130, ("Invoice no.:", "4711"))]))
    rivals = extracted(reading([*SAME, *keyed(380, 480, 130, ("Invoice no.:", "4711"), ("Invoice no.:", "4712"))]))
    assert evidence(rivals, "invoice_number").confidence < 0.75 * evidence(alone, "invoice_number").confidence
    assert any(finding.rule == "offline.ambiguous" for finding in rivals.findings)


def test_a_line_the_ocr_was_unsure_of_makes_its_value_unsure() -> None:
    found = extracted(reading(INVOICE, source="ocr", confidence=0.4))
    assert all(entry.confidence <= 0.7 for entry in found.evidence)


@pytest.mark.parametrize(
    ("amount", "code"),
    [("£ 12.50", "GBP"), ("12,50 zł", "PLN"), ("12,50 €", "EUR"), ("CHF 12.50", "CHF"), ("Rs. 1,12,500.00", "INR")],
)
def test_the_currency_is_the_one_the_amounts_carry(amount: str, code: str) -> None:
    assert invoice([*SAME, (40, 300, "Total"), (480, 300, amount)]).currency == code


def test_a_sign_away_from_its_amount_names_the_currency() -> None:
    assert (
        invoice(
            [*block(40, 40, "Acque del Sannio S.p.A."), (40, 300, "Totale da pagare €"), (480, 300, "12,50")]
        ).currency
        == "EUR"
    )


@pytest.mark.parametrize("number", ["7", "A1", "INV-7", "24"])
def test_a_short_number_beside_its_own_label_is_taken(number: str) -> None:
    page = [*block(40, 40, "Nordlicht Ltd"), *keyed(320, 430, 60, ("Invoice number", number), ("Total", "99.00"))]
    assert invoice(page).invoice_number == number


def test_a_number_beside_its_label_belongs_to_it_though_the_customers_heading_is_in_its_row() -> None:
    page = [
        *block(40, 100, "Billed to", "Acme Tooling"),
        *keyed(320, 430, 100, ("Invoice number", "INV-7"), ("Invoice date", "September 14, 2026")),
    ]
    assert invoice(page).invoice_number == "INV-7"


def test_a_number_in_the_form_of_a_date_is_one_where_the_date_stands_elsewhere() -> None:
    numbered = block(40, 160, "Faktura nr 14/09/2026")
    dated = keyed(320, 430, 100, ("Data wystawienia", "12 września 2026"), ("Termin płatności", "26.09.2026"))
    assert invoice([*numbered, *dated]).invoice_number == "14/09/2026"
    assert invoice([*numbered, *dated[2:]]).invoice_number is None


def test_values_under_labels_that_slashes_part_are_in_their_order() -> None:
    page = [
        *block(40, 40, "Nordlicht Ltd"),
        *block(320, 100, "Invoice no. / Date / Customer no.", "R-77 15/3/2026 4711"),
    ]
    found = invoice(page)
    assert (found.invoice_number, found.issue_date) == ("R-77", date(2026, 3, 15))


def test_a_part_of_an_address_is_no_number() -> None:
    page = [*block(40, 40, "Nordlicht Ltd"), *keyed(320, 430, 100, ("Invoice number", "me77@example.com"))]
    assert invoice(page).invoice_number is None


def test_a_sign_makes_a_lone_digit_the_number() -> None:
    page = [*block(40, 40, "Nordlicht Ltd"), *block(320, 40, "INVOICE"), *keyed(320, 430, 100, ("INVOICE #", "4"))]
    assert invoice(page).invoice_number == "4"
