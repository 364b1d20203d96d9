"""Texts that break what people read records with, from whatever engine."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel

from cira_pipeline.invoice import HEADER_FIELDS, ROWS, Invoice, LineItem
from cira_pipeline.invoice_bounds import MAX_CHARS, MAX_KEY_CHARS, MAX_MAP_CHARS, MAX_ROWS, bounded, visible
from cira_pipeline.models import EngineName, Evidence, Extraction, Record, Verdict
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.db.invoices import invoice

ENGINES = list(EngineName)


def record_of(engine: EngineName, **fields: Any) -> Record:
    found = invoice(**fields)
    evidence = tuple(
        Evidence(field=name, engine=engine, text="x", page=1, line=1, confidence=1)
        for name in HEADER_FIELDS
        if getattr(found, name) is not None
    )
    extraction = Extraction(engine=engine, engine_version="1", invoice=found, evidence=evidence)
    return validate(extraction, ValidationContext(today=date(2026, 1, 31)))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_name_of_200_000_characters_is_left_out_and_a_person_looks(engine: EngineName) -> None:
    record = record_of(engine, supplier_name="A" * 200_000)
    assert record.invoice.supplier_name is None
    assert record.verdict is Verdict.NEEDS_REVIEW
    assert "CIRA-TEXT-01" in {finding.rule for finding in record.findings}
    assert "supplier_name" not in {each.field for each in record.evidence}


@pytest.mark.parametrize("name", [name for name in HEADER_FIELDS if name in MAX_CHARS])
def test_every_text_has_a_bound_and_what_keeps_it_stays(name: str) -> None:
    most = MAX_CHARS[name]
    assert getattr(bounded(Invoice(**{name: "A" * most})).invoice, name) == "A" * most
    assert bounded(Invoice(**{name: "A" * (most + 1)})) == (Invoice(), (name,), ())


def test_lines_are_bounded_too() -> None:
    long = Invoice(line_items=(LineItem(description="ok"), LineItem(description="x" * 10_001, unit="u" * 101)))
    assert bounded(long).too_long == ("line_items[1].description", "line_items[1].unit")
    assert bounded(long).invoice.line_items == (LineItem(description="ok"), LineItem())
    assert bounded(Invoice(line_items=(LineItem(),) * (MAX_ROWS + 1))) == (Invoice(), ("line_items",), ())


def test_every_text_field_of_the_model_has_a_bound() -> None:
    models: list[type[BaseModel]] = [Invoice, *ROWS.values()]
    texts = {name for model in models for name, field in model.model_fields.items() if field.annotation == str | None}
    assert texts == set(MAX_CHARS)


def test_texts_of_every_table_and_named_values_are_bounded() -> None:
    for table, row in ROWS.items():
        long = {name: "x" * (MAX_CHARS[name] + 1) for name in row.model_fields if name in MAX_CHARS}
        found = bounded(Invoice(**{table: (row(**long),)}))
        assert set(found.too_long) == {f"{table}[0].{name}" for name in long}
        assert getattr(found.invoice, table) == (row(),)
    named = {
        "BT-18": ("kept", "x" * (MAX_MAP_CHARS + 1)),
        "k" * (MAX_KEY_CHARS + 1): ("lost",),
        "in\u200bvisible": ("lost",),
    }
    found = bounded(Invoice(other_terms=named, custom={"cost_centre": "4\u200b2"}))
    assert found.invoice == Invoice(other_terms={"BT-18": ("kept",)}, custom={"cost_centre": "42"})
    assert found.too_long == ("other_terms",)
    assert bounded(Invoice(custom={str(at): "x" for at in range(MAX_ROWS + 1)})) == (Invoice(), ("custom",), ())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_name_that_is_shown_in_another_order_is_put_right_and_a_person_looks(engine: EngineName) -> None:
    record = record_of(engine, supplier_name="Acme \u202eDTL\u202c Ltd")
    assert record.invoice.supplier_name == "Acme DTL Ltd"
    assert record.verdict is Verdict.NEEDS_REVIEW
    assert "CIRA-TEXT-02" in {finding.rule for finding in record.findings}


def test_characters_that_nobody_sees_are_removed() -> None:
    assert visible("A\u200bc\x00m\u2066e\ufeff\x85 \u200eLtd\ud800\U000e0041") == "Acme Ltd"
    assert visible("\u200b\u200b") is None
    assert visible("Müller & Söhne\tGmbH\nBerlin") == "Müller & Söhne\tGmbH\nBerlin"


def test_no_text_within_its_bound_breaks_pythons_csv() -> None:
    longest = [["A" * most for most in MAX_CHARS.values()]]
    lines = io.StringIO()
    csv.writer(lines).writerows(longest)
    lines.seek(0)
    assert list(csv.reader(lines)) == longest
