"""Rules of one's own: exact, checked when they are loaded, bounded, and never silent."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cira_pipeline.custom.declaration import Declarations
from cira_pipeline.custom.declaration_file import own_rules, read_declarations
from cira_pipeline.custom.expression import Undecided, compile_condition
from cira_pipeline.custom.rules import OwnRule
from cira_pipeline.errors import CustomFieldsInvalid
from cira_pipeline.invoice import Invoice, LineItem
from cira_pipeline.models import EngineName, Extraction, Severity, Verdict
from cira_pipeline.validation.validate import ValidationContext, validate
from cira_pipeline.validation.verdict import verdict_of

TODAY = date(2026, 3, 1)
OWN = Declarations.model_validate(
    {
        "fields": [
            {"name": "cost_centre", "type": "code", "pattern": "[0-9]{4}"},
            {"name": "retention", "type": "amount"},
            {"name": "started_on", "type": "date"},
            {"name": "weight_kg", "type": "number", "place": "line"},
        ]
    }
)
INVOICE = Invoice(
    invoice_number="RE-1",
    issue_date=date(2026, 1, 31),
    due_date=date(2026, 3, 2),
    currency="EUR",
    supplier_name="Nordlicht GmbH",
    net_total=Decimal("0.30"),
    tax_total=Decimal("0.057"),
    gross_total=Decimal("10000.01"),
    custom={"cost_centre": "4711", "retention": "12.50", "started_on": "2026-01-02"},
    other_terms={"BT-18": ("A-1",)},
    line_items=(
        LineItem(description="Pipe", net_amount=Decimal("0.10"), tax_rate=Decimal(19), custom={"weight_kg": "1.5"}),
        LineItem(description="Bend", net_amount=Decimal("0.20"), tax_rate=None),
    ),
)


def holds(text: str, invoice: Invoice = INVOICE) -> bool:
    return compile_condition(text, OWN).holds(invoice, OWN, TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "gross_total > 10000 && purchase_order == null",
        "gross_total == 10000.01 && gross_total > 10000.009999999999999999999",
        "0.1 + 0.2 == 0.3",
        "line_items[0].net_amount + line_items[1].net_amount == net_total",
        "sum(line_items.map(l, l.net_amount)) == net_total",
        "7 / 2 == 3.5 && 7 % 2 == 1 && -3 + 4 == 1",
        "line_items.exists(l, l.tax_rate == 19)",
        "!line_items.exists(l, l.tax_rate == 0)",
        "line_items.exists_one(l, l.tax_rate == null)",
        "size(line_items.filter(l, l.net_amount > 0.1)) == 1",
        "line_items.all(l, size(l.description) == 4)",
        "line_items.exists(l, l.custom.weight_kg > 1.4)",
        "custom.cost_centre == '4711' && custom.retention < 12.51",
        "custom.started_on < issue_date && today == date('2026-03-01')",
        "due_date - issue_date == 30 && issue_date + 30 == due_date",
        "currency in ['EUR', 'CHF'] && !(currency in ['USD'])",
        "supplier_name.startsWith('Nord') && supplier_name.lowerAscii().contains('gmbh')",
        "invoice_number.matches('^RE-[0-9]+$')",
        "has(custom.cost_centre) && !has(purchase_order)",
        "other_terms['BT-18'] == ['A-1'] && size(other_terms['BT-99']) == 0",
        "purchase_order == null ? gross_total > 1 : false",
        "round(tax_total, 2) == 0.06 && abs(-1.5) == 1.5",
        "true || amount_due > 1",
        "!(false && amount_due > 1)",
    ],
)
def test_expressions_mean_what_they_say_to_the_last_digit(text: str) -> None:
    assert holds(text) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("amount_due > 10", "amount_due is not stated"),
        ("amount_due > 10 || gross_total < 1", "amount_due is not stated"),
        ("line_items.all(l, l.tax_rate > 1)", "l.tax_rate is not stated"),
        ("sum(line_items.map(l, l.tax_rate)) > 1", "rows without a number"),
        ("net_total / (net_total - 0.3) > 1", "a division by zero"),
        ("line_items[7].net_amount > 1", "has no element 7"),
        ("issue_date + 10000000000 > today", "beyond all bounds"),
    ],
)
def test_what_the_invoice_leaves_open_is_undecided_and_not_false(text: str, expected: str) -> None:
    with pytest.raises(Undecided, match=expected):
        holds(text)


def test_an_expensive_rule_is_ended_and_named() -> None:
    lines = tuple(LineItem(net_amount=Decimal(each)) for each in range(3_000))
    invoice = INVOICE.model_copy(update={"line_items": lines})
    started = time.monotonic()
    with pytest.raises(Undecided, match="more than 200,000 steps"):
        holds("line_items.all(a, line_items.all(b, a.net_amount + b.net_amount >= 0))", invoice)
    assert time.monotonic() - started < 30


FIELDS = '[[field]]\nname = "cost_centre"\n\n'


def rule(expression: str = "gross_total > 1", **other: Any) -> str:
    given = {"id": "mine", "text": "look", **other}
    rest = "\n".join(f"{name} = {value if isinstance(value, list) else repr(value)}" for name, value in given.items())
    return f"{FIELDS}[[rule]]\nexpression = '''{expression}'''\n{rest}\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rule("gross_total >"), "line 4, rule 1 `mine`, expression: line 1, column"),
        (rule("gros_total > 1"), "there is no field `gros_total`; is `gross_total` meant?"),
        (rule("custom.cost_center == '1'"), "custom has no field `cost_center`; is `cost_centre` meant?"),
        (rule("custom.site == '1'"), "custom has no field `site`; declare it with [[field]]"),
        (rule("line_items.exists(l, l.tax == 0)"), "has no field `tax`"),
        (rule("gross_total == '10'"), "a number is compared with a text"),
        (rule("gross_total > issue_date"), "a number is compared with a date"),
        (rule("gross_total > null"), "have no order"),
        (rule("gross_total + 1"), "it is a number, and a rule needs a condition"),
        (rule("gross_total && true"), "gross_total is a number, not a condition"),
        (rule("line_items.sum(l, l.net_amount) > 1"), "has no function `sum`"),
        (rule("exec('1')"), "there is no function `exec`"),
        (rule("gross_total.__class__ == 1"), "a number has no field `__class__`"),
        (rule("date('2026-02-30') < today"), "is not a date"),
        (rule("supplier_name.matches('(')"), "not a regular expression of RE2"),
        (rule("supplier_name.matches(invoice_number)"), "a text in quotation marks is needed"),
        (rule("gross_total > 1e999999999"), "beyond all bounds"),
        (rule("gross_total{a: 1} == 1"), "this form of CEL is not supported"),
        (rule("line_items.exists(currency, true)"), "has the name of a field"),
        (rule("(" * 60 + "true" + ")" * 60), "nested too deeply"),
        (rule(" && ".join(["true"] * 500)), "String should have at most 2000 characters"),
        (rule(severity="fatal"), "severity: Input should be 'info', 'warning' or 'error'"),
        (rule(id="Mine!"), "id: must be snake_case"),
        (rule(fields=["gros_total"]), "fields: there is no field `gros_total`"),
        (rule(text="due {gros_total}"), "text: there is no field `gros_total` of the invoice"),
        (FIELDS + '[[rule]]\nid = "mine"', "expression: is missing"),
        (rule() + rule()[len(FIELDS) :], "rule 2 `mine`: declared twice"),
        ('[[field]]\nname = "today"', "has a meaning in expressions"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_at_the_start(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "fields.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CustomFieldsInvalid) as raised:
        read_declarations(path)
    assert expected in raised.value.message


def validated(rules: str, folder: Path, invoice: Invoice = INVOICE) -> Any:
    path = folder / "fields.toml"
    path.write_text(rules, encoding="utf-8")
    extraction = Extraction(engine=EngineName.EINVOICE, engine_version="1", invoice=invoice)
    return validate(extraction, ValidationContext(today=TODAY, own_rules=own_rules(path)))


def test_a_rule_that_holds_is_a_finding_with_its_id_severity_text_and_fields(tmp_path: Path) -> None:
    content = rule(
        "gross_total > 10000 && purchase_order == null",
        id="order_required",
        severity="error",
        text="{gross_total} {currency} for {custom.cost_centre} without order {purchase_order}",
        fields=["purchase_order"],
    )
    record = validated(content, tmp_path)
    [found] = [each for each in record.findings if each.rule == "own.order_required"]
    assert found.severity is Severity.ERROR
    assert found.message == "10000.01 EUR for 4711 without order (none)"
    assert found.fields == ("purchase_order",)
    assert record.verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("severity", "expected"), [("info", "accepted"), ("warning", "needs_review"), ("error", "needs_review")]
)
def test_a_rule_counts_for_the_verdict_by_its_severity(tmp_path: Path, severity: str, expected: str) -> None:
    own = [each for each in validated(rule(severity=severity), tmp_path).findings if each.rule == "own.mine"]
    assert verdict_of(own, read_from_page=False) == expected


def test_a_rule_that_fails_on_an_invoice_is_a_finding_that_names_it(tmp_path: Path) -> None:
    record = validated(rule("amount_due > 10"), tmp_path)
    [found] = [each for each in record.findings if each.rule == "CIRA-OWN-01"]
    assert found.message == "the rule `mine` cannot be decided for this invoice: amount_due is not stated"
    assert found.fields == ("amount_due",)
    assert found.severity is Severity.WARNING


def test_a_value_kept_under_an_earlier_declaration_does_not_end_the_evaluation() -> None:
    old = INVOICE.model_copy(update={"custom": {"retention": "a lot"}})
    [finding] = OwnRule(
        Declarations.model_validate(
            {"rules": [{"id": "mine", "expression": "gross_total > 1", "text": "{custom.retention}"}]}
        ).rules[0],
        OWN,
    ).findings(old, TODAY)
    assert finding.message == "a lot"
    with pytest.raises(Undecided, match=r"custom\.retention is not stated"):
        holds("custom.retention > 1", old)
