"""Whose a line is: parties in a sentence, trading names, addresses close to another party's, deducted invoices."""

from __future__ import annotations

import pytest

from tests.extraction.offline.invented import RECIPIENT, SENDER, block, invoice, keyed, sums

TITLE = (40, 240, "Rechnung")
# A page as wide as this is no till roll's.
PROSE = block(
    40, 270, *["Sehr geehrte Damen und Herren, wir berechnen Ihnen die Übernachtungen in unserem Hause vom Mai:"] * 3
)


def test_both_parties_are_read_from_a_sentence_after_their_headings() -> None:
    seller = "Seller: Halcyon Kilns Ltd, 4 Pottery Lane, Stoke ST4 7QE"
    buyer = "Buyer: Atelier Mirabelle SARL, 12 rue Longue, 13001 Marseille - VAT FR49380646216"
    found = invoice([(40, 40, "Halcyon Export"), (40, 100, seller), (40, 115, buyer), (40, 240, "Invoice")])
    assert (found.supplier_name, found.customer_name) == ("Halcyon Kilns Ltd", "Atelier Mirabelle SARL")
    assert found.supplier_address == "4 Pottery Lane, Stoke ST4 7QE"
    assert found.customer_address == "12 rue Longue, 13001 Marseille"


@pytest.mark.parametrize(
    ("line", "company"),
    [
        ("Trading name of Marlowe Pictures Limited", "Marlowe Pictures Limited"),
        ("Eine Marke der Kranich Medien GmbH", "Kranich Medien GmbH"),
        ("Une marque de Verdier SARL", "Verdier SARL"),
    ],
)
def test_the_company_behind_a_trading_name_is_the_supplier(line: str, company: str) -> None:
    sender = block(40, 40, "From", "Bluebird Studio", line, "41 Harbour Road", "London N1 6PB")
    found = invoice([*sender, *block(320, 40, "Bill to", *(text for _, _, text in RECIPIENT)), (40, 240, "Invoice")])
    assert found.supplier_name == company
    assert found.supplier_address == "41 Harbour Road, London N1 6PB"


def test_a_trading_name_of_nobody_is_the_name() -> None:
    sender = block(40, 40, "From", "Bluebird Studio", "Trading name of the year", "41 Harbour Road", "London N1 6PB")
    assert invoice([*sender, (40, 240, "Invoice")]).supplier_name == "Bluebird Studio"


def test_an_address_close_under_the_suppliers_name_is_the_customers_after_its_heading() -> None:
    name = [(40, 60, "Oakham & Daughters Joinery Ltd")]
    address = block(380, 40, "The Old Mill, Weir Lane", "Settle", "North Yorkshire BD24 9AA")
    customer = block(40, 80, "To:", "Mrs P. Langley", "Rose House, 3 High Street", "Malham BD23 4DA")
    found = invoice([*name, *address, *customer, (40, 240, "Invoice")])
    assert found.supplier_name == "Oakham & Daughters Joinery Ltd"
    assert found.supplier_address == "The Old Mill, Weir Lane, Settle, North Yorkshire BD24 9AA"


def test_an_entry_in_a_register_is_no_address() -> None:
    head = [(40, 20, "M Ö W E"), (40, 40, "Seestraße 14 · 23730 Neustadt · Tel. 04561 5550")]
    foot = [(40, 780, "Hotel Möwe GmbH · Geschäftsführerin Anke Thomsen · HRB 8820 LB · USt-IdNr. DE136695976")]
    found = invoice([*head, *RECIPIENT, TITLE, *PROSE, *foot])
    assert found.supplier_name == "Hotel Möwe GmbH"
    assert found.supplier_address == "Seestraße 14, 23730 Neustadt"


def test_who_sells_on_a_marketplace_is_the_supplier_with_its_whole_legal_form() -> None:
    seller = block(
        380, 130, "Verkauft von", "Morgenrot Lampen UG", "(haftungsbeschränkt)", "Hafenstr. 118", "28217 Bremen"
    )
    foot = [(40, 780, "basarium Plattform GmbH, Am Ring 5, 10115 Berlin - basarium ist nicht Verkäufer der Ware.")]
    found = invoice(
        [
            (40, 40, "basarium"),
            *block(40, 130, "Rechnungsadresse", "Jan Peters", "Uferweg 8", "26122 Oldenburg"),
            *seller,
            TITLE,
            *foot,
        ]
    )
    assert found.supplier_name == "Morgenrot Lampen UG (haftungsbeschränkt)"
    assert found.supplier_address == "Hafenstr. 118, 28217 Bremen"


def test_a_self_billed_document_with_both_headings_keeps_what_they_say() -> None:
    issuer = block(
        40,
        80,
        "Issued by customer:",
        "Swiftline Couriers Ltd",
        "Depot 4",
        "Coventry CV3 4FJ",
        "VAT reg no: GB980780684",
    )
    supplier = block(320, 80, "Supplier:", "A. Mensah Transport", "18 Station Road", "Rugby CV21 3BX")
    found = invoice([(40, 40, "SELF-BILLED INVOICE"), *issuer, *supplier])
    assert (found.supplier_name, found.customer_name) == ("A. Mensah Transport", "Swiftline Couriers Ltd")
    assert (found.supplier_vat_id, found.customer_vat_id) == (None, "GB980780684")


def test_a_number_right_after_the_title_goes_before_a_reference_on_its_row() -> None:
    row = [(40, 240, "Nota de Crédito NC B/31"), (300, 240, "Ref.ª: FT B/207")]
    assert invoice([*SENDER, *RECIPIENT, *row]).invoice_number == "NC B/31"


def test_an_invoice_that_is_deducted_is_not_the_document_itself() -> None:
    deducted = [(40, 360, "./. 1. Abschlagsrechnung AR-2025-311 vom 30.11.2025"), (480, 360, "119,00 EUR")]
    keys = keyed(40, 200, 260, ("Ausgestellt am:", "10.03.2026"))
    found = invoice([*SENDER, *RECIPIENT, (40, 240, "Schlussrechnung SR-2026-044"), *keys, *deducted])
    assert (found.invoice_number, found.invoice_type) == ("SR-2026-044", "380")


def test_a_back_payment_is_what_is_due() -> None:
    totals = sums(
        360,
        ("Nettobetrag", "400,00 €"),
        ("zzgl. 19 % USt.", "76,00 €"),
        ("Bruttobetrag", "476,00 €"),
        ("abzüglich geleisteter Abschläge", "-400,00 €"),
        ("Nachzahlung, fällig am 09.02.2026", "76,00 €"),
        left=300,
    )
    found = invoice([*SENDER, *RECIPIENT, TITLE, *totals])
    assert (str(found.gross_total), str(found.amount_due)) == ("476.00", "76.00")


def test_a_person_over_her_trade_is_the_supplier() -> None:
    sender = block(
        40, 40, "Friederike Möller", "Satz & Korrektur", "Gartenstr. 21", "12055 Berlin", "f@moeller-satz.example"
    )
    found = invoice([*sender, *RECIPIENT, TITLE, *PROSE])
    assert (found.supplier_name, found.customer_name) == ("Friederike Möller", "Hotel Seerose OHG")
    assert found.supplier_address is not None
    assert found.supplier_address.endswith("12055 Berlin")


def test_whom_the_letter_greets_is_the_customer_though_only_the_letterhead_has_a_postal_code() -> None:
    sender = block(40, 40, "Knockbrack Farm Clinic", "Main Street, Knockbrack", "Co. Clare V95 E2C4")
    addressee = block(40, 130, "Mr. Tom Hallam", "Killare", "Co. Clare")
    letter = [(40, 200, "Dear Mr. Hallam,"), *PROSE]
    found = invoice([*sender, *addressee, (40, 180, "Invoice no. 2026-118"), *letter])
    assert found.supplier_name == "Knockbrack Farm Clinic"
    assert found.customer_name is not None
    assert found.customer_name.endswith("Tom Hallam")
