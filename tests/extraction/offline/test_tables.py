"""Item tables with and without rules, wrapped, over pages, bilingual, discounted, credited."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cira_pipeline.models import Box
from tests.extraction.offline.invented import (
    RECIPIENT,
    SENDER,
    Placed,
    extracted,
    german_table,
    invoice,
    reading,
    right,
    sums,
    table,
)

SAME = [*SENDER, *RECIPIENT]
LINES = [("Drehstuhl Comfort", "2", "150,00", "300,00"), ("Montage vor Ort", "1", "100,00", "100,00")]


def amounts(*pages: list[Placed]) -> list[Decimal | None]:
    return [item.net_amount for item in invoice(*pages).line_items]


@pytest.mark.parametrize(
    "header",
    [
        ("Description", "Qty", "Unit price", "Amount"),
        ("Bezeichnung", "Menge", "Einzelpreis", "Gesamtpreis"),
        ("Désignation", "Qté", "P.U. HT", "Montant HT"),
        ("Omschrijving", "Aantal", "Prijs", "Bedrag"),
        ("Concepto", "Cant.", "Precio", "Importe"),
        ("Descrizione", "Q.tà", "Prezzo", "Importo"),
        ("Descrição", "Qtd.", "Pr. unitário", "Valor"),
        ("Nazwa towaru", "Ilość", "Cena netto", "Wartość netto"),
        ("Benämning", "Antal", "À-pris", "Belopp"),
        ("Beskrivelse", "Antal", "Stk. pris", "Beløb"),
        ("Service", "Units", "Price per unit", "Cost ex VAT"),
        ("Details / Bezeichnung", "Qty / Menge", "Price / Preis", "Amount / Betrag"),
    ],
)
def test_columns_are_known_in_each_language(header: tuple[str, str, str, str]) -> None:
    text, quantity, price, amount = header
    heads = [(40, 0, text), right(330, 0, quantity), right(440, 0, price), right(555, 0, amount)]
    rows = [
        [(40, 0, name), right(330, 0, count), right(440, 0, each), right(555, 0, total)]
        for name, count, each, total in LINES
    ]
    found = invoice([*SAME, *table(280, heads, rows)]).line_items
    assert [item.net_amount for item in found] == [Decimal(300), Decimal(100)]
    assert [item.quantity for item in found] == [Decimal(2), Decimal(1)]
    assert [item.description for item in found] == ["Drehstuhl Comfort", "Montage vor Ort"]


def test_a_wrapped_description_belongs_to_its_item() -> None:
    rows = german_table(280, *LINES, step=30)
    found = invoice([*SAME, *rows, (40, 322, "Farbe nach Wahl")]).line_items
    assert found[0].description == "Drehstuhl Comfort Farbe nach Wahl"
    assert found[1].description == "Montage vor Ort"


def test_descriptions_over_their_figures_are_kept_with_them() -> None:
    heads = [(40, 280, "Designação"), right(330, 280, "Qtd."), right(440, 280, "Pr. unit."), right(555, 280, "Total")]
    rows: list[Placed] = []
    for index, (name, count, each, total) in enumerate(
        [("Pneu novo", "5", "74,90", "374,50"), ("Bateria", "3", "95,06", "285,18")]
    ):
        top = 300 + 36 * index
        rows += [(40, top, name), right(330, top + 14, count), right(440, top + 14, each), right(555, top + 14, total)]
    found = invoice([*SAME, *heads, *rows]).line_items
    assert [(item.description, item.net_amount) for item in found] == [
        ("Pneu novo", Decimal("374.50")),
        ("Bateria", Decimal("285.18")),
    ]


def test_a_sum_carried_to_the_next_page_is_no_item() -> None:
    first = [*SAME, *german_table(280, *LINES), (40, 340, "Übertrag"), right(555, 340, "400,00")]
    second = [(40, 60, "Übertrag"), right(555, 60, "400,00"), *german_table(80, ("Regal", "1", "50,00", "50,00"))]
    assert amounts(first, [*second, *sums(160, ("Nettobetrag", "450,00"))]) == [Decimal(300), Decimal(100), Decimal(50)]


def test_an_item_called_like_a_carried_sum_is_an_item() -> None:
    heads = [
        (40, 0, "N.º"),
        (80, 0, "Produto"),
        right(330, 0, "Qtd."),
        right(440, 0, "Pr. unit."),
        right(555, 0, "Valor"),
    ]
    rows = [
        [(40, 0, "1"), (80, 0, "Toalha de banho"), right(330, 0, "2"), right(440, 0, "8,77"), right(555, 0, "17,54")],
        [(40, 0, "2"), (80, 0, "Transporte"), right(330, 0, "1"), right(440, 0, "36,05"), right(555, 0, "36,05")],
    ]
    assert amounts([*SAME, *table(280, heads, rows)]) == [Decimal("17.54"), Decimal("36.05")]


def test_totals_under_the_table_are_no_items() -> None:
    page = [
        *SAME,
        *german_table(280, *LINES),
        *sums(340, ("Nettobetrag", "400,00"), ("USt. 19 %", "76,00"), ("Summe", "476,00")),
    ]
    assert amounts(page) == [Decimal(300), Decimal(100)]


def test_credited_items_are_negative() -> None:
    assert amounts([*SAME, *german_table(280, ("Drehstuhl", "-2", "150,00", "-300,00"))]) == [Decimal(-300)]


def test_a_misspelt_header_is_understood_on_scans_only() -> None:
    heads = [(40, 0, "Bezeichnung"), right(330, 0, "Menge"), right(440, 0, "Einzelpreis"), right(555, 0, "Gesamtprels")]
    rows = [[(40, 0, "Drehstuhl"), right(330, 0, "2"), right(440, 0, "150,00"), right(555, 0, "300,00")]]
    page = [*SAME, (40, 240, "Rechnung"), *table(280, heads, rows)]
    assert [item.net_amount for item in invoice(page, source="ocr").line_items] == [Decimal(300)]
    assert [item.net_amount for item in invoice(page).line_items] != [Decimal(300)]


def test_amounts_with_tax_in_them_are_not_called_net() -> None:
    page = [
        *SAME,
        *german_table(280, *LINES),
        *sums(340, ("Nettobetrag", "336,13"), ("USt. 19 %", "63,87"), ("Gesamtbetrag", "400,00")),
    ]
    assert all(amount is None for amount in amounts(page))


@pytest.mark.parametrize("closing", ["Zwischensumme Büro", "Büro komplett"])
def test_a_section_that_is_summed_up_under_its_items_is_no_item(closing: str) -> None:
    rows = german_table(280, *LINES, (closing, "", "", "400,00"), ("Teppich verlegen", "2", "40,00", "80,00"))
    assert amounts([*SAME, *rows]) == [Decimal(300), Decimal(100), Decimal(80)]


def test_a_lump_sum_that_equals_one_item_above_is_an_item() -> None:
    rows = german_table(280, LINES[1], ("Fahrtkosten pauschal", "", "", "100,00"))
    assert amounts([*SAME, *rows]) == [Decimal(100), Decimal(100)]


def test_a_font_whose_boxes_are_too_flat_loses_no_wrapped_text() -> None:
    page = [*SAME, *german_table(280, *LINES, step=30), (40, 324, "höhenverstellbar mit Rollen")]
    tall = reading(page)
    flat = tuple(
        each.model_copy(
            update={
                "box": _flattened(each.box),
                "words": tuple(word.model_copy(update={"box": _flattened(word.box)}) for word in each.words),
            }
        )
        for each in tall.lines
    )
    found = extracted(tall.model_copy(update={"lines": flat})).invoice.line_items
    assert [item.description for item in found] == ["Drehstuhl Comfort höhenverstellbar mit Rollen", "Montage vor Ort"]


def _flattened(box: Box) -> Box:
    return box.model_copy(update={"top": box.top + 3.5, "bottom": box.top + 7.5})


def test_a_table_goes_on_after_the_sum_of_a_section() -> None:
    heads = [(40, 0, "Désignation"), right(555, 0, "Montant HT")]
    texts = [("Buffet froid", "760,00"), ("Fromages", "240,00"), ("Total buffet", "1 000,00"), ("Vins", "420,00")]
    rows = [[(40, 0, text), right(555, 0, amount)] for text, amount in [*texts, ("Total boissons", "420,00")]]
    page = [*table(280, heads, rows), *sums(400, ("Total HT", "1 420,00"), ("TVA 20 %", "284,00"))]
    assert amounts([*SAME, *page]) == [Decimal(760), Decimal(240), Decimal(420)]


def test_the_first_description_over_its_figures_is_no_heading() -> None:
    heads = [(40, 280, "Leistung"), right(330, 280, "Menge"), right(440, 280, "Preis"), right(555, 280, "Summe")]
    page: list[Placed] = [*heads, (40, 294, "Netzteil im Server getauscht")]
    page += [right(330, 308, "3"), right(440, 308, "90,00"), right(555, 308, "270,00"), (40, 326, "Anfahrt Zone C")]
    page += [right(330, 340, "1"), right(440, 340, "45,00"), right(555, 340, "45,00")]
    found = invoice([*SAME, *page]).line_items
    assert [item.description for item in found] == ["Netzteil im Server getauscht", "Anfahrt Zone C"]


def test_a_row_with_an_amount_outside_the_columns_describes_no_item() -> None:
    header = [(40, 0, "Bezeichnung"), right(250, 0, "Menge"), right(330, 0, "Preis"), right(400, 0, "Betrag")]
    rows = [[(40, 0, "Drehstuhl"), right(250, 0, "2"), right(330, 0, "150,00"), right(400, 0, "300,00")]]
    page = [*table(280, header, rows, step=14), (40, 308, "Warenkorb"), right(555, 308, "300,00")]
    assert [item.description for item in invoice([*SAME, *page]).line_items] == ["Drehstuhl"]


def test_a_line_without_description_takes_the_text_beside_its_figures() -> None:
    header = [(40, 0, "Medewerker"), (150, 0, "Omschrijving"), right(330, 0, "Aantal"), right(440, 0, "Prijs")]
    rows: list[list[Placed]] = [
        [
            (40, 0, "L. Smit"),
            (150, 0, "Dagdienst"),
            right(330, 0, "8"),
            right(440, 0, "40,00"),
            right(555, 0, "320,00"),
        ],
        [(40, 0, "Reiskosten"), right(330, 0, "72"), right(440, 0, "0,25"), right(555, 0, "18,00")],
    ]
    found = invoice([*SAME, *table(280, [*header, right(555, 0, "Bedrag")], rows)]).line_items
    assert [item.description for item in found] == ["Dagdienst", "Reiskosten"]


def test_words_of_a_description_that_could_head_columns_do_not_end_the_table() -> None:
    header = [(40, 0, "Description"), right(440, 0, "Hours"), right(555, 0, "Amount")]
    rows: list[list[Placed]] = [
        [(40, 0, "Reading of the lease and a call with the owner"), right(440, 0, "2.50"), right(555, 0, "500.00")],
        [(40, -6, "about last year's service charge")],
        [(40, 0, "Drafting of the deed"), right(440, 0, "1.00"), right(555, 0, "200.00")],
    ]
    assert amounts([*SAME, *table(280, header, rows)]) == [Decimal(500), Decimal(200)]


def test_of_two_columns_of_amounts_the_one_that_quantity_and_price_make_is_net() -> None:
    header = [
        (40, 0, "Description"),
        right(260, 0, "Qty"),
        right(340, 0, "Rate"),
        right(440, 0, "Taxable value"),
        right(490, 0, "Levy"),
        right(555, 0, "Total"),
    ]
    rows = [
        [
            (40, 0, "Copper pipe"),
            right(260, 0, "4"),
            right(340, 0, "25.00"),
            right(440, 0, "100.00"),
            right(490, 0, "18.00"),
            right(555, 0, "118.00"),
        ],
        [
            (40, 0, "Pipe clips"),
            right(260, 0, "10"),
            right(340, 0, "5.00"),
            right(440, 0, "50.00"),
            right(490, 0, "9.00"),
            right(555, 0, "59.00"),
        ],
    ]
    found = invoice([*SAME, *table(280, header, rows)]).line_items
    assert [(item.unit_price, item.net_amount) for item in found] == [
        (Decimal(25), Decimal(100)),
        (Decimal(5), Decimal(50)),
    ]


def priced_by(head: str, *prices: str) -> list[Decimal | None]:
    """Unit prices found in a table whose column of prices is headed `head`."""
    header = [
        (40, 0, "Product"),
        right(300, 0, "Qty"),
        right(380, 0, head),
        right(460, 0, "Disc"),
        right(555, 0, "Net"),
    ]
    rows = [
        [(40, 0, name), right(300, 0, count), right(380, 0, price), right(460, 0, less), right(555, 0, amount)]
        for (name, count, less, amount), price in zip(
            [("Oak boards", "10", "20.00", "180.00"), ("Wood screws", "4", "0.00", "32.00")], prices, strict=True
        )
    ]
    return [item.unit_price for item in invoice([*SAME, *table(280, header, rows)]).line_items]


def test_a_column_of_an_unknown_name_is_the_price_where_quantity_and_discount_lead_to_the_amount() -> None:
    assert priced_by("Zonk", "20.00", "8.00") == [Decimal(20), Decimal(8)]
    assert priced_by("Zonk", "21.00", "9.00") == [None, None]


def test_a_row_that_says_which_tax_the_sum_includes_is_no_line() -> None:
    header = [(40, 0, "Description"), right(330, 0, "Qty"), right(440, 0, "Unit price"), right(555, 0, "Amount")]
    rows = [
        [(40, 0, "Bookkeeping"), right(330, 0, "10"), right(440, 0, "88.00"), right(555, 0, "880.00")],
        [right(440, 0, "INCLUDES GST 10%"), right(555, 0, "80.00")],
        [right(440, 0, "TOTAL"), right(555, 0, "880.00")],
    ]
    found = invoice([*SAME, *table(280, header, rows)])
    assert (found.tax_total, found.gross_total) == (Decimal(80), Decimal(880))
    assert len(found.line_items) == 1


def unheaded(*rows: tuple[str, str], total: str) -> list[Placed]:
    """Texts with amounts and no header over them, and their total."""
    lines = [
        placed
        for i, (text, amount) in enumerate(rows)
        for placed in ((40, 280 + 15 * i, text), right(555, 280 + 15 * i, amount))
    ]
    return [*SAME, (40, 240, "Rechnung"), *lines, *sums(400, ("Gesamtbetrag", total))]


def test_texts_with_amounts_that_add_up_to_the_total_are_lines_without_a_header() -> None:
    rows = [("Austausch der Mischbatterie", "145,00"), ("Abfluss gereinigt", "60,00"), ("Bonus Stammkunde", "5,00-")]
    found = invoice(unheaded(*rows, total="200,00")).line_items
    assert [(item.description, item.net_amount) for item in found] == [
        ("Austausch der Mischbatterie", Decimal(145)),
        ("Abfluss gereinigt", Decimal(60)),
        ("Bonus Stammkunde", Decimal(-5)),
    ]
    assert invoice(unheaded(*rows, total="201,00")).line_items == ()


def test_a_rule_of_dashes_under_the_header_is_no_part_of_it() -> None:
    header = [(40, 0, "No."), (90, 0, "Work"), right(555, 0, "Amount"), (40, 11, "-" * 100)]
    rows = [[(40, 8, "1-1"), (90, 8, "Groupage, three pallets"), right(555, 8, "412.50")]]
    assert amounts([*SAME, *table(280, header, rows)]) == [Decimal("412.50")]


def test_an_unknown_column_between_numbers_and_amounts_describes_and_the_sum_of_all_lines_is_none() -> None:
    header = [(40, 0, "Pos."), (90, 0, "Zonk"), right(555, 0, "Betrag")]
    goods = [("1", "Sammelgut Nord", "400,00"), ("2", "Sammelgut West", "140,00"), ("3", "Straßengebühr", "31,20")]
    rows = [[(40, 0, place), (90, 0, text), right(555, 0, amount)] for place, text, amount in goods]
    rows.append([(40, 0, "Zonkbare Werte"), right(555, 0, "571,20")])
    found = invoice([*SAME, *table(280, header, rows)]).line_items
    assert [item.description for item in found] == ["Sammelgut Nord", "Sammelgut West", "Straßengebühr"]
    assert [item.net_amount for item in found] == [Decimal(400), Decimal(140), Decimal("31.20")]
