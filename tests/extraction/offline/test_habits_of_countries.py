"""Addresses, references and columns as invoices of other countries write them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cira_pipeline.extraction.offline.page.blocks import is_postal
from tests.extraction.offline.invented import Placed, block, extracted, invoice, keyed, reading, right, table

ADDRESSES = {
    "US number of four digits": (
        ("4156 County Road", "Austin, TX 78701"),
        ("4156 County Road", "78701", "Austin", "TX"),
    ),
    "US building": (
        ("6250 Harbor Pkwy, Suite 510", "Columbus, OH 43215"),
        ("6250 Harbor Pkwy, Suite 510", "43215", "Columbus", "OH"),
    ),
    "GB floor and house": (
        ("Suite 3, Albion House, 5 Mill Lane", "Leeds LS1 4AP"),
        ("Suite 3, Albion House, 5 Mill Lane", "LS1 4AP", "Leeds", None),
    ),
    "AU": (("Unit 4, 93 Wattle Street", "Hobart TAS 7000"), ("Unit 4, 93 Wattle Street", "7000", "Hobart", "TAS")),
    "CA": (("995 King Street West", "Edmonton AB T5J 2R7"), ("995 King Street West", "T5J 2R7", "Edmonton", "AB")),
    "IN with state": (
        ("17, Station Road", "Kolkata - 700016, West Bengal"),
        ("17, Station Road", "700016", "Kolkata", "West Bengal"),
    ),
    "IN without a street's name": (
        ("Shop No. 5, Lotus Market", "Pune - 411001"),
        ("Shop No. 5, Lotus Market", "411001", "Pune", None),
    ),
    "CH St.": (("Seeweg 3a", "9000 St. Gallen"), ("Seeweg 3a", "9000", "St. Gallen", None)),
}


def page(*more: Placed, customer: tuple[str, ...] = ("8 Shore Road", "Springfield, IL 62704")) -> list[Placed]:
    return [
        *block(40, 40, "Fernhill Trading Ltd", "12 Market Street", "London W1A 1AA"),
        *block(320, 40, "Bill to:", "Hotel Lakeside Inc", *customer),
        *keyed(40, 180, 150, ("Invoice No.:", "R-4711"), ("Invoice date:", "12 May 2026")),
        *table(
            300,
            [(40, 0, "Description"), right(300, 0, "Quantity"), right(400, 0, "Unit price"), right(555, 0, "Amount")],
            [[(40, 0, "Copper fitting"), right(300, 0, "10"), right(400, 0, "20.50"), right(555, 0, "205.00")]],
        ),
        (380, 350, "Total"),
        right(555, 350, "205.00"),
        *more,
    ]


@pytest.mark.parametrize(("lines", "parts"), ADDRESSES.values(), ids=ADDRESSES)
def test_the_parts_of_an_address_are_read_as_its_country_writes_them(
    lines: tuple[str, str], parts: tuple[str | None, ...]
) -> None:
    found = invoice(page(customer=lines))
    assert found.customer_address == ", ".join(lines)
    assert (found.customer_street, found.customer_postcode, found.customer_city, found.customer_region) == parts


def test_the_postal_code_after_two_spaces_belongs_to_its_town() -> None:
    town = ((320.0, 66.0, "8 Shore Road"), (320.0, 79.0, "Laval QC"), (376.0, 79.0, "H7A 1B1"))
    found = invoice(page(*town, customer=()))
    assert (found.customer_city, found.customer_region, found.customer_postcode) == ("Laval", "QC", "H7A 1B1")


@pytest.mark.parametrize(
    ("text", "postal"),
    [
        ("4156 County Road 68", False),
        ("75001 Paris", True),
        ("9000 St. Gallen", True),
        ("80120 Rue", True),
        ("7270 Davos Platz", True),
    ],
)
def test_the_number_of_a_house_is_no_postal_code(text: str, postal: bool) -> None:
    assert is_postal(text) is postal


def test_account_no_is_the_customers_number_where_no_bank_is_named_around_it() -> None:
    pair = keyed(40, 180, 180, ("Account No.:", "93817"))
    bank = block(320, 700, "First Prairie Bank", "Routing number: 053899459", "Account no.: 6213579311")
    found = invoice(page(*pair, *bank))
    assert (found.customer_number, found.payment_account) == ("93817", "6213579311")
    assert invoice(page(*bank)).customer_number is None


def test_transit_and_institution_in_one_code_are_the_routing_of_a_canadian_account() -> None:
    found = invoice(page(*block(40, 700, "Maritime Savings", "Transit-Institution: 79946-991", "Account No.: 5489147")))
    row = found.payment_accounts[0]
    assert (row.scheme, row.account, row.routing) == ("TRANSIT", "5489147", "79946991")


def test_a_swiss_reference_that_the_line_cuts_is_whole() -> None:
    lines = ("Referenznummer 71 71472 87028 49658 41200", "00623", "Vielen Dank")
    assert invoice(page(*block(40, 500, *lines))).payment_reference == "717147287028496584120000623"
    wrong = ("Referenznummer 71 71472 87028 49658 41200", "00624", "Vielen Dank")
    assert invoice(page(*block(40, 500, *wrong))).payment_reference != "717147287028496584120000624"


def test_a_delivery_address_on_the_line_of_its_heading_needs_no_colon() -> None:
    found = invoice(page((40, 220, "Ship To The Dock Mill Ltd, 4 Dock Road, Leeds LS1 4AP")))
    assert (found.delivery_name, found.delivery_address) == ("The Dock Mill Ltd", "4 Dock Road, Leeds LS1 4AP")


def test_terms_of_late_payment_are_a_sentence_and_not_a_fee() -> None:
    text = "Interest of 10% p.a. applies to overdue accounts."
    assert invoice(page((40, 600, text))).late_payment_terms == text
    assert invoice(page((40, 600, "Late fee"), right(200, 600, "5.00"))).late_payment_terms is None
    assert invoice(page((40, 600, text), (40, 620, "A late fee of 5.00 is charged."))).late_payment_terms is None


def test_a_number_with_the_code_of_its_country_is_a_phone_without_a_label() -> None:
    head = "Hamngatan 1 | 582 24 Town | +46 8 465 008 19 | faktura@fernhill.example"
    assert invoice(page((40, 90, head))).supplier_phone == "+46 8 465 008 19"


def test_the_contact_of_the_supplier_is_a_person() -> None:
    assert invoice(page(*keyed(40, 180, 180, ("Contact", "Derek Petrakis")))).supplier_contact == "Derek Petrakis"
    assert invoice(page(*keyed(40, 180, 180, ("Contact", "see below")))).supplier_contact is None


def test_line_numbers_and_two_columns_of_codes_are_told_apart() -> None:
    heads: list[Placed] = [(40, 0, "#"), (60, 0, "Item Code"), (130, 0, "Description"), (260, 0, "HSN Code")]
    heads += [right(350, 0, "Quantity"), right(440, 0, "Unit price"), right(555, 0, "Amount")]

    def row(number: str, code: str, text: str, hsn: str, amount: str) -> list[Placed]:
        cells = [(40.0, 0.0, number), (60.0, 0.0, code), (130.0, 0.0, text), (260.0, 0.0, hsn)]
        return [*cells, right(350, 0, "1"), right(440, 0, amount), right(555, 0, amount)]

    rows = [row("1", "92982", "Lever arch file", "4820", "38.00"), row("2", "77114", "Setup", "998313", "52.00")]
    texts = [*page()[:9], *table(300, heads, rows), (380, 360, "Total"), right(555, 360, "90.00")]
    first, second = extracted(reading(texts)).invoice.line_items
    assert (first.line_id, first.seller_item_id, first.classification) == ("1", "92982", "4820")
    assert (first.classification_scheme, second.classification_scheme) == ("HSN", "SAC")
    assert (second.line_id, second.net_amount) == ("2", Decimal("52.00"))


def test_amounts_without_gst_are_the_net_amounts_of_lines() -> None:
    heads = [(40, 0, "Details"), right(300, 0, "Quantity"), right(400, 0, "Price"), right(555, 0, "Amount ex GST")]
    rows = [[(40, 0, "Site survey"), right(300, 0, "2"), right(400, 0, "100.00"), right(555, 0, "200.00")]]
    sums = [("Total ex GST", "200.00"), ("GST 10%", "20.00"), ("Total inc GST", "220.00")]
    texts = [
        placed
        for at, (key, value) in enumerate(sums)
        for placed in ((380.0, 360.0 + 15 * at, key), right(555, 360 + 15 * at, value))
    ]
    (line,) = invoice([*page()[:9], *table(300, heads, rows), *texts]).line_items
    assert line.net_amount == Decimal("200.00")
