"""What an invoice states beside numbers and amounts: references, dates, contacts, addresses and item codes."""

from __future__ import annotations

from datetime import date

import pytest

from tests.extraction.offline.invented import Placed, block, evidence, extracted, invoice, keyed, reading, right, table


def page(*pairs: tuple[str, str], supplier: tuple[str, ...] = (), foot: tuple[str, ...] = ()) -> list[Placed]:
    return [
        *block(40, 40, "Fernhill Trading Ltd", "12 Market Street", "London W1A 1AA", *supplier),
        *block(320, 40, "Bill to:", "Hotel Lakeside Inc", "8 Shore Road", "Springfield, IL 62704"),
        *keyed(40, 200, 200, ("Invoice No.:", "R-4711"), ("Invoice date:", "12 May 2026"), *pairs),
        *block(40, 780, *foot),
    ]


REFERENCES = {
    "customer_number": ("Customer No.:", "K-10077"),
    "buyer_reference": ("Your reference:", "FL/88-2"),
    "contract_reference": ("Contract No.:", "C-2026-18"),
    "project_reference": ("Project No.:", "P 4410"),
    "sales_order": ("Sales order no:", "SO-55110"),
    "delivery_note": ("Delivery note:", "DN-20931"),
}


@pytest.mark.parametrize("field", REFERENCES)
def test_a_reference_is_read_and_never_taken_for_number_or_order(field: str) -> None:
    label, value = REFERENCES[field]
    found = extracted(reading(page((label, value))))
    assert getattr(found.invoice, field) == value
    assert (found.invoice.invoice_number, found.invoice.purchase_order) == ("R-4711", None)
    assert evidence(found, field).text == value


@pytest.mark.parametrize("field", REFERENCES)
def test_two_different_values_of_a_reference_are_left_out(field: str) -> None:
    label, value = REFERENCES[field]
    assert getattr(invoice(page((label, value), (label, f"{value}9"))), field) is None


@pytest.mark.parametrize("value", ["see below", "12 May 2026", "-"])
def test_a_label_without_a_code_gives_no_reference(value: str) -> None:
    assert invoice(page(("Customer No.:", value))).customer_number is None


def test_delivery_date_tax_point_and_period_are_read() -> None:
    found = invoice(
        page(
            ("Delivery date:", "13 May 2026"),
            ("Time of supply:", "14 May 2026"),
            ("Billing period:", "15 April 2026 - 14 May 2026"),
        )
    )
    assert (found.issue_date, found.delivery_date, found.tax_point_date) == (
        date(2026, 5, 12),
        date(2026, 5, 13),
        date(2026, 5, 14),
    )
    assert (found.period_start, found.period_end) == (date(2026, 4, 15), date(2026, 5, 14))


def test_a_delivery_date_of_unknown_order_is_left_out() -> None:
    assert invoice(page(("Delivery date:", "03/04/2026"))).delivery_date is None


def test_contacts_and_register_are_the_suppliers() -> None:
    found = invoice(
        page(
            supplier=("Tel: +44 20 7946 0018", "sales@fernhill.example", "Company No. 04812299"),
        )
    )
    assert (found.supplier_phone, found.supplier_email) == ("+44 20 7946 0018", "sales@fernhill.example")
    assert found.supplier_registration == "04812299"
    assert (found.customer_phone, found.customer_email, found.customer_registration) == (None, None, None)


def test_a_german_register_is_read_with_its_section() -> None:
    found = invoice(page(foot=("Amtsgericht Kiel HRB 12345",)))
    assert found.supplier_registration == "HRB 12345"


def test_the_customers_mail_is_not_the_suppliers() -> None:
    placed = [*page(), (320, 40 + 13 * 4, "accounts@lakeside.example")]
    found = invoice(placed)
    assert (found.supplier_email, found.customer_email) == (None, "accounts@lakeside.example")


def test_parts_of_addresses_and_their_countries_are_read_where_their_form_is_known() -> None:
    found = invoice(page())
    assert (found.supplier_street, found.supplier_city, found.supplier_postcode) == (
        "12 Market Street",
        "London",
        "W1A 1AA",
    )
    assert (found.customer_city, found.customer_region, found.customer_postcode) == ("Springfield", "IL", "62704")
    assert (found.supplier_country, found.customer_country) == ("GB", "US")


def test_a_country_is_taken_from_the_address_before_the_tax_id() -> None:
    placed = [
        *block(
            40,
            40,
            "Nordlicht Bürotechnik GmbH",
            "Hafenstraße 14",
            "24103 Kiel",
            "Deutschland",
            "VAT ID: NL810433941B01",
        ),
        *block(40, 160, "Hotel Seerose OHG", "Uferpromenade 8", "78464 Konstanz"),
        *keyed(40, 300, 200, ("Rechnungsnummer:", "77")),
    ]
    found = invoice(placed)
    assert (found.supplier_country, found.supplier_postcode, found.supplier_city) == ("DE", "24103", "Kiel")
    assert found.customer_country is None


def test_the_address_of_delivery_is_read_beside_the_customers() -> None:
    placed = [*page(), *block(320, 130, "Ship to:", "Lakeside Annex", "9 Shore Road", "Springfield, IL 62704")]
    found = invoice(placed)
    assert (found.customer_name, found.delivery_name) == ("Hotel Lakeside Inc", "Lakeside Annex")
    assert (found.delivery_address, found.delivery_country) == ("9 Shore Road, Springfield, IL 62704", "US")


def lines(heading: str, *codes: str) -> list[Placed]:
    head = [
        (40.0, 0.0, heading),
        (150.0, 0.0, "Description"),
        right(380, 0, "Qty"),
        right(460, 0, "Unit price"),
        right(545, 0, "Amount"),
    ]
    rows = [
        [
            (40.0, 0.0, code),
            (150.0, 0.0, f"Garden chair {name}"),
            right(380, 0, "2"),
            right(460, 0, "50.00"),
            right(545, 0, "100.00"),
        ]
        for code, name in zip(codes, ("oak", "teak", "pine"), strict=False)
    ]
    return [*page(), *table(330, head, rows), (320, 420, "Net total"), right(545, 420, "200.00")]


@pytest.mark.parametrize(
    ("heading", "codes", "fields"),
    [
        ("Item no", ("GC-100", "GC-101"), ("seller_item_id", None, None)),
        ("HSN/SAC", ("9401", "9403"), ("classification", "classification_scheme", "HSN")),
        ("EAN", ("4006381333931", "5901234123457"), ("standard_item_id", "standard_item_scheme", "0160")),
    ],
)
def test_codes_of_lines_are_read_from_their_column(
    heading: str, codes: tuple[str, str], fields: tuple[str, str | None, str | None]
) -> None:
    found = extracted(reading(lines(heading, *codes)))
    name, scheme, value = fields
    assert [getattr(item, name) for item in found.invoice.line_items] == list(codes)
    assert [item.description for item in found.invoice.line_items] == ["Garden chair oak", "Garden chair teak"]
    if scheme is not None:
        assert {getattr(item, scheme) for item in found.invoice.line_items} == {value}
    assert evidence(found, f"line_items[0].{name}").text == codes[0]


def test_numbers_of_positions_are_no_item_numbers() -> None:
    found = invoice(lines("Pos", "1", "2"))
    assert [(item.line_id, item.seller_item_id) for item in found.line_items] == [("1", None), ("2", None)]


def test_a_gtin_with_a_wrong_check_digit_is_none() -> None:
    found = invoice(lines("EAN", "4006381333932", "5901234123458"))
    assert {item.standard_item_id for item in found.line_items} == {None}


def test_numbers_under_item_no_are_item_numbers_unless_they_count_the_lines() -> None:
    assert [item.seller_item_id for item in invoice(lines("Item no", "123", "444")).line_items] == [None, None]
    assert [item.line_id for item in invoice(lines("Item no", "10", "20")).line_items] == ["10", "20"]
    assert [item.seller_item_id for item in invoice(lines("Item no", "10-A", "20-B")).line_items] == ["10-A", "20-B"]


def test_the_suppliers_own_order_number_is_no_purchase_order_elsewhere_on_the_page() -> None:
    placed = page(("Sales order no:", "2830188"))
    found = invoice([*placed, (40, 300, "Order 2830188 / Invoice R-4711")])
    assert (found.sales_order, found.purchase_order) == ("2830188", None)


def test_a_project_named_in_a_sentence_is_no_reference() -> None:
    assert invoice([*page(), (40, 300, "Thank you for the project 4471 last month")]).project_reference is None


def test_the_suppliers_mail_among_the_customers_lines_stays_the_suppliers() -> None:
    found = invoice([*page(), (320, 40 + 13 * 4, "E-mail: jane@fernhill.example")])
    assert (found.supplier_email, found.customer_email) == ("jane@fernhill.example", None)
