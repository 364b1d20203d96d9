"""What a person types, and what is asked for again because it could mean two things."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from cira_pipeline.api.page.record_form import changes_in, record_form
from cira_pipeline.api.page.typed_values import NotUnderstood, shown, typed
from cira_pipeline.invoice import LineItem
from tests.db.invoices import invoice, record


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1234.56", "1234.56"),
        ("1234,56", "1234.56"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1 234,56", "1234.56"),
        ("1'234.50", "1234.50"),
        ("1.234.567", "1234567"),
        ("12,345,678.9", "12345678.9"),
        ("0,075", "0.075"),
        ("-5", "-5"),
        ("−5,00", "-5.00"),
        ("7", "7"),
        ("1234,5", "1234.5"),
        ("12.", "12.0"),
        ("12,34,567.00", "1234567.00"),
        ("- 5", "-5"),
    ],
)
def test_amounts_are_understood_as_they_are_written_in_europe(text, value):
    assert typed("gross_total", text) == Decimal(value)


@pytest.mark.parametrize("text", ["1,234", "1.234", "12.345", "-1,000"])
def test_a_thousand_is_never_taken_for_one(text):
    with pytest.raises(NotUnderstood, match="This could be"):
        typed("net_amount", text)


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "1,2,3",
        "1.23,4,5",
        "12 EUR",
        "1e9",
        "NaN",
        "Infinity",
        "--5",
        "9" * 31,
        "1,23.456,7",
        "1.234.56",
        "1 2",
        "-",
        "−-5",
        "²",
    ],
)
def test_what_is_no_amount_is_none(text):
    with pytest.raises(NotUnderstood):
        typed("tax", text)


@pytest.mark.parametrize("text", ["2026-03-14", "14.3.2026", "14.03.26", "14. 3. 2026"])
def test_dates_are_understood_year_first_or_day_first(text):
    assert typed("due_date", text) == date(2026, 3, 14)


def test_a_year_of_two_digits_is_of_the_century_that_documents_mean():
    assert typed("issue_date", "14.3.98") == date(1998, 3, 14)


@pytest.mark.parametrize("text", ["03/14/2026", "2026-02-30", "14 March", "0000-01-01", "1.13.2026"])
def test_a_date_that_is_none_or_could_be_two_is_asked_for_again(text):
    with pytest.raises(NotUnderstood):
        typed("issue_date", text)


def test_codes_lose_their_spaces_and_names_their_line_ends():
    assert typed("payment_iban", "de89 3704 0044 0532 0130 00") == "DE89370400440532013000"
    assert typed("supplier_vat_id", "de 136.695.976") == "DE136695976"
    assert typed("supplier_address", "Hauptstraße 1\r\n10115  Berlin") == "Hauptstraße 1 10115 Berlin"
    assert typed("currency", "eur") == "EUR"
    assert typed("currency", "  ") is None
    with pytest.raises(NotUnderstood):
        typed("currency", "euro")


def _form(of) -> dict[str, str]:
    made = record_form(record(of), date(2026, 1, 1))
    fields = {each.name: each.value for group in made.groups for each in (*group.fields, *group.folded)}
    return fields | {cell.name: cell.value for table in made.tables for row in table.rows for cell in row.cells}


def test_a_form_that_nobody_touched_changes_nothing_to_the_last_digit():
    given = invoice(
        gross_total=Decimal("1234.000"),
        supplier_address="Zeile 1\nZeile 2",
        line_items=(LineItem(description=" a  b ", unit_price=Decimal("0.075"), quantity=Decimal("1.000")),),
    )
    changes = changes_in(_form(given), given)
    assert (changes.values, changes.errors) == ({}, {})


def test_only_what_was_touched_changes_and_empty_means_that_there_is_none():
    given = invoice()
    form = _form(given) | {"invoice_number": "RE-9", "payment_iban": "", "line_items.0.quantity": "2000"}
    changes = changes_in(form, given).values
    assert set(changes) == {"invoice_number", "payment_iban", "line_items"}
    assert (changes["invoice_number"], changes["payment_iban"]) == ("RE-9", None)
    assert changes["line_items"][0] == given.line_items[0].model_copy(update={"quantity": Decimal(2000)})
    assert changes["line_items"][1] == given.line_items[1]


def test_rows_are_added_and_taken_away():
    given = invoice()
    form = _form(given) | {name: "" for name in _form(given) if name.startswith("line_items.0.")}
    form |= {"line_items.2.description": "Freight", "line_items.2.net_amount": "12,00", "tax_breakdown.1.rate": "7"}
    changes = changes_in(form, given).values
    assert [each.description for each in changes["line_items"]] == ["Versand", "Freight"]
    assert changes["line_items"][1].net_amount == Decimal("12.00")
    assert [each.rate for each in changes["tax_breakdown"]] == [Decimal(19), Decimal(7)]


def test_mistakes_stand_by_the_name_of_their_input_and_a_strange_input_is_nothing():
    given = invoice()
    form = _form(given) | {"due_date": "soon", "line_items.1.net_amount": "1,234", "line_items.x.net_amount": "1"}
    changes = changes_in(form | {"line_items.99999999999.unit": "x", "status": "accepted"}, given)
    assert set(changes.errors) == {"due_date", "line_items.1.net_amount"}
    assert changes.values == {}
    again = record_form(record(given), date(2026, 1, 1), form, changes.errors)
    shown_again = {each.name: each for group in again.groups for each in group.fields}
    assert (shown_again["due_date"].value, again.first) == ("soon", "due_date")
    assert shown(given.due_date) == "2024-06-01"
