"""Declared fields on the page: shown with their evidence, checked by type, and kept as typed."""

from __future__ import annotations

from datetime import date

import pytest

from cira_pipeline.api.page.record_form import changes_in, record_form
from cira_pipeline.custom.declaration import Declarations
from cira_pipeline.invoice import Invoice, LineItem
from cira_pipeline.models import EngineName, Evidence, Record, Verdict

OWN = Declarations.model_validate(
    {
        "fields": [
            {"name": "cost_centre", "type": "code", "pattern": "[0-9]{4}", "description": "who bears the cost"},
            {"name": "retention", "type": "amount", "title": "Retained"},
            {"name": "started_on", "type": "date"},
            {"name": "batch", "type": "identifier", "place": "line"},
            {"name": "weight", "type": "number", "place": "line", "title": "Weight, kg"},
        ]
    }
)
INVOICE = Invoice(custom={"cost_centre": "4711", "earlier": "kept"})
RECORD = Record(
    invoice=INVOICE,
    verdict=Verdict.NEEDS_REVIEW,
    findings=(),
    evidence=(Evidence(field="custom.cost_centre", engine=EngineName.OFFLINE, text="4711", page=1, confidence=0.5),),
    engine=EngineName.OFFLINE,
    engines=(EngineName.OFFLINE,),
)


def test_declared_fields_are_a_group_with_values_evidence_and_doubts() -> None:
    group = record_form(RECORD, date(2026, 3, 1), own=OWN).groups[-1]
    assert group.title == "Own fields"
    assert [(each.name, each.label, each.kind, each.value) for each in group.fields] == [
        ("custom.cost_centre", "Cost centre", "text", "4711"),
        ("custom.retention", "Retained", "amount", ""),
        ("custom.started_on", "Started on", "date", ""),
        ("custom.earlier", "Earlier", "long", "kept"),
    ]
    assert group.fields[0].doubtful
    assert group.fields[0].note == "who bears the cost"
    bare = record_form(RECORD.model_copy(update={"invoice": Invoice()}), date(2026, 3, 1))
    assert "Own fields" not in [each.title for each in bare.groups]


def test_what_a_person_types_is_read_by_the_type_of_the_field() -> None:
    given = {"custom.retention": "1.234,50", "custom.started_on": "2.1.2026", "custom.cost_centre": "4711"}
    found = changes_in(given, INVOICE, OWN)
    assert found.errors == {}
    assert found.values == {
        "custom": {"cost_centre": "4711", "earlier": "kept", "retention": "1234.50", "started_on": "2026-01-02"}
    }
    assert changes_in({"custom.cost_centre": "", "custom.earlier": "kept"}, INVOICE, OWN).values == {
        "custom": {"earlier": "kept"}
    }
    assert changes_in({"custom.unknown": "x"}, INVOICE, OWN).values == {}


@pytest.mark.parametrize(
    ("name", "text"), [("cost_centre", "47112"), ("retention", "a lot"), ("retention", "1,234"), ("started_on", "soon")]
)
def test_what_is_not_of_the_type_is_asked_for_again(name: str, text: str) -> None:
    found = changes_in({f"custom.{name}": text}, INVOICE, OWN)
    assert found.errors.keys() == {f"custom.{name}"}
    assert found.values == {}


LINES = Invoice(
    line_items=(
        LineItem(description="Bolts", custom={"batch": "B-7", "earlier": "kept"}),
        LineItem(description="Nuts"),
    )
)


def test_declared_fields_of_lines_are_columns_with_values_and_evidence() -> None:
    evidence = Evidence(
        field="line_items[0].custom.batch", engine=EngineName.OFFLINE, text="Batch B-7", page=1, confidence=0.9
    )
    record = RECORD.model_copy(update={"invoice": LINES, "evidence": (evidence,)})
    [table] = [each for each in record_form(record, date(2026, 3, 1), own=OWN).tables if each.name == "line_items"]
    own = {name: label for name, label in table.columns.items() if name.startswith("custom.")}
    assert own == {"custom.batch": "Batch", "custom.weight": "Weight, kg", "custom.earlier": "Earlier"}
    assert table.kinds["custom.weight"] == "amount"
    cells = {each.name: each for row in table.rows for each in row.cells}
    assert cells["line_items.0.custom.batch"].value == "B-7"
    assert cells["line_items.0.custom.batch"].evidence == evidence
    assert cells["line_items.1.custom.weight"].value == ""


def test_what_a_person_types_into_a_line_is_read_by_the_type_of_the_field() -> None:
    given = {
        "line_items.0.description": "Bolts",
        "line_items.0.custom.batch": "B-8",
        "line_items.0.custom.earlier": "kept",
        "line_items.1.description": "Nuts",
        "line_items.1.custom.weight": "2,50",
        "line_items.2.custom.batch": "B-9",
    }
    found = changes_in(given, LINES, OWN)
    assert found.errors == {}
    assert [(row.description, dict(row.custom)) for row in found.values["line_items"]] == [
        ("Bolts", {"batch": "B-8", "earlier": "kept"}),
        ("Nuts", {"weight": "2.50"}),
        (None, {"batch": "B-9"}),
    ]
    wrong = changes_in({"line_items.1.custom.weight": "heavy"}, LINES, OWN)
    assert wrong.errors.keys() == {"line_items.1.custom.weight"}
    emptied = {"line_items.0.description": "", "line_items.0.custom.batch": "", "line_items.0.custom.earlier": ""}
    removed = changes_in(emptied | {"line_items.1.description": "Nuts"}, LINES, OWN)
    assert removed.values["line_items"] == (LineItem(description="Nuts"),)
