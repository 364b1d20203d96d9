"""Each rule both ways: it complains when it must, and is silent when it may not complain."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.invoice import TOTAL_FIELDS, AllowanceCharge, Invoice, TaxId, Withholding
from cira_pipeline.models import EngineName, Evidence, Finding, Severity, Verdict
from cira_pipeline.validation import rules
from cira_pipeline.validation.rules import RULES, Rule
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.validation.extractions import SOUND, TODAY, changed, extraction_of, item, judged, rules_of, tax
from tests.validation.test_item_codes import ITEMS, line_of

D = Decimal


def test_a_sound_invoice_is_accepted_without_a_complaint() -> None:
    for engine in EngineName:
        record = judged(SOUND, engine=engine)
        assert record.findings == ()
        assert record.verdict is Verdict.ACCEPTED
        assert (record.engine, record.engines) == (engine, (engine,))
        assert record.invoice == SOUND


_MINUS: dict[str, Any] = {name: -getattr(SOUND, name) for name in TOTAL_FIELDS}

COMPLAINTS: list[tuple[Rule, dict[str, Any], str]] = [
    (rules.PROFORMA, {"invoice_type": "325"}, "invoice_type"),
    (rules.NUMBER_MISSING, {"invoice_number": None}, "invoice_number"),
    (rules.ISSUE_DATE_MISSING, {"issue_date": None}, "issue_date"),
    (rules.SUPPLIER_MISSING, {"supplier_name": None}, "supplier_name"),
    (rules.GROSS_TOTAL_MISSING, {"gross_total": None}, "gross_total"),
    (rules.CURRENCY_MISSING, {"currency": None}, "currency"),
    (rules.CUSTOMER_MISSING, {"customer_name": None}, "customer_name"),
    (rules.LINES_MISSING, {"line_items": ()}, "line_items"),
    (rules.TEXT_TOO_LONG, {"supplier_name": "A" * 1_001}, "supplier_name"),
    (rules.TEXT_REORDERED, {"supplier_name": "Holzwerk \u202eHbmG"}, "supplier_name"),
    (rules.NET_PLUS_TAX, {"tax_total": D("18.98")}, "gross_total"),
    (rules.NET_PLUS_TAX, {"tax_total": None, "gross_total": D(120)}, "gross_total"),
    (rules.LINES_SUM, {"line_items": (item("60"), item("39.97"))}, "net_total"),
    (rules.TAX_OF_RATE, {"tax_breakdown": (tax("16", "100", "19.00"),)}, "tax_breakdown[0]"),
    (rules.TAX_SUM, {"tax_breakdown": (tax("19", "90", "17.10"),)}, "tax_total"),
    (rules.TAX_NET_SUM, {"tax_breakdown": (tax("19", "90", "17.10"),)}, "net_total"),
    (
        rules.BREAKDOWN_SUM,
        {"net_total": None, "tax_total": None, "gross_total": D(100), "amount_due": D(100)},
        "gross_total",
    ),
    (rules.LINE_PRODUCT, {"line_items": (item("100", "3", "50.00"),)}, "line_items[0].net_amount"),
    (rules.AMOUNT_DUE, {"amount_due": D(19)}, "amount_due"),
    (rules.AMOUNT_DUE, {"amount_due": D(219)}, "amount_due"),
    (rules.AMOUNT_DUE, {"prepaid_amount": D(19)}, "prepaid_amount"),
    (rules.NET_OF_LINES, {"line_total": D(110)}, "net_total"),
    (rules.NET_OF_LINES, {"line_total": D(110), "allowance_total": D(5), "charge_total": D(5)}, "charge_total"),
    (rules.LINES_SUM, {"line_total": D(110), "allowance_total": D(10)}, "line_total"),
    (rules.ROWS_SUM, {"withholding_total": D(15), "withholdings": (Withholding(amount=D(16)),)}, "withholdings"),
    (
        rules.ROWS_SUM,
        {"charge_total": D(5), "allowances_charges": (AllowanceCharge(kind="charge", amount=D(6)),)},
        "charge_total",
    ),
    (rules.WITHOUT_PLACE, {"amount_due": None, "prepaid_amount": D(19)}, "prepaid_amount"),
    (rules.WITHOUT_PLACE, {"net_total": None, "allowance_total": D(5)}, "allowance_total"),
    (rules.UNCHECKABLE, {"net_total": None, "tax_total": None, "tax_breakdown": (), "line_items": ()}, "gross_total"),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "DE123456789"}, "supplier_vat_id"),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "GB123456789"}, "supplier_vat_id"),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "27AAPFU0939F1ZX"}, "supplier_vat_id"),
    (rules.CUSTOMER_VAT_ID, {"customer_vat_id": "FR00999999998"}, "customer_vat_id"),
    (
        rules.SUPPLIER_TAX_ID,
        {"supplier_tax_ids": (TaxId(scheme="ABN", value="83914571674"),)},
        "supplier_tax_ids[0].value",
    ),
    (
        rules.SUPPLIER_TAX_ID,
        {"supplier_tax_id": "83914571674", "supplier_tax_ids": (TaxId(scheme="ABN", value="83914571674"),)},
        "supplier_tax_id",
    ),
    (rules.CUSTOMER_TAX_ID, {"customer_tax_ids": (TaxId(scheme="CNPJ", value="16.727"),)}, "customer_tax_ids[0].value"),
    (rules.IBAN_INVALID, {"payment_iban": "DE03120300000000202051"}, "payment_iban"),
    (rules.IBAN_INVALID, {"payment_iban": "DE0212030000000020205"}, "payment_iban"),
    (rules.DUE_BEFORE_ISSUE, {"due_date": date(2026, 1, 30)}, "due_date"),
    (rules.ISSUED_IN_FUTURE, {"issue_date": TODAY + timedelta(days=2)}, "issue_date"),
    (rules.ISSUED_LONG_AGO, {"issue_date": date(2015, 1, 1)}, "issue_date"),
    (rules.DUE_LONG_AFTER, {"due_date": date(2028, 3, 1)}, "due_date"),
    (rules.CURRENCY_UNKNOWN, {"currency": "EUX"}, "currency"),
    (rules.CURRENCY_UNKNOWN, {"currency": "DEM"}, "currency"),
    (rules.TOO_MANY_DECIMALS, {"amount_due": D("119.001")}, "amount_due"),
    (rules.TOO_MANY_DECIMALS, {"currency": "JPY", "amount_due": D("119.50")}, "amount_due"),
    (rules.NEGATIVE_INVOICE, {"gross_total": D(-119)}, "gross_total"),
    (rules.NEGATIVE_INVOICE, {"gross_total": D(-119), "invoice_type": "384"}, "gross_total"),
    (rules.CORRECTION_LOWERS, {**_MINUS, "invoice_type": "384"}, "gross_total"),
    (rules.NEGATIVE_CREDIT_NOTE, {"gross_total": D(-119), "invoice_type": "381"}, "gross_total"),
    (rules.CREDIT_WITH_MINUS, {**_MINUS, "invoice_type": "381"}, "gross_total"),
    (rules.IMPLAUSIBLE_AMOUNT, {"gross_total": D(1_000_000_000)}, "gross_total"),
    (rules.ZERO_TOTAL, {"gross_total": D(0)}, "gross_total"),
    (rules.TAX_RATE_IMPLAUSIBLE, {"line_items": (item("100", rate="190"),)}, "line_items[0].tax_rate"),
    (rules.TAX_RATE_IMPLAUSIBLE, {"tax_breakdown": (tax("-19", "100", "-19"),)}, "tax_breakdown[0].rate"),
    (rules.ZERO_QUANTITY, {"line_items": (item("100", "0", "50"),)}, "line_items[0].quantity"),
    (rules.SAME_PARTIES, {"customer_name": "HOLZWERK NORD GMBH."}, "customer_name"),
    (rules.SAME_PARTIES, {"customer_vat_id": "DE136695976"}, "customer_vat_id"),
    (rules.TAX_SIGN, {"tax_total": D(-19)}, "tax_total"),
]


@pytest.mark.parametrize(("rule", "fields", "about"), COMPLAINTS, ids=lambda value: getattr(value, "id", None))
def test_what_is_wrong_is_found_and_named(rule: Rule, fields: dict[str, Any], about: str) -> None:
    record = judged(changed(**fields))
    found = [finding for finding in record.findings if finding.rule == rule.id]
    assert found
    assert found[0].severity is rule.severity
    assert about in {name for finding in found for name in finding.fields}
    assert all(finding.message for finding in found)


SILENCES: list[tuple[Rule, dict[str, Any]]] = [
    (rules.NET_PLUS_TAX, {"tax_total": D("19.01")}),
    (rules.NET_PLUS_TAX, {"net_total": None}),
    (rules.NET_PLUS_TAX, {"currency": "JPY", "net_total": D(99)}),
    (rules.LINES_SUM, {"line_items": (item("33.33"), item("33.33"), item("33.33"))}),
    (rules.LINES_SUM, {"net_total": None}),
    (rules.TAX_OF_RATE, {"tax_breakdown": (tax("19", "100.02", "19.01"),)}),
    (rules.TAX_OF_RATE, {"tax_breakdown": (tax("0", "100", "0"),)}),
    (rules.TAX_SUM, {"tax_breakdown": (tax("19", "50", "9.50"), tax("19", "50", "9.50"))}),
    (rules.TAX_NET_SUM, {"tax_breakdown": (tax("19", "50", "9.50"), tax("19", "50", "9.50"))}),
    (rules.LINE_PRODUCT, {"line_items": (item("100.00", "3", "33.3333"),)}),
    (rules.LINE_PRODUCT, {"line_items": (item("100.00", "300", "0.33"),)}),
    (rules.LINE_PRODUCT, {"line_items": (item("100.00"),)}),
    (rules.AMOUNT_DUE, {"amount_due": D("119.01")}),
    (rules.AMOUNT_DUE, {"amount_due": None}),
    (rules.AMOUNT_DUE, {"amount_due": D(100), "prepaid_amount": D(19)}),
    (rules.NET_OF_LINES, {"line_total": D(110), "allowance_total": D(15), "charge_total": D(5)}),
    (rules.LINES_SUM, {"line_items": (item("110"),), "allowance_total": D(10)}),
    (rules.ROWS_SUM, {"charge_total": D(5), "allowances_charges": (AllowanceCharge(kind="charge", amount=D(5)),)}),
    (rules.WITHOUT_PLACE, {"prepaid_amount": D(19)}),
    (rules.UNCHECKABLE, {"tax_total": None, "tax_breakdown": ()}),
    (rules.UNCHECKABLE, {"net_total": None, "tax_total": None, "tax_breakdown": (), "line_items": (item("119"),)}),
    (rules.UNCHECKABLE, {"tax_total": None, "line_items": ()}),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "ATU12345675"}),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "EL094259216"}),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "XI980780684"}),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "CHE-123.456.788 MWST"}),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "27AAPFU0939F1ZV"}),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": "12 345 678"}),
    (rules.SUPPLIER_VAT_ID, {"supplier_vat_id": None}),
    (rules.SUPPLIER_TAX_ID, {"supplier_tax_ids": (TaxId(scheme="ABN", value="83 914 571 673"),)}),
    (rules.SUPPLIER_TAX_ID, {"supplier_tax_ids": (TaxId(scheme="TRN", value="100354627800003"),)}),
    (rules.SUPPLIER_TAX_ID, {"supplier_tax_ids": (TaxId(scheme="0204", value="991-01234-44"),)}),
    (rules.CUSTOMER_TAX_ID, {"customer_tax_ids": (TaxId(scheme="GSTIN", value="27AAPFU0939F1ZV"),)}),
    (rules.IBAN_INVALID, {"payment_iban": "fr14 2004 1010 0505 0001 3M02 606"}),
    (rules.IBAN_INVALID, {"payment_iban": None}),
    (rules.DUE_BEFORE_ISSUE, {"due_date": date(2026, 1, 31)}),
    (rules.ISSUED_IN_FUTURE, {"issue_date": TODAY + timedelta(days=1)}),
    (rules.ISSUED_LONG_AGO, {"issue_date": date(2016, 2, 20)}),
    (rules.DUE_LONG_AFTER, {"due_date": date(2028, 1, 31)}),
    (rules.CURRENCY_UNKNOWN, {"currency": "DEM", "issue_date": date(2001, 5, 1)}),
    (rules.CURRENCY_UNKNOWN, {"currency": "chf"}),
    (rules.TOO_MANY_DECIMALS, {"amount_due": D("119.0000")}),
    (rules.TOO_MANY_DECIMALS, {"currency": "KWD", "amount_due": D("119.001")}),
    (rules.NEGATIVE_INVOICE, {"invoice_type": "381"}),
    (rules.TEXT_TOO_LONG, {"supplier_name": "A" * 1_000}),
    (rules.TEXT_REORDERED, {"supplier_name": "Holz\u200bwerk"}),
    (rules.NEGATIVE_CREDIT_NOTE, {"invoice_type": "381"}),
    (rules.NEGATIVE_INVOICE, {**_MINUS, "invoice_type": "384"}),
    (rules.CORRECTION_LOWERS, {**_MINUS, "invoice_type": "380"}),
    (rules.IBAN_INVALID, {"payment_iban": "DE03120300000000202051", "amount_due": D(0)}),
    (rules.CREDIT_WITH_MINUS, {**_MINUS, "invoice_type": "380"}),
    (rules.CREDIT_WITH_MINUS, {"invoice_type": "381"}),
    (rules.IMPLAUSIBLE_AMOUNT, {"gross_total": D(999_999_999)}),
    (rules.IMPLAUSIBLE_AMOUNT, {"gross_total": D(20_000_000_000), "currency": "VND"}),
    (rules.TAX_RATE_IMPLAUSIBLE, {"line_items": (item("100", rate="0"), item("100", rate="27"))}),
    (rules.ZERO_QUANTITY, {"line_items": (item("0", "0", "50"),)}),
    (rules.SAME_PARTIES, {"customer_name": None}),
    (rules.TAX_SIGN, {"net_total": D(-100), "tax_total": D(-19)}),
    (rules.TAX_SIGN, {"tax_total": D(0)}),
]


@pytest.mark.parametrize(("rule", "fields"), SILENCES, ids=lambda value: getattr(value, "id", None))
def test_what_is_right_raises_no_complaint(rule: Rule, fields: dict[str, Any]) -> None:
    assert rule.id not in rules_of(judged(changed(**fields)))


def test_a_document_that_is_no_invoice_is_rejected() -> None:
    record = judged(Invoice(customer_name="Jardin Sud SARL", issue_date=date(2026, 1, 31)))
    assert record.verdict is Verdict.REJECTED
    assert rules.NO_INVOICE.id in rules_of(record)


@pytest.mark.parametrize(
    "fields", [{"invoice_number": "1"}, {"supplier_name": "Holzwerk"}, {"gross_total": D(1)}, {"amount_due": D(1)}]
)
def test_a_document_that_may_be_an_invoice_is_not_rejected(fields: dict[str, Any]) -> None:
    record = judged(Invoice(**fields))
    assert record.verdict is Verdict.NEEDS_REVIEW
    assert rules.NO_INVOICE.id not in rules_of(record)


def test_an_invoice_that_came_before_is_never_paid_without_a_person() -> None:
    record = judged(SOUND, duplicate_job_ids=("inv_1", "inv_2"), engine=EngineName.EINVOICE)
    assert record.verdict is Verdict.NEEDS_REVIEW
    (finding,) = record.findings
    assert finding.rule == rules.DUPLICATE.id
    assert "inv_1, inv_2" in finding.message


def test_a_changed_bank_account_is_never_paid_without_a_person() -> None:
    record = judged(SOUND, known_ibans=frozenset({"FR1420041010050500013M02606"}), engine=EngineName.EINVOICE)
    assert record.verdict is Verdict.NEEDS_REVIEW
    (finding,) = record.findings
    assert (finding.rule, finding.fields) == (rules.IBAN_CHANGED.id, ("payment_iban",))


def test_what_other_clients_know_counts_and_is_not_named() -> None:
    record = judged(
        SOUND,
        duplicates_elsewhere=True,
        ibans_elsewhere=frozenset({"FR1420041010050500013M02606"}),
        engine=EngineName.EINVOICE,
    )
    assert rules_of(record) == [rules.DUPLICATE.id, rules.IBAN_CHANGED.id]
    assert "another client" in record.findings[0].message
    assert "FR14" not in record.findings[1].message
    assert judged(SOUND, ibans_elsewhere=frozenset({"DE02120300000000202051"})).findings == ()


@pytest.mark.parametrize("known", [frozenset[str](), frozenset({"DE02 1203 0000 0000 2020 51"})])
def test_a_known_bank_account_and_a_first_invoice_raise_no_alarm(known: frozenset[str]) -> None:
    assert judged(SOUND, known_ibans=known).findings == ()


def test_a_value_that_stands_nowhere_is_an_error() -> None:
    context = ValidationContext(today=TODAY)
    for path in ("gross_total", "supplier_vat_id", "line_items[0].net_amount", "tax_breakdown[0].tax"):
        record = validate(extraction_of(SOUND, without_evidence=(path,)), context)
        assert rules_of(record) == [rules.UNGROUNDED.id]
        assert record.findings[0].fields == (path.partition(".")[0],)
        assert record.verdict is Verdict.NEEDS_REVIEW


def test_what_was_read_with_little_confidence_needs_a_person() -> None:
    unsure = validate(extraction_of(SOUND, confidence=0.1), ValidationContext(today=TODAY))
    assert unsure.verdict is Verdict.NEEDS_REVIEW
    assert rules_of(unsure) == [rules.LOW_CONFIDENCE.id]
    assert "supplier_name" in unsure.findings[0].fields
    assert validate(extraction_of(SOUND, confidence=0.97), ValidationContext(today=TODAY)).verdict is Verdict.ACCEPTED


def test_the_threshold_of_acceptance_is_a_setting() -> None:
    strict = ValidationContext(today=TODAY, accept_confidence=1.0)
    lax = ValidationContext(today=TODAY, accept_confidence=0.0)
    assert validate(extraction_of(SOUND, confidence=0.97), strict).verdict is Verdict.NEEDS_REVIEW
    assert validate(extraction_of(SOUND, confidence=0.1), lax).verdict is Verdict.ACCEPTED
    xml = extraction_of(SOUND, engine=EngineName.EINVOICE, confidence=0.99)
    assert validate(xml, strict).verdict is Verdict.ACCEPTED


def _note(rule: Rule, *fields: str) -> Finding:
    return Finding(rule=rule.id, severity=Severity.INFO, message="the XML says so", fields=fields)


def test_what_the_xml_explains_is_no_contradiction() -> None:
    explained = changed(net_total=D(90), tax_total=D("17.10"), gross_total=D("107.10"), amount_due=D("7.10"))
    explained = explained.model_copy(update={"tax_breakdown": (tax("19", "90", "17.10"),)})
    notes = (_note(rules.DOCUMENT_LEVEL_AMOUNTS, "net_total"), _note(rules.DOCUMENT_LEVEL_AMOUNTS, "amount_due"))
    assert {rules.LINES_SUM.id, rules.AMOUNT_DUE.id} <= set(rules_of(judged(explained)))
    record = judged(explained, *notes, engine=EngineName.EINVOICE)
    assert record.findings == notes
    assert record.verdict is Verdict.ACCEPTED


def test_lines_that_only_sum_up_others_are_not_added() -> None:
    doubled = changed(line_items=(*SOUND.line_items, *SOUND.line_items))
    assert rules.LINES_SUM.id in rules_of(judged(doubled))
    note = _note(rules.SUBTOTAL_LINE, "line_items[0].net_amount")
    assert judged(doubled, note, engine=EngineName.EINVOICE).findings == (note,)


@pytest.mark.parametrize("rule", [rules.PRICE_BASE_QUANTITY, rules.LINE_LEVEL_AMOUNTS], ids=lambda rule: rule.id)
def test_prices_of_many_units_and_line_discounts_are_not_called_wrong(rule: Rule) -> None:
    priced = changed(line_items=(item("100", "200", "50"),))
    assert rules.LINE_PRODUCT.id in rules_of(judged(priced))
    assert rules.LINE_PRODUCT.id not in rules_of(judged(priced, _note(rule, "line_items[0].unit_price")))


def test_identifiers_have_one_spelling_in_every_record() -> None:
    record = judged(
        changed(supplier_vat_id="de 136.695-976", payment_iban="de02 1203 0000 0000 2020 51", currency=" eur ")
    )
    assert record.invoice.supplier_vat_id == "DE136695976"
    assert record.invoice.payment_iban == "DE02120300000000202051"
    assert record.invoice.currency == "EUR"
    assert record.invoice.invoice_number == "R-17"
    assert record.verdict is Verdict.ACCEPTED


def test_an_identifier_of_mere_layout_is_no_value() -> None:
    assert judged(changed(payment_iban=" - ")).invoice.payment_iban is None


@pytest.mark.parametrize("amount", ["9" * 40, "-" + "9" * 40, "0." + "0" * 40 + "1", "1E+60", "1E-60"])
def test_absurd_numbers_are_findings_and_never_crashes(amount: str) -> None:
    value = D(amount)
    record = judged(
        SOUND.model_copy(
            update={
                "net_total": value,
                "tax_total": value,
                "gross_total": value,
                "amount_due": value,
                "tax_breakdown": (tax(amount, amount, "1"),),
                "line_items": (item(amount, amount, amount, amount),),
            }
        )
    )
    assert record.verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize("text", ["", " ", "\0", "Ω" * 10_000, "DE", "12", "'; DROP TABLE"])
def test_absurd_texts_are_findings_and_never_crashes(text: str) -> None:
    names = ("invoice_number", "currency", "supplier_vat_id", "customer_vat_id", "payment_iban", "supplier_name")
    assert judged(SOUND.model_copy(update=dict.fromkeys(names, text))).verdict is Verdict.NEEDS_REVIEW


def test_a_number_read_among_the_items_needs_a_person() -> None:
    number = changed(invoice_number="83422")
    at = extraction_of(number).model_copy(
        update={
            "evidence": (
                Evidence(
                    field="invoice_number", engine=EngineName.OFFLINE, text="83422", page=1, confidence=0.9,
                    line=line_of(ITEMS, "83422"),
                ),
            )
        }
    )  # fmt: skip
    record = validate(at, ValidationContext(today=TODAY, reading=ITEMS))
    assert rules.NUMBER_AMONG_ITEMS.id in rules_of(record)
    assert record.verdict is Verdict.NEEDS_REVIEW


def test_every_rule_of_validation_is_tried_both_ways() -> None:
    tried = {rule.id for rule, *_ in COMPLAINTS} | {
        rules.NO_INVOICE.id,
        rules.DUPLICATE.id,
        rules.IBAN_CHANGED.id,
        rules.UNGROUNDED.id,
        rules.LOW_CONFIDENCE.id,
        rules.LINES_BEFORE_ALLOWANCES.id,
        rules.DUE_EXPLAINED.id,
        rules.NUMBER_AMONG_ITEMS.id,
        rules.OWN_RULE_UNDECIDED.id,  # tests/custom/test_rules.py
    }
    assert tried == {rule.id for rule in RULES.values() if rule.raised_by == "validation"}
