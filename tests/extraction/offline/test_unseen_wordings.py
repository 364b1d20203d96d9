"""Header fields as companies print them whose layouts nobody has seen: each page is invented."""

from __future__ import annotations

import pytest

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.header.currency import currency
from tests.extraction.offline.invented import RECIPIENT, SENDER, Placed, block, invoice, keyed, reading

SAME = [*SENDER, *RECIPIENT]
TITLE = (40, 240, "Rechnung")


@pytest.mark.parametrize(
    ("printed", "iso"), [("03.III.2026", "2026-03-03"), ("12 XI 2025", "2025-11-12"), ("9.IV.2026", "2026-04-09")]
)
def test_a_roman_month_is_a_month(printed: str, iso: str) -> None:
    assert str(invoice([*SAME, *keyed(380, 490, 130, ("Data wystawienia:", printed))]).issue_date) == iso


def test_the_date_of_an_order_on_the_titles_line_is_not_the_issue_date() -> None:
    letter = [
        (40, 220, "Lausanne, le 9 mars 2026"),
        (40, 240, "Facture N° 26/0044 - Votre commande 712 du 2 mars 2026"),
    ]
    found = invoice([*SAME, *letter])
    assert (str(found.issue_date), found.invoice_number) == ("2026-03-09", "26/0044")


def test_a_column_of_dates_dates_its_rows() -> None:
    list_of_trips: list[Placed] = []
    for top, cells in zip(
        (300, 315, 330),
        (
            ("ALBARAN", "FECHA", "TRAYECTO"),
            ("17/26", "08-ENE-2026", "Lugo - Porto"),
            ("21/26", "22-ENE-2026", "Lugo - Vigo"),
        ),
        strict=True,
    ):
        list_of_trips += [(left, top, text) for left, text in zip((40, 180, 340), cells, strict=True)]
    keys = [(40, 200, "FACTURA"), (180, 200, "FECHA"), (40, 215, "B/26/77"), (180, 215, "31-ENE-2026")]
    assert str(invoice([*SAME, *keys, *list_of_trips]).issue_date) == "2026-01-31"


def test_a_date_of_birth_is_no_date_of_the_invoice() -> None:
    keys = keyed(380, 490, 130, ("Geburtsdatum:", "22.05.1961"), ("Datum:", "12.03.2026"))
    assert str(invoice([*SAME, TITLE, *keys]).issue_date) == "2026-03-12"


def test_the_invoice_that_a_spanish_correction_rectifies_is_not_the_document_itself() -> None:
    keys = block(
        320,
        130,
        "FACTURA RECTIFICATIVA",
        "Nº: R26/0003",
        "Fecha: 16/02/2026",
        "Factura rectificada: F26/0188",
        "Fecha factura rectificada: 28/01/2026",
    )
    found = invoice([*SENDER, *keys])
    assert (found.invoice_number, str(found.issue_date)) == ("R26/0003", "2026-02-16")


def test_a_payment_reference_is_not_the_invoices_number() -> None:
    row = [(40, 260, "Att betala"), (180, 260, "OCR/Referensnr"), (40, 275, "399,00 kr"), (180, 275, "77120442019")]
    found = invoice([*SAME, (400, 40, "Fakturanr 7 712 044 201"), *row])
    assert found.invoice_number == "7 712 044 201"


def test_a_town_beside_the_label_is_not_the_number_under_it() -> None:
    columns = [
        *block(220, 130, "Invoice Date", "5 Mar 2026", "Invoice Number", "INV-0077"),
        *block(380, 130, "Wattle Fencing Pty Ltd", "9 Ferry Rd", "MURRAY BRIDGE SA 5253", "AUSTRALIA"),
    ]
    found = invoice(
        [(40, 40, "Tax Invoice"), *block(40, 130, "Wirrabara Council", "PO Box 12", "BERRI SA 5343"), *columns]
    )
    assert found.invoice_number == "INV-0077"
    assert found.customer_address == "PO Box 12, BERRI SA 5343"
    assert found.purchase_order is None


def test_the_prefix_of_an_order_number_belongs_to_it() -> None:
    assert invoice([*SAME, *keyed(380, 490, 130, ("uw kenmerk", "PO-KDX-3310"))]).purchase_order == "PO-KDX-3310"


@pytest.mark.parametrize("label", ["INVOICE #", "INVOICE NO."])
def test_a_number_sign_announces_the_number_under_it(label: str) -> None:
    heads = [(40, 200, label), (160, 200, "ISSUED"), (280, 200, "DUE")]
    values = [(40, 215, "ABX-0418"), (160, 215, "27 Feb 2026"), (280, 215, "29 Mar 2026")]
    found = invoice([*SAME, *heads, *values])
    assert (found.invoice_number, str(found.due_date)) == ("ABX-0418", "2026-03-29")


def test_letters_set_far_apart_are_a_title() -> None:
    letters: list[Placed] = [(100.0 + 30 * index, 220.0, letter) for index, letter in enumerate("INVOICE")]
    assert invoice([*SAME, *letters]).invoice_type == "380"


# A page as wide as this is no till roll's.
PROSE = block(
    40, 270, *["Sehr geehrte Damen und Herren, wir rechnen die folgenden Lieferungen von Möbeln und Holz ab:"] * 3
)
SELF_BILLED = [
    *SENDER,
    *RECIPIENT,
    *PROSE,
    (40, 240, "Gutschrift"),
    (40, 255, "Abrechnung im Gutschriftverfahren"),
    (40, 500, "Ihre USt-IdNr.: DE136695976"),
]


def test_a_self_billed_document_is_the_addressees_invoice() -> None:
    found = invoice(SELF_BILLED)
    assert found.invoice_type == "389"
    assert (found.supplier_name, found.customer_name) == ("Hotel Seerose OHG", "Nordlicht Bürotechnik GmbH")
    assert found.supplier_vat_id == "DE136695976"


def test_a_credit_note_that_is_not_self_billed_keeps_its_parties() -> None:
    found = invoice([*SENDER, *RECIPIENT, *PROSE, (40, 240, "Gutschrift")])
    assert found.invoice_type == "381"
    assert (found.supplier_name, found.customer_name) == ("Nordlicht Bürotechnik GmbH", "Hotel Seerose OHG")


def test_a_copys_mark_over_the_address_is_no_name() -> None:
    found = invoice(
        [*SENDER, *PROSE, *block(40, 130, "Original", "Padaria Ribeirinha", "Rua Direita 15", "4000-062 Porto")]
    )
    assert found.customer_name == "Padaria Ribeirinha"


def test_the_payer_on_a_swiss_payment_slip_is_the_customer() -> None:
    slip = [
        *block(40, 640, "Konto / Zahlbar an", "Aare Velo AG", "Gasse 1", "3011 Bern"),
        *block(40, 700, "Zahlbar durch", "Verein Lorraine", "Postfach", "3013 Bern"),
    ]
    found = invoice([*block(40, 40, "Aare Velo AG", "Gasse 1", "3011 Bern"), (40, 240, "Rechnung 26-77"), *slip])
    assert found.customer_name == "Verein Lorraine"


def test_a_sentence_that_begins_like_the_payers_heading_names_nobody() -> None:
    found = invoice([*SAME, (40, 240, "Facture 26-77"), *PROSE, (40, 400, "Payable par virement sous 30 jours")])
    assert found.customer_name == "Hotel Seerose OHG"


def test_the_currency_of_a_second_bank_account_is_not_the_invoices() -> None:
    accounts = block(40, 700, "Bank EUR NL91 ABNA 0417 1643 00", "Bank USD NL02 ABNA 0123 4567 89")
    found = currency(Facts(reading([*SAME, (40, 400, "TOTAL EUR"), (200, 400, "740.00"), *accounts])))
    assert found is not None
    assert found.value == "EUR"


def test_a_czech_invoice_is_read() -> None:
    found = invoice(
        [
            (40, 30, "Faktura - daňový doklad č. 260100077"),
            *block(40, 60, "Dodavatel:", "Truhlářství Rybín s.r.o.", "Polní 9", "602 00 Brno"),
            *block(320, 60, "Odběratel:", "Penzion Hrad a.s.", "Zámecká 20", "602 00 Brno"),
            *keyed(320, 460, 150, ("Datum vystavení:", "05.03.2026"), ("DUZP:", "28.02.2026")),
            (320, 190, "Datum splatnosti: 19.03.2026"),
            (320, 400, "Celkem k úhradě"),
            (460, 400, "20 608,00 Kč"),
        ]
    )
    assert (found.invoice_number, found.currency) == ("260100077", "CZK")
    assert (str(found.issue_date), str(found.due_date)) == ("2026-03-05", "2026-03-19")
    assert (found.supplier_name, found.customer_name) == ("Truhlářství Rybín s.r.o.", "Penzion Hrad a.s.")


def test_a_finnish_invoice_is_read() -> None:
    keys = keyed(
        320,
        460,
        60,
        ("Laskun numero", "40077"),
        ("Laskun päivämäärä", "2.3.2026"),
        ("Eräpäivä", "16.3.2026"),
        ("Viitenumero", "400777"),
    )
    found = invoice([(40, 30, "Saimaan Puu Oy"), (320, 30, "LASKU"), *keys, (40, 400, "Maksettava yhteensä EUR 99,00")])
    assert (found.invoice_number, str(found.issue_date)) == ("40077", "2026-03-02")
    assert (str(found.due_date), found.invoice_type) == ("2026-03-16", "380")


def test_a_norwegian_invoice_is_in_norwegian_kroner() -> None:
    keys = keyed(320, 460, 60, ("Fakturanr.", "10077"), ("Forfallsdato", "14.03.2026"), ("KID", "00100771004"))
    sums = keyed(320, 460, 400, ("Beløp eks. mva", "100,00 kr"), ("Mva 25 %", "25,00 kr"), ("Å betale", "125,00 kr"))
    found = invoice([(40, 30, "Lofoten Bygg AS"), (320, 30, "Faktura"), *keys, *sums])
    assert (found.invoice_number, str(found.due_date), found.currency) == ("10077", "2026-03-14", "NOK")


@pytest.mark.parametrize(
    ("sign", "code"), [("CA$", "CAD"), ("S$", "SGD"), ("A$", "AUD"), ("HK$", "HKD"), ("NZ$", "NZD"), ("US$", "USD")]
)
def test_a_dollars_country_is_read_from_its_sign(sign: str, code: str) -> None:
    sums = keyed(320, 460, 400, ("Subtotal", f"{sign}100.00"), ("Tax", f"{sign}5.00"), ("Total", f"{sign}105.00"))
    assert invoice([*SAME, (40, 240, "Invoice"), *sums]).currency == code


def test_a_hidden_account_is_no_account() -> None:
    assert invoice([*SAME, (40, 600, "IBAN: ES66 2100 0418 40** ******** ****")]).payment_iban is None


def test_a_number_that_begins_like_a_date_is_a_number() -> None:
    found = invoice([*SAME, (40, 240, "FAKTURA KORYGUJĄCA NR 17/03/2026/K")])
    assert found.invoice_number == "17/03/2026/K"


def test_a_pro_forma_invoice_is_told_from_an_invoice() -> None:
    assert invoice([*SAME, (40, 240, "PRO FORMA INVOICE"), (40, 255, "No: PF-2026/44")]).invoice_type == "325"


def test_a_final_invoices_number_stands_after_its_title() -> None:
    assert invoice([*SAME, (40, 240, "Schlussrechnung SR-2026-077")]).invoice_number == "SR-2026-077"


def test_the_greeting_of_a_letter_names_no_supplier() -> None:
    sender = block(40, 40, "Knockbrack Farm Clinic", "Main Street, Knockbrack", "Co. Clare V95 E2C4")
    letter = [(40, 200, "Dear Mr. Hallam"), (40, 220, "for our services in February we charge a fee of 412.00 EUR.")]
    addressee = block(40, 130, "Mr. Tom Hallam", "Killare", "Co. Clare")
    found = invoice([*sender, *addressee, *letter])
    assert "Dear" not in (found.supplier_name or "")
