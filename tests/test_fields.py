"""One table of fields: what repeats it, because it must be written out, is compared with it here."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import get_args, get_type_hints

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from cira_pipeline.api.invoice_models import ListedInvoice
from cira_pipeline.api.page import formatting as words
from cira_pipeline.db.database import Database
from cira_pipeline.db.field_migration import field_migration
from cira_pipeline.db.schema.tables import ROW_TABLES, records
from cira_pipeline.evaluation.comparison import TEXT_FIELDS
from cira_pipeline.extraction.azure_openai.vocabulary import STANDARD
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, ROWS, TERMS, Invoice
from cira_pipeline.models import EngineName, Extraction, Reading
from cira_pipeline.pipeline.processor import _input_hash
from cira_pipeline.validation.confidence.calibration import GROUPS, shipped_calibration

MODELS: dict[str, type[BaseModel]] = {"header": Invoice, **ROWS}
ALL_TERMS = {"header": TERMS, **ROW_TERMS}


@pytest.mark.parametrize("part", MODELS)
def test_a_fields_kind_is_that_of_its_type(part: str) -> None:
    types = {FieldKind.DATE: date, FieldKind.POSITION: int}
    for name, term in ALL_TERMS[part].items():
        if term.kind in (FieldKind.TABLE, FieldKind.MAP):
            continue
        found = {each for each in get_args(get_type_hints(MODELS[part])[name]) if each is not type(None)}
        expected = Decimal if term.kind.is_number else types.get(term.kind, str)
        assert found == {expected}, name
        assert (term.kind.max_chars is not None) == (expected is str), name


@pytest.mark.parametrize("part", MODELS)
def test_each_field_has_a_term_of_its_own_and_a_name_of_its_own_for_people(part: str) -> None:
    terms = list(ALL_TERMS[part].values())
    numbers = [term.number for term in terms if term.number]
    assert all(re.fullmatch(r"B[TG]-\d+", number) for number in numbers)
    assert len(set(numbers)) == len(numbers)
    assert len({term.label for term in terms}) == len(terms)


def test_columns_of_one_name_are_of_one_kind_in_all_tables() -> None:
    kinds: dict[str, set[object]] = {}
    for terms in ROW_TERMS.values():
        for name, term in terms.items():
            kinds.setdefault(name, set()).add(term.kind.max_chars if term.kind.max_chars else term.kind)
    assert {name: found for name, found in kinds.items() if len(found) > 1} == {}


def test_each_header_field_has_a_group_on_the_page_and_no_field_of_a_row_has() -> None:
    assert all((TERMS[name].group is None) == (name not in HEADER_FIELDS) for name in TERMS)
    assert all(term.group is None for terms in ROW_TERMS.values() for term in terms.values())


def test_the_database_has_a_column_for_each_field() -> None:
    for table, terms in ((records, TERMS), *((ROW_TABLES[name], terms) for name, terms in ROW_TERMS.items())):
        assert {name for name, term in terms.items() if term.kind is not FieldKind.TABLE} <= set(table.c.keys())


def test_a_database_with_all_migrations_needs_no_further_one_for_the_fields(database: Database) -> None:
    with database.begin() as connection:
        assert field_migration(connection) == "", "run `python -m cira_pipeline.db.field_migration`"


def test_analysts_see_each_header_field(database: Database) -> None:
    with database.begin() as connection:
        columns = set(connection.execute(text("SELECT * FROM cira.invoices LIMIT 0")).keys())
    assert set(HEADER_FIELDS) <= columns, "a migration is missing that adds the field to the view cira.invoices"


def test_a_listed_invoice_shows_fields_of_the_record_in_their_types() -> None:
    listed, whole = get_type_hints(ListedInvoice), get_type_hints(Invoice)
    shown = listed.keys() & whole.keys()
    left_out = {name for name in HEADER_FIELDS if not TERMS[name].detail} - shown
    assert left_out == {"payment_terms", "supplier_address", "customer_vat_id", "customer_address"}
    assert {name for name in shown if listed[name] != whole[name]} == set()


def test_the_page_shows_each_field_once() -> None:
    shown = [name for _, names in words.GROUPS for name in names]
    assert sorted(shown) == sorted(HEADER_FIELDS)


def test_a_model_is_asked_for_each_field_that_a_page_can_print() -> None:
    not_asked = {name for name in HEADER_FIELDS if name not in STANDARD.header}
    assert not_asked == {"payment_means"}
    assert set(ROW_TERMS) - {asked.table for asked in STANDARD.tables.values()} == {"attachments"}
    for asked in STANDARD.tables.values():
        left_out = ROW_TERMS[asked.table].keys() - asked.columns.keys() - asked.chosen.keys()
        maps = {name for name, term in ROW_TERMS[asked.table].items() if term.kind is FieldKind.MAP}
        codes = {"category", "exemption_code", "reason_code", "standard_item_scheme", "tax_category"}
        assert left_out <= maps | codes


def test_prose_is_compared_by_words_and_all_else_letter_by_letter() -> None:
    assert {"supplier_name", "payment_terms"} <= TEXT_FIELDS
    assert not TEXT_FIELDS & {"invoice_number", "payment_iban", "gross_total", "issue_date"}


def test_the_calibration_knows_the_group_of_each_field() -> None:
    assert set(GROUPS) == set(HEADER_FIELDS)
    assert set(shipped_calibration().intercepts) == set(GROUPS.values())


def test_an_extraction_stored_before_a_field_was_added_does_not_replace_one_with_it() -> None:
    """Extractions are stored by content: the new field would stay empty for every document that was known before."""

    class LongerInvoice(Invoice):
        project: str | None = None

    class LongerExtraction(Extraction):
        invoice: LongerInvoice

    reading = Reading(reader="test", reader_version="1", pages=(), lines=(), seconds=0)
    engine = {"engine": EngineName.OFFLINE, "engine_version": "1"}
    before = Extraction(invoice=Invoice(invoice_number="4711"), **engine)
    after = LongerExtraction(invoice=LongerInvoice(invoice_number="4711"), **engine)
    assert _input_hash("0" * 64, reading, before) == _input_hash("0" * 64, reading, before)
    assert _input_hash("0" * 64, reading, before) != _input_hash("0" * 64, reading, after)
