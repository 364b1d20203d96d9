from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.evaluation.check import measure
from cira_pipeline.evaluation.score import Matches, Scoreboard, score
from cira_pipeline.invoice import Invoice, LineItem, PaymentAccount, TaxId, TaxLine


@pytest.mark.parametrize(
    ("field", "value", "truth"),
    [
        ("invoice_number", "RE-2026/17", "re 2026.17"),
        ("supplier_vat_id", "DE123456789", "DE 123 456 789"),
        ("payment_iban", "DE02120300000000202051", "de02 1203 0000 0000 2020 51"),
        ("purchase_order", "4500–17", "4500-17"),
        ("net_total", Decimal("10.00"), "10"),
        ("gross_total", Decimal("-0.5"), "-0.50"),
        ("issue_date", date(2026, 1, 31), "2026-01-31"),
        ("supplier_name", "Muster GmbH", "MUSTER GMBH"),
        ("supplier_address", "Hauptstr. 1, 12345 Berlin, DE", "Hauptstr. 1, 12345 Berlin"),
    ],
)
def test_a_right_value_is_not_called_wrong_for_how_it_is_written(field: str, value: Any, truth: str) -> None:
    result = score(Invoice(**{field: value}), {field: truth})
    assert (result.right, result.wrong, result.missing) == ((field,), (), ())
    assert result.header_accuracy == 1
    assert result.exact


@pytest.mark.parametrize(
    ("field", "value", "truth"),
    [
        ("invoice_number", "17", "71"),
        ("gross_total", Decimal("119.01"), "119.00"),
        ("gross_total", Decimal("119"), "-119"),
        ("issue_date", date(2026, 2, 1), "2026-01-02"),
        ("supplier_name", "Beispiel AG", "Muster GmbH"),
        ("currency", "USD", "EUR"),
        ("purchase_order", "17", None),
    ],
)
def test_a_wrong_value_is_never_called_right(field: str, value: Any, truth: str | None) -> None:
    result = score(Invoice(**{field: value}), {field: truth})
    assert (result.right, result.wrong, result.missing) == ((), (field,), ())
    assert not result.exact


def test_a_missing_value_is_told_apart_from_a_wrong_one() -> None:
    label = {"invoice_number": "1", "currency": "EUR", "net_total": "5", "purchase_order": None}
    result = score(Invoice(invoice_number="2", currency="EUR"), label)
    assert result.right == ("currency", "purchase_order")
    assert result.wrong == ("invoice_number",)
    assert result.missing == ("net_total",)
    assert result.header_accuracy == Decimal("0.5")


def test_fields_without_a_label_are_not_judged() -> None:
    result = score(Invoice(invoice_number="1", currency="EUR", line_items=(LineItem(),)), {"invoice_number": "1"})
    assert result.header_accuracy == 1
    assert result.lines is None
    assert result.exact


def _items(*rows: tuple[str, str]) -> tuple[LineItem, ...]:
    return tuple(LineItem(description=description, net_amount=Decimal(net)) for description, net in rows)


def _truths(*rows: tuple[str, str]) -> list[dict[str, str]]:
    return [{"description": description, "net_amount": net} for description, net in rows]


@pytest.mark.parametrize(
    ("items", "truths", "expected"),
    [
        ([("Apple juice", "5.00"), ("Pears", "7")], [("pears", "7.00"), ("apple juice", "5")], Matches(2, 0, 0)),
        ([("Apple juice", "5.00")], [("Apple juice", "5.01")], Matches(0, 1, 1)),
        ([("Quicksilver pump", "5")], [("Apple juice", "5")], Matches(0, 1, 1)),
        ([("Pears", "7"), ("Pears", "7")], [("Pears", "7")], Matches(1, 1, 0)),
        ([("Pears", "7")], [("Pears", "7"), ("Pears", "7")], Matches(1, 0, 1)),
        ([], [("Pears", "7")], Matches(0, 0, 1)),
        ([("Pears", "7")], [], Matches(0, 1, 0)),
    ],
)
def test_each_line_counts_once(items: list[tuple[str, str]], truths: list[tuple[str, str]], expected: Matches) -> None:
    result = score(Invoice(line_items=_items(*items)), {"line_items": _truths(*truths)})
    assert result.lines == expected


def test_lines_are_paired_so_that_as_many_as_possible_match() -> None:
    # Taking the closest pair first would leave "shirt, blue" without a partner.
    items = _items(("red cotton shirt", "9"), ("shirt, blue", "9"))
    truths = _truths(("red cotton shirt", "9"), ("red cotton trousers", "9"))
    assert score(Invoice(line_items=items), {"line_items": truths}).lines == Matches(2, 0, 0)


def test_the_tax_breakdown_is_counted_apart_from_the_header() -> None:
    invoice = Invoice(
        tax_breakdown=(
            TaxLine(rate=Decimal("19.00"), net=Decimal("100"), tax=Decimal("19")),
            TaxLine(rate=Decimal(7), net=Decimal(10), tax=Decimal("0.71")),
        )
    )
    label = {
        "tax_breakdown": [{"rate": "7", "net": "10", "tax": "0.70"}, {"rate": "19", "net": "100.00", "tax": "19.00"}]
    }
    result = score(invoice, label)
    assert result.tax_breakdown == Matches(1, 1, 1)
    assert result.header_accuracy is None
    assert not result.exact


def test_values_of_rows_are_judged_by_the_row_they_belong_to() -> None:
    invoice = Invoice(
        supplier_tax_ids=(TaxId(scheme="VAT", value="GB 123 4567 82"), TaxId(scheme="EIN", value="12-3456789")),
        payment_accounts=(PaymentAccount(account="12345678", routing="20-00-00"),),
    )
    label = {
        "supplier_tax_ids": [{"scheme": "VAT", "value": "GB123456782"}],
        "payment_accounts": [
            {"account": "999", "routing": "1"},
            {"account": "12345678", "routing": "200001", "bic": None, "name": "Muster Ltd"},
        ],
    }
    result = score(invoice, label)
    assert result.tables == {"supplier_tax_ids": Matches(1, 1, 0), "payment_accounts": Matches(0, 1, 2)}
    assert {cell.place: cell.outcome for cell in result.cells} == {
        "supplier_tax_ids[0].scheme": "right",
        "supplier_tax_ids[0].value": "right",
        "supplier_tax_ids[1].scheme": "wrong",
        "supplier_tax_ids[1].value": "wrong",
        "payment_accounts[1].account": "right",
        "payment_accounts[1].routing": "wrong",
        "payment_accounts[1].bic": "right",
        "payment_accounts[1].name": "missing",
        "payment_accounts[0].account": "missing",
        "payment_accounts[0].routing": "missing",
    }
    assert not result.exact


def test_fields_of_ones_own_are_judged_like_the_others() -> None:
    invoice = Invoice(
        custom={"site": "Leeds", "floor": "2.0", "shift": "x"}, line_items=(LineItem(custom={"job": "7"}),)
    )
    label = {"custom": {"site": "York", "floor": "2", "gate": "B"}, "line_items": [{"custom": {"job": "7"}}]}
    outcomes = {cell.place: cell.outcome for cell in score(invoice, label).cells}
    assert outcomes == {
        "custom.site": "wrong",
        "custom.floor": "right",
        "custom.gate": "missing",
        "line_items[0].custom.job": "right",
    }


def test_an_invented_row_counts_as_wrong_values() -> None:
    board = Scoreboard()
    board.add(score(Invoice(supplier_tax_ids=(TaxId(scheme="EIN", value="1"),)), {"supplier_tax_ids": []}))
    assert dict(board.values) == {"wrong": 2}
    assert board.value_accuracy == 0
    assert board.other_tables == Matches(0, 1, 0)


def test_f1_is_unknown_without_rows_and_a_share_otherwise() -> None:
    assert Matches().f1 is None
    assert Matches(right=3, extra=1, lost=1).f1 == Decimal("0.75")


def test_a_scoreboard_weighs_every_labelled_field_the_same() -> None:
    board = Scoreboard()
    board.add(score(Invoice(invoice_number="1", currency="EUR"), {"invoice_number": "1", "currency": "EUR"}))
    board.add(score(Invoice(invoice_number="2"), {"invoice_number": "1"}))
    board.add_failed({"currency": "EUR", "line_items": _truths(("Pears", "7"))})
    assert board.documents == 3
    assert board.exact_documents == 1
    assert board.header_accuracy == Decimal("0.5")
    assert board.wrong_share == Decimal("0.25")
    assert board.missing_share == Decimal("0.25")
    assert board.field_accuracy("currency") == Decimal("0.5")
    assert board.field_accuracy("due_date") is None
    assert board.lines == Matches(0, 0, 1)


def test_an_unlabelled_record_never_passes_as_measured() -> None:
    labels: tuple[dict[str, Any] | None, ...] = (None, {})
    for label in labels:
        result = measure(Invoice(invoice_number="1"), label, Decimal("0.95"))
        assert result.status == "unlabelled"
        assert result.header_accuracy is None


def test_the_check_fails_below_the_threshold_and_names_the_fields() -> None:
    invoice = Invoice(invoice_number="1", currency="USD")
    label = {"invoice_number": "1", "currency": "EUR", "net_total": "5"}
    result = measure(invoice, label, Decimal("0.95"))
    assert result.status == "failed"
    assert (result.wrong, result.missing) == (("currency",), ("net_total",))
    assert measure(invoice, label, Decimal("0.3")).status == "passed"


def test_the_check_fails_when_only_the_lines_are_wrong() -> None:
    invoice = Invoice(invoice_number="1", line_items=_items(("Pears", "8")))
    label = {"invoice_number": "1", "line_items": _truths(("Pears", "7"))}
    result = measure(invoice, label, Decimal("0.95"))
    assert result.status == "failed"
    assert result.header_accuracy == 1
    assert result.line_f1 == 0
