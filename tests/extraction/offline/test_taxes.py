"""The VAT breakdown: rows that multiply, rates without rows, and what is exempt."""

from __future__ import annotations

from decimal import Decimal

from cira_pipeline.invoice import TaxLine
from tests.extraction.offline.invented import RECIPIENT, SENDER, Placed, extracted, invoice, reading, right, sums

SAME = [*SENDER, *RECIPIENT]


def breakdown(top: float, header: tuple[str, ...], *rows: tuple[str, ...], left: float = 40) -> list[Placed]:
    edges = [left + 60 + 90 * index for index in range(len(header))]
    cells = [header, *rows]
    return [
        right(edge, top + 14 * line, cell)
        for line, row in enumerate(cells)
        for edge, cell in zip(edges, row, strict=True)
    ]


def test_several_rates_are_told_apart() -> None:
    rows = breakdown(400, ("USt-Satz", "Netto", "USt"), ("7 %", "100,00", "7,00"), ("19 %", "200,00", "38,00"))
    found = invoice(
        [*SAME, *rows, *sums(500, ("Nettobetrag", "300,00"), ("USt. gesamt", "45,00"), ("Gesamtbetrag", "345,00"))]
    )
    assert set(found.tax_breakdown) == {
        TaxLine(rate=Decimal(7), net=Decimal(100), tax=Decimal(7)),
        TaxLine(rate=Decimal(19), net=Decimal(200), tax=Decimal(38)),
    }


def test_one_rates_row_is_not_the_total_of_the_invoice() -> None:
    rows = breakdown(
        430,
        ("USt-Satz", "Netto", "USt", "Brutto"),
        ("7 %", "100,00", "7,00", "107,00"),
        ("19 %", "200,00", "38,00", "238,00"),
    )
    found = invoice([*SAME, *sums(400, ("Gesamtbetrag", "345,00")), *rows])
    assert found.gross_total == Decimal("345.00")
    assert found.net_total != Decimal(100)


def test_a_breakdown_beside_the_totals_is_read() -> None:
    rows = breakdown(400, ("BTW %", "Maatstaf", "BTW"), ("21,00", "100,00", "21,00"), ("6,00", "50,00", "3,00"))
    found = invoice(
        [*SAME, *rows, *sums(400, ("Totaal excl. btw", "150,00"), ("Totaal btw", "24,00"), ("Te betalen", "174,00"))]
    )
    assert {line.rate for line in found.tax_breakdown} == {Decimal(21), Decimal(6)}


def test_the_rate_beside_the_tax_makes_a_breakdown() -> None:
    found = invoice([*SAME, *sums(400, ("Subtotal", "200.00"), ("VAT 20%", "40.00"), ("Total", "240.00"))])
    assert found.tax_breakdown == (TaxLine(rate=Decimal(20), net=Decimal(200), tax=Decimal(40)),)


def test_rows_that_contradict_the_totals_are_left_out_and_told() -> None:
    rows = breakdown(400, ("USt-Satz", "Netto", "USt"), ("7 %", "100,00", "7,00"))
    found = extracted(
        reading([*SAME, *rows, *sums(500, ("Nettobetrag", "300,00"), ("USt.", "57,00"), ("Gesamtbetrag", "357,00"))])
    )
    assert all(line.net != Decimal(100) for line in found.invoice.tax_breakdown)
    assert any(finding.rule == "offline.tax_breakdown_contradicts" for finding in found.findings)


def test_under_reverse_charge_the_net_is_the_total() -> None:
    note = (40, 500, "Steuerschuldnerschaft des Leistungsempfängers (Reverse Charge)")
    found = invoice([*SAME, *sums(400, ("Gesamtbetrag", "476,00")), note])
    assert (found.net_total, found.gross_total) == (Decimal(476), Decimal(476))


def test_a_row_without_tax_is_part_of_the_breakdown() -> None:
    page = sums(400, ("Totaal excl. btw", "250,00"), ("Totaal te betalen", "250,00"))
    row: list[Placed] = [(380, 440, "BTW 0 % (verlegd)"), right(500, 440, "250,00"), right(555, 440, "0,00")]
    assert invoice([*SAME, *page, *row]).tax_breakdown == (
        TaxLine(rate=Decimal(0), net=Decimal(250), tax=Decimal("0.00")),
    )


def test_narrow_heads_of_a_breakdown_beside_the_totals_are_understood() -> None:
    page: list[Placed] = [(40, 400, "VAT Rate Goods VAT")]
    for top, rate, net, tax in ((414, "0.00", "40.00", "0.00"), (442, "9.00", "50.00", "4.50")):
        page += [(40, top, f"{rate}%"), (83, top, net), (113, top, tax)]
    page += sums(400, ("Total ex VAT", "90.00"), ("Total VAT", "4.50"), ("Invoice total", "94.50"))
    assert {(row.rate, row.net) for row in invoice([*SAME, *page]).tax_breakdown} == {
        (Decimal(0), Decimal(40)),
        (Decimal(9), Decimal(50)),
    }
