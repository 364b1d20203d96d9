"""A customer whom a heading or a key names is never the supplier: the payment would be booked to the wrong company."""

from __future__ import annotations

import pytest

from tests.extraction.offline.invented import Placed, block, invoice, keyed

SUPPLIER = block(
    40, 40, "Northgate Industrial Spares Limited", "9 Foundry Road, Sheffield S9 2QL", "VAT No GB 987 6543 21"
)
NUMBER = keyed(380, 480, 40, ("Invoice number", "NIS-55810"), ("Date", "21/10/2026"))


@pytest.mark.parametrize("heading", ["Customer", "Bill to", "Invoice to:", "Sold to"])
def test_a_customer_in_one_printed_line_under_its_heading(heading: str) -> None:
    line = "Hallam Packaging plc, Gate 3, Works Lane, Rotherham S60 1AA"
    found = invoice([*SUPPLIER, *NUMBER, *block(40, 140, heading, line)])
    assert found.supplier_name == "Northgate Industrial Spares Limited"
    assert found.supplier_vat_id == "GB987654321"
    assert found.customer_name == "Hallam Packaging plc"
    assert found.customer_address is not None
    assert found.customer_address.startswith("Gate 3, Works Lane")


def test_a_sender_line_over_an_address_is_not_the_customer() -> None:
    lines = ("Nordlicht GmbH, Hafenstraße 14, 24103 Kiel", "Hotel Seerose OHG", "Uferpromenade 8", "78464 Konstanz")
    assert invoice([*NUMBER, *block(40, 140, "Rechnung an", *lines)]).customer_name == "Hotel Seerose OHG"


def test_to_beside_a_name_and_above_an_address_is_the_customers_key() -> None:
    keys: list[Placed] = [
        (40, 60, "To"),
        (90, 60, "Kingdom Tools Ltd"),
        (40, 73, "Address: 2 Kingdom Street"),
        (90, 86, "London W2 6BD"),
    ]
    found = invoice([(40, 30, "INVOICE"), *keys, *NUMBER])
    assert found.customer_name == "Kingdom Tools Ltd"
    assert found.supplier_name != "Kingdom Tools Ltd"


@pytest.mark.parametrize("label", ["Your ref", "P.O./S.O. Number:", "Purchase order"])
def test_the_order_that_the_page_names_is_the_purchase_order(label: str) -> None:
    """Without it the invoice is not matched with its order, and it looks as if the supplier had named none."""
    found = invoice([*SUPPLIER, *NUMBER, *keyed(380, 480, 80, (label, "4500081233"))])
    assert found.purchase_order == "4500081233"
    assert found.buyer_reference is None
