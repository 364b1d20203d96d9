"""A credit note printed with minus signs is never mistaken for a charge, and a person hears of it."""

from __future__ import annotations

from decimal import Decimal

from cira_pipeline.invoice import Invoice
from cira_pipeline.models import EngineName, Verdict
from cira_pipeline.validation import rules
from tests.validation.extractions import changed, item, judged, rules_of, tax

D = Decimal

MINUS = {
    "invoice_type": "381",
    "net_total": D("-100.00"),
    "tax_total": D("-19.00"),
    "gross_total": D("-119.00"),
    "amount_due": D("-119.00"),
    "tax_breakdown": (tax("19", "-100.00", "-19.00"),),
    "line_items": (item("-120.00", "-2", "60.00"), item("20.00", "1", "20.00")),
}


def _amounts(invoice: Invoice) -> tuple[Decimal | None, ...]:
    return invoice.net_total, invoice.tax_total, invoice.gross_total, invoice.amount_due


def test_a_credit_note_with_minus_signs_states_what_is_credited_and_a_person_hears_of_it() -> None:
    record = judged(changed(**MINUS))
    assert _amounts(record.invoice) == (D(100), D(19), D(119), D(119))
    assert record.invoice.tax_breakdown == (tax("19", "100.00", "19.00"),)
    assert rules.CREDIT_WITH_MINUS.id in rules_of(record)
    assert not [rule for rule in rules_of(record) if rule.startswith("CIRA-ARITH")]
    assert record.verdict is Verdict.NEEDS_REVIEW


def test_what_a_credit_note_keeps_back_still_counts_against_the_credit() -> None:
    kept = judged(changed(**MINUS)).invoice.line_items
    assert [(line.quantity, line.unit_price, line.net_amount) for line in kept] == [
        (D(2), D(60), D(120)),
        (D(-1), D(20), D(-20)),
    ]


def test_a_negative_price_becomes_a_credit_of_a_positive_price() -> None:
    invoice = changed(**{**MINUS, "line_items": (item("-100.00", "2", "-50.00"),)})
    (line,) = judged(invoice).invoice.line_items
    assert (line.quantity, line.unit_price, line.net_amount) == (D(2), D(50), D(100))


def test_a_negative_invoice_and_a_correction_keep_their_signs() -> None:
    for code, rule in (("380", rules.NEGATIVE_INVOICE), ("384", rules.CORRECTION_LOWERS)):
        record = judged(changed(**{**MINUS, "invoice_type": code}))
        assert _amounts(record.invoice) == (D(-100), D(-19), D(-119), D(-119))
        assert rule.id in rules_of(record)


def test_a_correction_that_lowers_needs_no_person_and_one_of_both_signs_does() -> None:
    assert judged(changed(**{**MINUS, "invoice_type": "384"})).verdict is Verdict.ACCEPTED
    mixed = judged(changed(**{**MINUS, "invoice_type": "384", "net_total": D(100)}))
    assert rules.NEGATIVE_INVOICE.id in rules_of(mixed)
    assert mixed.verdict is Verdict.NEEDS_REVIEW


def test_xml_says_itself_which_way_its_money_flows() -> None:
    record = judged(changed(**MINUS), engine=EngineName.EINVOICE)
    assert record.invoice.gross_total == D(-119)
    assert rules.NEGATIVE_CREDIT_NOTE.id in rules_of(record)


def test_totals_of_both_signs_are_left_for_a_person_to_judge() -> None:
    record = judged(changed(**{**MINUS, "tax_total": D("19.00")}))
    assert record.invoice.gross_total == D(-119)
    assert record.verdict is Verdict.NEEDS_REVIEW
