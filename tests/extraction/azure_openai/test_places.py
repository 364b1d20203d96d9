"""An amount that stands in several places is proved where the document's label calls it by its name."""

from __future__ import annotations

from decimal import Decimal

from tests.azure_standin import AzureStandin, answer
from tests.extraction.azure_openai.readings import document, reading

PAGE = (
    "Nordlicht Handels GmbH",
    "Rechnung Nr. 4711 vom 03.04.2026",
    "1 Wartung 119,00",
    "Zwischensumme 119,00",
    "Nettosumme 100,00",
    "USt 19 % von 100,00 19,00",
    "Gesamtbetrag 119,00 EUR",
    "bereits bezahlt 19,00",
)


def proof(azure: AzureStandin, engine_for, name: str, text: str, line: int) -> tuple[Decimal, int]:
    azure.answering = lambda _message: answer(**{name: {"text": text, "line": line}})
    extraction = engine_for().extract(document(), reading(PAGE))
    [evidence] = [each for each in extraction.evidence if each.field == name]
    return getattr(extraction.invoice, name), evidence.line


def test_a_total_is_shown_at_its_label_and_not_at_a_line_item_of_the_same_amount(
    azure: AzureStandin, engine_for
) -> None:
    assert proof(azure, engine_for, "gross_total", "119,00", 3) == (Decimal("119.00"), 7)
    assert proof(azure, engine_for, "gross_total", "119,00", 4) == (Decimal("119.00"), 7)
    assert proof(azure, engine_for, "gross_total", "119,00", 7) == (Decimal("119.00"), 7)


def test_a_tax_is_not_shown_at_a_payment_of_the_same_amount(azure: AzureStandin, engine_for) -> None:
    assert proof(azure, engine_for, "tax_total", "19,00", 8) == (Decimal("19.00"), 6)


def test_where_no_label_helps_the_models_line_counts(azure: AzureStandin, engine_for) -> None:
    assert proof(azure, engine_for, "gross_total", "100,00", 5) == (Decimal("100.00"), 5)
