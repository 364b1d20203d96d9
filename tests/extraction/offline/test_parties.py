"""Who bills and who is billed: headings, letterheads, windows, VAT ids and accounts."""

from __future__ import annotations

import pytest

from tests.extraction.offline.invented import (
    RECIPIENT,
    SENDER,
    Placed,
    block,
    evidence,
    extracted,
    invoice,
    keyed,
    reading,
)

TITLE = (40, 240, "Rechnung")
# A page as wide as this is no till roll's.
PROSE = block(
    40, 270, *["Sehr geehrte Damen und Herren, wir berechnen Ihnen unsere Lieferung von Möbeln und deren Montage:"] * 3
)


@pytest.mark.parametrize(
    "heading",
    [
        "Bill to",
        "Rechnung an",
        "Facturé à",
        "Factuuradres",
        "Facturar a",
        "Spett.le",
        "Exmo.(s) Sr.(s)",
        "Nabywca",
        "Kund",
        "Kunde",
    ],
)
def test_the_name_under_a_heading_is_the_customers(heading: str) -> None:
    found = invoice([*SENDER, *block(320, 130, heading, "Redwing Analytics", "Parkweg 7", "10115 Berlin")])
    assert found.customer_name == "Redwing Analytics"
    assert found.customer_address == "Parkweg 7, 10115 Berlin"


def test_the_company_of_the_letterhead_is_the_supplier_and_the_window_the_customer() -> None:
    found = invoice([*SENDER, *RECIPIENT, TITLE, *PROSE])
    assert (found.supplier_name, found.customer_name) == ("Nordlicht Bürotechnik GmbH", "Hotel Seerose OHG")
    assert found.supplier_address == "Hafenstraße 14, 24103 Kiel"


def test_a_name_with_a_street_word_in_it_is_a_name() -> None:
    found = invoice(
        [*SENDER, *block(320, 130, "Bill to", "Harper & Lane Architects", "350 5th Avenue", "New York, NY 10118")]
    )
    assert found.customer_name == "Harper & Lane Architects"


def test_a_department_is_no_part_of_the_address() -> None:
    lines = (
        "Bill to",
        "Ashdown School Ltd",
        "Accounts Payable",
        "Suite 22, Albion House, 1 Mill Lane",
        "Leeds LS9 8AG",
    )
    found = invoice([*SENDER, *block(320, 130, *lines)])
    assert found.customer_address == "Suite 22, Albion House, 1 Mill Lane, Leeds LS9 8AG"


def test_a_contact_of_the_customer_is_not_the_supplier() -> None:
    recipient = block(40, 130, "Bakkerij De Molen", "t.a.v. Sanne de Wit", "Dorpsstraat 9", "7411 JB Deventer")
    sender = block(380, 40, "Bloemenhandel Zonneveld", "Veilingweg 8", "1431 GN Aalsmeer", "info@zonneveld-bloemen.nl")
    found = invoice([*sender, *recipient, (40, 240, "Factuur")])
    assert (found.supplier_name, found.customer_name) == ("Bloemenhandel Zonneveld", "Bakkerij De Molen")


def test_a_key_of_a_payment_slip_is_no_customer() -> None:
    slip = keyed(320, 420, 700, ("Customer", "Bayside Clinic"), ("Amount due", "14.10"))
    assert invoice([*SENDER, TITLE, *slip]).customer_name == "Bayside Clinic"


def test_the_suppliers_id_stays_the_suppliers_though_it_stands_under_the_customers_heading() -> None:
    address = block(40, 130, "Customer:", "Ashworth Solicitors", "66 High Street", "Norwich NR1 3QF")
    keys = [(40, 240, "Invoice"), *keyed(40, 140, 280, ("Invoice no.:", "202"), ("VAT number:", "GB980780684"))]
    found = invoice([*block(380, 40, "Rahman Workplace plc", "Riverside Park", "Cardiff CF10 4UW"), *address, *keys])
    assert (found.supplier_vat_id, found.customer_vat_id) == ("GB980780684", None)


def test_each_side_gets_the_id_its_label_says() -> None:
    keys = keyed(380, 480, 130, ("Ihre USt-IdNr.:", "ATU13585627"))
    found = invoice([*SENDER, *RECIPIENT, *keys, TITLE])
    assert (found.supplier_vat_id, found.customer_vat_id) == ("DE136695976", "ATU13585627")


def test_check_digits_make_an_id_surer() -> None:
    def confidence(number: str) -> float:
        sender = block(40, 40, "Nordlicht GmbH", "Hafenstraße 14", "24103 Kiel", f"USt-IdNr. {number}")
        return evidence(extracted(reading([*sender, *RECIPIENT, TITLE, *PROSE])), "supplier_vat_id").confidence

    assert confidence("DE136695976") > 0.95 > 0.8 > confidence("DE136695977")


def test_an_account_that_goes_on_in_the_next_line_is_kept_whole() -> None:
    lines = block(40, 700, "Bank: Sparkasse Kiel, IBAN: DE89 3704 0044", "0532 0130 00, BIC: COBADEFFXXX")
    found = extracted(reading([*SENDER, *lines]))
    assert found.invoice.payment_iban == "DE89370400440532013000"
    assert [entry.text for entry in found.evidence if entry.field == "payment_iban"] == [
        "DE89 3704 0044",
        "0532 0130 00",
    ]


def test_half_an_account_is_none() -> None:
    lines = block(40, 700, "Bank: Sparkasse Kiel, IBAN: DE89 3704 0044", "0532 0130 01, BIC: COBADEFFXXX")
    assert invoice([*SENDER, *lines]).payment_iban is None


def test_text_that_ocr_glued_to_an_account_is_cut_off() -> None:
    assert invoice([*SENDER, (40, 700, "IBAN: DE89370400440532013000BIC: COBADEFF")], source="ocr").payment_iban == (
        "DE89370400440532013000"
    )


def test_letters_typed_for_digits_are_mended_where_check_digits_prove_it() -> None:
    found = extracted(reading([*SENDER, (40, 700, "IBAN: DE89 37O4 OO44 O532 O13O OO")]))
    assert found.invoice.payment_iban == "DE89370400440532013000"
    repaired = [finding.fields for finding in found.findings if finding.rule == "offline.check_digit_repair"]
    assert ("payment_iban",) in repaired
    assert invoice([*SENDER, (40, 700, "IBAN: DE89 37O4 OO44 O532 O13O O1")]).payment_iban != "DE89370400440532013000"


def test_a_misread_digit_is_mended_only_where_check_digits_prove_it() -> None:
    found = extracted(reading([*SENDER, (40, 700, "IBAN DE89 37O4 0044 0532 0130 00")], source="ocr"))
    assert found.invoice.payment_iban == "DE89370400440532013000"
    assert any(finding.rule == "offline.check_digit_repair" for finding in found.findings)
    assert invoice([*SENDER, (40, 700, "IBAN DE89 37O4 0044 0532 0130 01")], source="ocr").payment_iban != (
        "DE89370400440532013001"
    )


def test_several_accounts_are_told() -> None:
    found = extracted(
        reading([*SENDER, (40, 700, "IBAN DE89 3704 0044 0532 0130 00"), (40, 720, "IBAN GB29 NWBK 6016 1331 9268 19")])
    )
    assert any(finding.rule == "offline.several_accounts" for finding in found.findings)
    assert evidence(found, "payment_iban").confidence < 0.8


def test_the_registered_company_goes_before_a_brand_at_its_own_address() -> None:
    brand = block(40, 60, "Lieferant", "ZWEITMARKE GMBH", "HAFENSTRASSE 14", "24103 KIEL")
    legal = block(40, 780, "NORDLICHT GMBH", "HAFENSTRASSE 14", "24103 KIEL")
    register: list[Placed] = [(240, 780, "HRB 7312 KI"), (240, 793, "www.nordlicht.example")]
    found = invoice(
        [*brand, *block(240, 60, "Käufer", "Hotel Seerose OHG", "Uferweg 8", "78464 Konstanz"), *legal, *register]
    )
    assert found.supplier_name == "NORDLICHT GMBH"


def test_a_company_of_another_town_does_not_displace_the_one_that_is_named() -> None:
    named = block(40, 60, "Lieferant", "ZWEITMARKE GMBH", "HAFENSTRASSE 14", "24103 KIEL")
    other = block(40, 780, "NORDLICHT GMBH", "SEEWEG 1", "20095 HAMBURG")
    register: list[Placed] = [(240, 780, "HRB 7312 KI"), (240, 793, "www.nordlicht.example")]
    found = invoice(
        [*named, *block(240, 60, "Käufer", "Hotel Seerose OHG", "Uferweg 8", "78464 Konstanz"), *other, *register]
    )
    assert found.supplier_name == "ZWEITMARKE GMBH"


@pytest.mark.parametrize(
    "lines",
    [
        ("Der Betrag wird am 15.03.2024 von Ihrem Konto", "DE89 3704 0044 0532 0130 00 abgebucht."),
        ("We will collect 238.00 EUR on 15 March 2024 from your account GB29NWBK60161331926819.",),
        ("Montant prélevé sur votre compte FR14 2004 1010 0505 0001 3M02 606 le 15/03/2024",),
        ("Domiciliación bancaria: ES91 2100 0418 4502 0005 1332",),
        ("Het bedrag wordt rond 15-03-2024 afgeschreven van", "NL91 ABNA 0417 1643 00."),
        ("Ihre IBAN: DE89370400440532013001",),
    ],
)
def test_the_account_that_is_debited_is_none_to_pay_to(lines: tuple[str, ...]) -> None:
    assert invoice([*SENDER, *block(40, 700, *lines)]).payment_iban is None


def test_the_suppliers_account_stays_beside_the_one_that_could_be_debited() -> None:
    lines = block(
        40,
        700,
        "Bitte überweisen Sie auf unser Konto DE89 3704 0044 0532 0130 00. Einfacher ist ein",
        "Mandat: dann buchen wir von Ihrem Konto ab.",
        "",
        "Zuletzt eingezogen von Ihrem Konto AT61 1904 3002 3457 3201.",
    )
    found = extracted(reading([*SENDER, *lines]))
    assert found.invoice.payment_iban == "DE89370400440532013000"
    assert not [finding for finding in found.findings if "several_accounts" in finding.rule]
