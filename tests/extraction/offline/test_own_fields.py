"""Declared fields are found beside their labels and under their headings, in any language, or not at all."""

from __future__ import annotations

import pytest

from cira_pipeline.custom.declaration import Declarations
from cira_pipeline.extraction.offline.engine import VERSION, OfflineEngine
from cira_pipeline.models import Extraction
from tests.extraction.offline.invented import (
    DOCUMENT,
    INVOICE,
    RECIPIENT,
    SENDER,
    Placed,
    evidence,
    extracted,
    keyed,
    reading,
    right,
    sums,
    table,
)

OWN = Declarations.model_validate(
    {
        "fields": [
            {
                "name": "cost_centre",
                "type": "code",
                "pattern": "[0-9]{4}",
                "labels": {
                    "en": ["Cost centre"],
                    "de": ["Kostenstelle"],
                    "fr": ["Centre de coûts"],
                    "pl": ["Miejsce kosztów"],
                },
            },
            {"name": "site", "type": "text", "labels": {"en": ["Site"], "de": ["Baustelle"], "sv": ["Arbetsplats"]}},
            {"name": "started_on", "type": "date", "labels": {"en": ["Start of works"], "de": ["Arbeitsbeginn"]}},
            {"name": "retention", "type": "amount", "labels": {"en": ["Retention"], "de": ["Sicherheitseinbehalt"]}},
            {"name": "permit", "type": "identifier", "labels": {"all": ["Permit no."], "es": ["Nº de licencia"]}},
            {
                "name": "weight_kg",
                "type": "number",
                "place": "line",
                "labels": {"all": ["Weight kg"], "de": ["Gewicht"]},
            },
            {"name": "charge_number", "type": "identifier", "place": "line", "labels": {"de": ["Charge"]}},
        ]
    }
)


def found(*pages: list[Placed], declared: Declarations = OWN, source: str = "native") -> Extraction:
    extraction = OfflineEngine(own_fields=declared).extract(DOCUMENT, reading(*pages, source=source))  # type: ignore[arg-type]
    assert extraction is not None
    return extraction


@pytest.mark.parametrize(
    "label", ["Cost centre", "Kostenstelle", "KOSTENSTELLE:", "Centre de couts", "Miejsce kosztow:"]
)
def test_a_value_beside_its_label_is_found_in_every_language(label: str) -> None:
    page = [*INVOICE, *keyed(380, 480, 190, (label, "4711"))]
    extraction = found(page)
    assert extraction.invoice.custom == {"cost_centre": "4711"}
    proof = evidence(extraction, "custom.cost_centre")
    assert (proof.text, proof.page) == ("4711", 1)
    assert proof.confidence > 0.8
    assert proof.box is not None


def test_a_value_after_its_label_in_one_line_and_below_its_label_is_found() -> None:
    inline = [*INVOICE, (40, 500, "Baustelle: Neubau Hafen Ost")]
    assert found(inline).invoice.custom == {"site": "Neubau Hafen Ost"}
    heads = [(40, 500, "Kostenstelle"), (200, 500, "Arbeitsbeginn"), (360, 500, "Permit no.")]
    values = [(40, 514, "8100"), (200, 514, "03.02.2024"), (360, 514, "GB-77/12")]
    assert found([*INVOICE, *heads, *values]).invoice.custom == {
        "cost_centre": "8100",
        "started_on": "2024-02-03",
        "permit": "GB-77/12",
    }


def test_amounts_and_dates_follow_the_conventions_of_the_document() -> None:
    page = [
        *INVOICE,
        *keyed(40, 200, 500, ("Sicherheitseinbehalt", "1.234,50 €"), ("Arbeitsbeginn", "3. Februar 2024")),
    ]
    assert found(page).invoice.custom == {"retention": "1234.50", "started_on": "2024-02-03"}


def test_a_label_damaged_by_ocr_is_found() -> None:
    page = [*INVOICE, *keyed(380, 480, 190, ("Kostenste1le", "4711"))]
    assert found(page, source="ocr").invoice.custom == {"cost_centre": "4711"}


@pytest.mark.parametrize(
    "pair",
    [
        ("Kostenstelle", "keine"),
        ("Kostenstelle", "47115"),
        ("Arbeitsbeginn", "nach Absprache"),
        ("Sicherheitseinbehalt", "entfällt"),
        ("Permit no.", "to be announced later"),
    ],
)
def test_what_does_not_have_the_form_of_the_field_is_left_out(pair: tuple[str, str]) -> None:
    assert found([*INVOICE, *keyed(40, 200, 500, pair)]).invoice.custom == {}


def test_of_two_equally_likely_values_neither_is_taken() -> None:
    page = [*INVOICE, *keyed(40, 200, 500, ("Kostenstelle", "4711"), ("Kostenstelle", "4712"))]
    extraction = found(page)
    assert extraction.invoice.custom == {}
    [note] = [each for each in extraction.findings if each.fields == ("custom.cost_centre",)]
    assert "`4711` and `4712`" in note.message
    same = [*INVOICE, *keyed(40, 200, 500, ("Kostenstelle", "4711"), ("Cost centre", "4711"))]
    assert found(same).invoice.custom == {"cost_centre": "4711"}


GOODS = [
    *SENDER,
    *RECIPIENT,
    *keyed(380, 480, 130, ("Rechnungsnummer:", "RE-2024-117"), ("Rechnungsdatum:", "14.03.2024")),
    *table(
        280,
        [
            (40, 0, "Bezeichnung"),
            (180, 0, "Charge"),
            right(300, 0, "Gewicht"),
            right(360, 0, "Menge"),
            right(450, 0, "Einzelpreis"),
            right(555, 0, "Gesamt"),
        ],
        [
            [
                (40, 0, "Kupferrohr"),
                (180, 0, "C-0815"),
                right(300, 0, "12,5"),
                right(360, 0, "2"),
                right(450, 0, "150,00"),
                right(555, 0, "300,00"),
            ],
            [
                (40, 0, "Bogen 90 Grad"),
                right(300, 0, "0,75"),
                right(360, 0, "1"),
                right(450, 0, "100,00"),
                right(555, 0, "100,00"),
            ],
        ],
    ),
    *sums(360, ("Nettobetrag", "400,00 €"), ("zzgl. 19 % USt.", "76,00 €"), ("Rechnungsbetrag", "476,00 €")),
]


def test_columns_with_declared_headings_are_read_for_each_line() -> None:
    extraction = found(GOODS)
    lines = extraction.invoice.line_items
    assert [dict(line.custom) for line in lines] == [
        {"charge_number": "C-0815", "weight_kg": "12.5"},
        {"weight_kg": "0.75"},
    ]
    assert evidence(extraction, "line_items[1].custom.weight_kg").text == "0,75"
    assert [(line.description, line.net_amount) for line in lines] == [
        (line.description, line.net_amount) for line in extracted(reading(GOODS)).invoice.line_items
    ]


def test_declaring_a_label_of_the_lexicon_takes_nothing_from_other_fields() -> None:
    declared = Declarations.model_validate(
        {
            "fields": [
                {"name": "our_number", "type": "identifier", "labels": {"all": ["Rechnungsnummer"]}},
                {"name": "piece_count", "type": "number", "place": "line", "labels": {"all": ["Menge"]}},
            ]
        }
    )
    extraction, without = found(GOODS, declared=declared), extracted(reading(GOODS))
    assert extraction.invoice.custom == {"our_number": "RE-2024-117"}
    assert [dict(line.custom) for line in extraction.invoice.line_items] == [{}, {}]
    bare = extraction.invoice.model_dump(exclude={"custom"})
    assert bare == without.invoice.model_dump(exclude={"custom"})


def test_a_changed_declaration_is_another_version_of_the_engine() -> None:
    other = Declarations(fields=OWN.fields[1:])
    versions = {OfflineEngine(own_fields=each).version for each in (OWN, other, Declarations())}
    assert len(versions) == 3
    assert OfflineEngine().version == VERSION
    assert OfflineEngine(own_fields=OWN).remembering(lambda _sha, _keys: ()).version in versions
