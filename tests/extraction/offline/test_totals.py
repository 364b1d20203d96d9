"""Totals that belong together are chosen together, and doubt shows in their confidence."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.extraction.offline.invented import (
    RECIPIENT,
    SENDER,
    Placed,
    evidence,
    extracted,
    german_table,
    invoice,
    reading,
    right,
    sums,
)

SAME = [*SENDER, *RECIPIENT]


def totals(*pairs: tuple[str, str]) -> list[Placed]:
    return [*SAME, *sums(400, *pairs)]


@pytest.mark.parametrize(
    ("net", "tax", "gross"),
    [
        ("Subtotal", "VAT @ 20%", "Total"),
        ("Zwischensumme", "zzgl. 20 % MwSt.", "Gesamtbetrag"),
        ("Total HT", "TVA 20 %", "Total TTC"),
        ("Totaal excl. btw", "btw 20%", "Totaal incl. btw"),
        ("Base imponible", "IVA 20%", "Total factura"),
        ("Totale imponibile", "IVA 20%", "Totale documento"),
        ("Total ilíquido", "IVA 20%", "Total da fatura"),
        ("Wartość netto", "VAT 20%", "Do zapłaty"),
        ("Netto", "Moms 20 %", "Att betala"),
        ("I alt ekskl. moms", "Moms (20%)", "I alt inkl. moms"),
    ],
)
def test_net_tax_and_gross_are_found_in_each_language(net: str, tax: str, gross: str) -> None:
    found = invoice(totals((net, "100,00"), (tax, "20,00"), (gross, "120,00")))
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(100), Decimal(20), Decimal(120))


def test_arithmetic_makes_a_total_surer_than_its_label_alone() -> None:
    proved = evidence(
        extracted(reading(totals(("Netto", "100,00"), ("USt.", "19,00"), ("Summe", "119,00")))), "gross_total"
    )
    alone = evidence(extracted(reading(totals(("Summe", "119,00")))), "gross_total")
    assert proved.confidence > 0.9 > 0.6 > alone.confidence


def test_two_totals_that_both_add_up_leave_the_engine_unsure() -> None:
    one = totals(("Netto", "100,00"), ("MwSt.", "19,00"), ("Gesamtbetrag", "119,00"))
    two = [*one, *sums(500, ("Netto", "200,00"), ("MwSt.", "38,00"), ("Gesamtbetrag", "238,00"))]
    sure, unsure = (evidence(extracted(reading(page)), "gross_total").confidence for page in (one, two))
    assert unsure < 0.8 * sure


def test_a_deposit_leaves_a_rest_to_pay() -> None:
    found = invoice(
        totals(
            ("Nettosumme", "1.000,00"),
            ("MwSt. 19%", "190,00"),
            ("Bruttosumme", "1.190,00"),
            ("abzgl. Anzahlung", "-357,00"),
            ("Restbetrag", "833,00"),
        )
    )
    assert (found.gross_total, found.amount_due) == (Decimal(1190), Decimal(833))


def test_withheld_tax_lowers_what_is_due_and_not_the_total() -> None:
    found = invoice(
        totals(
            ("Totale imponibile", "1.040,00"),
            ("IVA 22%", "228,80"),
            ("Totale fattura", "1.268,80"),
            ("Ritenuta d'acconto 20%", "-200,00"),
            ("Netto a pagare", "1.068,80"),
        )
    )
    assert (found.net_total, found.gross_total, found.amount_due) == (
        Decimal("1040.00"),
        Decimal("1268.80"),
        Decimal("1068.80"),
    )


def test_a_discount_before_the_totals_is_not_one_of_them() -> None:
    found = invoice(
        totals(
            ("Zwischensumme", "500,00"),
            ("abzgl. 5 % Rabatt", "-25,00"),
            ("Summe netto", "475,00"),
            ("19 % MwSt.", "90,25"),
            ("Gesamtbetrag EUR", "565,25"),
        )
    )
    assert (found.net_total, found.gross_total) == (Decimal("475.00"), Decimal("565.25"))


def test_totals_side_by_side_with_their_amounts_below_are_read() -> None:
    heads = [(40, 600, "Exkl. moms"), (160, 600, "Moms 25%"), (300, 600, "Att betala")]
    values = [(40, 613, "1 000,00"), (160, 613, "250,00"), (300, 613, "1 250,00")]
    found = invoice([*SAME, *heads, *values])
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(1000), Decimal(250), Decimal(1250))


def test_a_count_of_pieces_is_not_the_total() -> None:
    rows = german_table(280, ("Drehstuhl", "2", "150,00", "300,00"), ("Regal", "1", "100,00", "100,00"))
    assert invoice([*SAME, *rows, *sums(400, ("Summe", "32"))]).gross_total != Decimal(32)


def test_what_contradicts_itself_is_not_called_sure() -> None:
    found = extracted(reading(totals(("Nettobetrag", "100,00"), ("USt.", "19,00"), ("Rechnungsbetrag", "129,00"))))
    assert all(
        entry.confidence < 0.9 for entry in found.evidence if entry.field in {"net_total", "gross_total", "tax_total"}
    )


def test_several_taxes_without_a_sum_are_added_up() -> None:
    rows = [
        right(440, 400, "Sub Total"),
        right(555, 400, "1,000.00"),
        right(440, 415, "CGST9 (9%)"),
        right(555, 415, "90.00"),
    ]
    rows += [
        right(440, 430, "SGST9 (9%)"),
        right(555, 430, "90.00"),
        right(440, 445, "Total"),
        right(555, 445, "1,180.00"),
    ]
    found = invoice([*SAME, *rows])
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(1000), Decimal(180), Decimal(1180))


def test_a_tax_without_a_known_label_is_found_by_its_rate() -> None:
    found = invoice(totals(("Suma netto", "100,00"), ("Stawka 23%", "23,00"), ("Razem brutto", "123,00")))
    assert found.tax_total == Decimal(23)


def test_an_amount_beside_another_rate_is_not_taken_for_the_tax() -> None:
    found = invoice(totals(("Suma netto", "100,00"), ("Opłata 5%", "23,00"), ("Razem brutto", "123,00")))
    assert found.tax_total is None


def test_totals_beside_each_other_with_two_taxes_are_found() -> None:
    heads = ("Subtotal", "Total IVA 6%", "Total IVA 23%", "Total da fatura")
    amounts = ("150,00", "3,00", "23,00", "176,00")
    page: list[Placed] = [*SAME]
    for index, (head, amount) in enumerate(zip(heads, amounts, strict=True)):
        page += [(60 + 120 * index, 400, head), (60 + 120 * index, 415, amount)]
    found = invoice(page)
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(150), Decimal(26), Decimal(176))


def test_a_currency_between_label_and_amount_is_part_of_the_amount() -> None:
    found = invoice(totals(("Net GBP", "80.00"), ("VAT GBP", "16.00"), ("Total GBP 96.00", "")))
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(80), Decimal(16), Decimal(96))


def test_a_net_under_unknown_words_is_found_where_a_rate_leads_to_the_tax() -> None:
    found = invoice(totals(("Kernbetrag", "100,00"), ("MwSt. 19 %", "19,00"), ("Rechnungsbetrag", "119,00")))
    assert found.net_total == Decimal(100)
    other = invoice(totals(("Kernbetrag", "100,00"), ("MwSt. 7 %", "19,00"), ("Rechnungsbetrag", "119,00")))
    assert other.net_total is None


def test_the_base_printed_beside_the_tax_is_no_second_tax() -> None:
    found = invoice(
        totals(("Total fees", "1,200.00"), ("Total outlays", "80.00"), ("VAT at 20% on 1,200.00", "240.00"))
        + sums(445, ("Total due", "1,520.00"))
    )
    assert (found.tax_total, found.gross_total) == (Decimal(240), Decimal(1520))
    assert found.net_total != Decimal(80)


def test_two_taxes_of_unknown_names_are_found_by_their_rates_and_the_rest_after_a_deposit_is_no_total() -> None:
    found = invoice(
        totals(
            ("Sous-total", "200,00"),
            ("Taxon 5 %", "10,00"),
            ("Taxov 9,975 %", "19,95"),
            ("TOTAL", "229,95"),
            ("Acompte reçu", "-29,95"),
            ("Solde à payer", "200,00"),
        )
    )
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(200), Decimal("29.95"), Decimal("229.95"))


def test_delivery_between_goods_and_tax_is_part_of_the_net() -> None:
    read = reading(
        totals(("Goods Total", "850.00"), ("Delivery", "50.00"), ("VAT 20%", "180.00"), ("Invoice Total", "1,080.00"))
    )
    found = extracted(read).invoice
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(900), Decimal(180), Decimal(1080))
    places = [entry for entry in extracted(read).evidence if entry.field == "net_total"]
    assert len(places) == 2


def test_delivery_that_leads_to_no_total_is_not_added() -> None:
    found = invoice(
        totals(("Goods Total", "850.00"), ("Delivery", "51.00"), ("VAT 20%", "180.00"), ("Invoice Total", "1,080.00"))
    )
    assert found.net_total != Decimal(901)


def test_a_tax_larger_than_any_rate_makes_it_is_left_out() -> None:
    found = invoice(totals(("MwSt", "70,00"), ("Gesamtbetrag", "100,00")))
    assert (found.tax_total, found.gross_total) == (None, Decimal(100))


def test_what_remains_after_instalments_is_due_whatever_it_is_called() -> None:
    found = invoice(
        totals(
            ("Nettobetrag", "100,00"),
            ("MwSt. 19 %", "19,00"),
            ("Rechnungsbetrag", "119,00"),
            ("geleistete Abschläge", "-90,00"),
            ("Nachschuss", "29,00"),
        )
    )
    assert (found.gross_total, found.amount_due) == (Decimal(119), Decimal(29))


@pytest.mark.parametrize("rounding", ["-0.40", "0.40"])
def test_a_rounding_between_the_taxes_and_the_total_is_followed(rounding: str) -> None:
    found = invoice(
        totals(
            ("Taxable Amount", "1,000.00"),
            ("CGST @ 9%", "90.20"),
            ("SGST @ 9%", "90.20"),
            ("Round Off", rounding),
            ("Grand Total", "1,180.00"),
        )
    )
    assert (found.net_total, found.tax_total, found.gross_total) == (Decimal(1000), Decimal("180.40"), Decimal(1180))


def test_the_tax_of_one_rate_among_several_is_not_the_tax_of_the_document() -> None:
    found = invoice(
        totals(
            ("10% Netto 36,36 MwSt 3,64 Br.", "40,00"),
            ("20% Netto 11,50 MwSt 2,30 Br.", "13,80"),
            ("GESAMT EUR", "58,00"),
        )
    )
    assert (found.tax_total, found.gross_total) == (None, Decimal(58))
