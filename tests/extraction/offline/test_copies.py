"""Pages that repeat each other, and pages that are invoices of their own."""

from __future__ import annotations

from cira_pipeline.models import Severity
from tests.extraction.offline.invented import Placed, block, extracted, german_table, keyed, reading, sums


def page(number: str = "R-4711", *more: Placed, net: str = "100,00") -> list[Placed]:
    return [
        *block(40, 40, "Nordlicht Bürotechnik GmbH", "Hafenweg 3", "20457 Hamburg"),
        *block(40, 120, "Kontor Elbe KG", "Deichstraße 9", "20459 Hamburg"),
        *keyed(320, 430, 120, ("Rechnungsnummer", number), ("Rechnungsdatum", "5.3.2026")),
        *block(40, 190, "Rechnung"),
        *german_table(230, ("Papier", "1", net, net)),
        *sums(320, ("Nettobetrag", net), ("Umsatzsteuer 19 %", "19,00"), ("Gesamtbetrag", "119,00")),
        *more,
    ]


def rules(*pages: list[Placed]) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in extracted(reading(*pages)).findings}


def test_the_lines_of_a_copy_are_not_counted_twice() -> None:
    original, copy = page("R-4711", (40, 780, "Seite 1 von 2")), page("R-4711", (40, 780, "Seite 2 von 2"))
    found = extracted(reading(original, [*copy, (40, 20, "Kopie")]))
    assert len(found.invoice.line_items) == 1
    assert [finding.message for finding in found.findings if finding.rule == "offline.copied_page"] == [
        "Page 2 repeats page 1: only page 1 was read."
    ]
    assert all(entry.page == 1 for entry in found.evidence)


def test_a_second_page_with_other_lines_is_read() -> None:
    more = [*block(40, 40, "Kontor Elbe KG"), *german_table(80, ("Stifte", "2", "5,00", "10,00"))]
    assert "offline.copied_page" not in rules(page(), more)


def test_two_invoices_in_one_file_go_to_a_person() -> None:
    assert rules(page("R-4711"), page("R-4712"))["offline.several_invoices"] is Severity.ERROR


def test_the_number_of_the_corrected_invoice_is_no_second_invoice() -> None:
    credit = page("G-12")
    credit[next(i for i, each in enumerate(credit) if each[2] == "Rechnung")] = (40, 190, "Rechnungskorrektur")
    assert "offline.several_invoices" not in rules(credit, block(40, 60, "Anlage zur Rechnung Nr. R-4700 vom 1.2.2026"))


def test_a_number_repeated_on_each_page_is_one_invoice() -> None:
    following = [*keyed(320, 430, 60, ("Rechnungsnummer", "R-4711")), *block(40, 90, "Rechnung")]
    assert "offline.several_invoices" not in rules(page(), following)
