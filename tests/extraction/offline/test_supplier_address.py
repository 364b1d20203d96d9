"""The supplier's address is found wherever a letterhead puts it, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from tests.extraction.offline.invented import RECIPIENT, Placed, block, invoice

FOOTER: Placed = (40, 800, "Tel. 0431 55512 USt-IdNr. DE136695976 HRB 7312 Amtsgericht Kiel")

# As wide as a letter, for what is narrow is a receipt.
WIDE: list[Placed] = [(400, 300, "Menge"), (500, 300, "Betrag"), (500, 320, "17,00"), (500, 340, "18,00")]


def _page(*texts: Placed) -> list[Placed]:
    return [*texts, *RECIPIENT, (40, 230, "Rechnung Nr. 17 vom 14.03.2024"), *WIDE, FOOTER]


def test_an_address_beside_the_name_is_the_suppliers() -> None:
    beside = block(330, 40, "Hafenstraße 14", "24103 Kiel", "Telefon 0431 55512")
    found = invoice(_page((40, 40, "Nordlicht Bürotechnik GmbH"), *beside))
    assert found.supplier_address == "Hafenstraße 14, 24103 Kiel"
    assert found.customer_address == "Uferpromenade 8, 78464 Konstanz"


@pytest.mark.parametrize("slogan", ["Meisterbetrieb seit 1958", "Supplying kitchens since 1987", "Od 1983 roku"])
def test_a_founding_year_is_no_address(slogan: str) -> None:
    beside = block(330, 40, "Hafenstraße 14", "24103 Kiel")
    found = invoice(_page((40, 40, "Nordlicht Bürotechnik GmbH"), (40, 53, slogan), *beside))
    assert found.supplier_address == "Hafenstraße 14, 24103 Kiel"


def test_an_address_that_only_the_footer_prints_is_found_there() -> None:
    footer = (40, 785, "Nordlicht Bürotechnik GmbH - Hafenstraße 14 - 24103 Kiel")
    found = invoice(_page((40, 40, "Nordlicht Bürotechnik GmbH"), footer))
    assert found.supplier_address == "Hafenstraße 14, 24103 Kiel"


def test_a_delivery_address_beside_the_name_is_not_the_suppliers() -> None:
    delivery = block(330, 40, "Lieferadresse:", "Hotel Seerose OHG", "Am Kai 3", "78464 Konstanz")
    assert invoice(_page((40, 40, "Nordlicht Bürotechnik GmbH"), *delivery)).supplier_address is None


def test_a_delivery_address_in_one_line_names_no_supplier() -> None:
    delivery = (40, 260, "Dirección de entrega Hotel Seerose S.L. - Calle Mayor 78 - 41001 Sevilla")
    found = invoice(_page((40, 40, "Nordlicht Bürotechnik GmbH"), delivery))
    assert found.supplier_name == "Nordlicht Bürotechnik GmbH"


def test_a_street_printed_close_beside_the_name_is_no_part_of_it() -> None:
    found = invoice(_page((40, 40, "Skovbjerg Service ApS Møllevej 4B")))
    assert found.supplier_name == "Skovbjerg Service ApS"


def test_a_name_over_two_lines_is_read_whole() -> None:
    wrapped = [(40, 40, "Atoalhados Caçador"), (40, 53, "Unipessoal, Lda"), (40, 66, "Hafenstraße 14")]
    rest = [(40, 79, "24103 Kiel"), (40, 92, "geral@atoalhados-cacador.example")]
    assert invoice(_page(*wrapped, *rest)).supplier_name == "Atoalhados Caçador Unipessoal, Lda"


def test_a_size_in_a_table_is_no_town() -> None:
    table = block(330, 130, "Bezeichnung", "LED-Leuchte 1500 mm", "Montage 12 m")
    found = invoice([(40, 40, "Nordlicht Bürotechnik GmbH"), *table, *RECIPIENT, (40, 230, "Rechnung"), *WIDE, FOOTER])
    assert found.customer_name == "Hotel Seerose OHG"
