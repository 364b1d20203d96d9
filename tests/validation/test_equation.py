"""The whole equation of the totals: what adds up needs no person, and what does not is named to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.invoice import AllowanceCharge, TaxLine, Withholding
from cira_pipeline.models import EngineName, Verdict
from cira_pipeline.validation import rules
from tests.validation.extractions import changed, item, judged, tax

D = Decimal

ADDS_UP: dict[str, dict[str, Any]] = {
    "discount and freight before the tax": {
        "line_total": D("105.00"),
        "allowance_total": D("10.50"),
        "charge_total": D("5.50"),
        "shipping_amount": D("5.50"),
        "line_items": (item("105.00"),),
        "allowances_charges": (
            AllowanceCharge(kind="allowance", amount=D("10.50")),
            AllowanceCharge(kind="charge", amount=D("5.50")),
        ),
    },
    "discount without a printed sum of lines": {"line_items": (item("105.00"),), "allowance_total": D(5)},
    "two taxes of one rate": {
        "tax_total": D("18.00"),
        "gross_total": D("118.00"),
        "amount_due": D("118.00"),
        "tax_breakdown": (
            TaxLine(name="CGST", rate=D(9), net=D(100), tax=D(9)),
            TaxLine(name="SGST", rate=D(9), net=D(100), tax=D(9)),
        ),
    },
    "a second tax on some of the goods": {
        "tax_total": D("9.80"),
        "gross_total": D("109.80"),
        "amount_due": D("109.80"),
        "tax_breakdown": (
            TaxLine(name="GST", rate=D(5), net=D(100), tax=D(5)),
            TaxLine(name="PST", rate=D(8), net=D(60), tax=D("4.80")),
        ),
    },
    "rounding in the total": {
        "net_total": D("100.11"),
        "tax_total": D("19.02"),
        "gross_total": D("119.15"),
        "amount_due": D("119.15"),
        "rounding_amount": D("0.02"),
        "line_items": (item("100.11"),),
        "tax_breakdown": (tax("19", "100.11", "19.02"),),
    },
    "rounding after the total": {"amount_due": D("119.05"), "rounding_amount": D("0.05")},
    "withheld income tax": {
        "amount_due": D(104),
        "withholding_total": D(15),
        "withholdings": (Withholding(amount=D(15)),),
    },
    "a deposit": {"amount_due": D(69), "prepaid_amount": D(50)},
    "a balance of the last bill": {"amount_due": D(149), "previous_balance": D(30)},
    "a credit of the last bill": {"amount_due": D(89), "previous_balance": D(-30)},
    "a tip in the total": {"gross_total": D(124), "amount_due": D(124), "tip_amount": D(5)},
    "freight after the tax": {"gross_total": D(124), "amount_due": D(124), "shipping_amount": D(5)},
    "freight after the total": {"amount_due": D(124), "shipping_amount": D(5)},
    "freight among the lines": {"line_items": (item("95.00"), item("5.00")), "shipping_amount": D(5)},
    "all at once": {
        "line_total": D(110),
        "allowance_total": D(10),
        "line_items": (item("110.00"),),
        "rounding_amount": D("0.01"),
        "withholding_total": D(15),
        "prepaid_amount": D(20),
        "previous_balance": D("3.50"),
        "amount_due": D("87.51"),
    },
}


@pytest.mark.parametrize("fields", ADDS_UP.values(), ids=ADDS_UP)
def test_what_adds_up_needs_no_person(fields: dict[str, Any]) -> None:
    record = judged(changed(**fields))
    assert record.verdict is Verdict.ACCEPTED, record.findings


@pytest.mark.parametrize("engine", [EngineName.OFFLINE, EngineName.EINVOICE])
@pytest.mark.parametrize(("about", "fields"), ADDS_UP.items(), ids=ADDS_UP)
def test_one_wrong_amount_of_the_equation_goes_to_a_person(
    about: str, fields: dict[str, Any], engine: EngineName
) -> None:
    """Each amount that takes part, a cent over two off: no other amount hides it."""
    names = [name for name, value in fields.items() if isinstance(value, Decimal)]
    if about == "freight among the lines" or "charge_total" in names:
        names.remove("shipping_amount")
    for name in {*names, "net_total", "gross_total"}:
        right = changed(**fields)
        wrong = right.model_copy(update={name: getattr(right, name) + D("3.03")})
        record = judged(wrong, engine=engine)
        assert record.verdict is Verdict.NEEDS_REVIEW, (name, record.findings)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {
                "net_total": D("2728.23"),
                "tax_total": D("545.65"),
                "gross_total": D("3363.88"),
                "amount_due": D("3363.88"),
            },
            "2,728.23 + 545.65 = 3,273.88, printed 3,363.88: 90.00 too much",
        ),
        (
            {"prepaid_amount": D("50.00"), "amount_due": D("68.00")},
            "119.00 - 50.00 = 69.00, printed 68.00: 1.00 too little",
        ),
        (
            {"line_total": D(120), "allowance_total": D(12), "charge_total": D("2.50")},
            "120.00 - 12.00 + 2.50 = 110.50, printed 100.00: 10.50 too little",
        ),
        (
            {
                "currency": "JPY",
                "net_total": D(1000),
                "tax_total": D(100),
                "gross_total": D(1101),
                "amount_due": D(1101),
                "rounding_amount": D(-3),
            },
            "1,101 - 3 = 1,098, printed 1,101: 3 too much",
        ),
    ],
)
def test_the_gap_is_named_to_the_cent(fields: dict[str, Any], message: str) -> None:
    record = judged(changed(tax_breakdown=(), line_items=(), **fields))
    assert any(message in finding.message for finding in record.findings), record.findings
    assert record.verdict is Verdict.NEEDS_REVIEW


def test_an_amount_whose_total_is_missing_is_named() -> None:
    record = judged(changed(amount_due=None, withholding_total=D(15), withholdings=(Withholding(amount=D(15)),)))
    found = [finding for finding in record.findings if finding.rule == rules.WITHOUT_PLACE.id]
    assert [finding.message.partition(":")[0] for finding in found] == ["withheld taxes 15.00"]
    assert record.verdict is Verdict.NEEDS_REVIEW


def test_a_balance_stated_twice_is_added_once() -> None:
    assert (
        judged(changed(amount_due=D(149), previous_balance=D(30), gross_total=D(149))).verdict is Verdict.NEEDS_REVIEW
    )
