"""Extractions to hold against the rules: one that every rule accepts, and variations of it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from cira_pipeline.invoice import HEADER_FIELDS, Invoice, LineItem, TaxLine
from cira_pipeline.models import EngineName, Evidence, Extraction, Finding, Record
from cira_pipeline.validation.validate import ValidationContext, validate

TODAY = date(2026, 2, 15)

SOUND = Invoice(
    invoice_number="R-17",
    issue_date=date(2026, 1, 31),
    invoice_type="380",
    currency="EUR",
    due_date=date(2026, 3, 2),
    supplier_name="Holzwerk Nord GmbH",
    supplier_vat_id="DE136695976",
    customer_name="Jardin Sud SARL",
    payment_iban="DE02120300000000202051",
    net_total=Decimal("100.00"),
    tax_total=Decimal("19.00"),
    gross_total=Decimal("119.00"),
    amount_due=Decimal("119.00"),
    tax_breakdown=(TaxLine(rate=Decimal(19), net=Decimal("100.00"), tax=Decimal("19.00")),),
    line_items=(
        LineItem(
            description="Garden chair",
            quantity=Decimal(2),
            unit_price=Decimal("50.00"),
            tax_rate=Decimal(19),
            net_amount=Decimal("100.00"),
        ),
    ),
)


def item(net: str, quantity: str | None = None, price: str | None = None, rate: str | None = None) -> LineItem:
    return LineItem(
        description="Garden chair",
        quantity=None if quantity is None else Decimal(quantity),
        unit_price=None if price is None else Decimal(price),
        tax_rate=None if rate is None else Decimal(rate),
        net_amount=Decimal(net),
    )


def tax(rate: str, net: str, amount: str) -> TaxLine:
    return TaxLine(rate=Decimal(rate), net=Decimal(net), tax=Decimal(amount))


def changed(**fields: Any) -> Invoice:
    return SOUND.model_copy(update=fields)


def extraction_of(
    invoice: Invoice,
    *findings: Finding,
    engine: EngineName = EngineName.OFFLINE,
    confidence: float = 0.9,
    without_evidence: tuple[str, ...] = (),
) -> Extraction:
    """`invoice` as `engine` would propose it, every value with evidence except for those named."""
    paths: list[str] = [name for name in HEADER_FIELDS if getattr(invoice, name) is not None]
    paths += [f"line_items[{index}].net_amount" for index in range(len(invoice.line_items))]
    paths += [f"tax_breakdown[{index}].tax" for index in range(len(invoice.tax_breakdown))]
    paths += [f"allowances_charges[{index}].amount" for index in range(len(invoice.allowances_charges))]
    paths += [f"withholdings[{index}].amount" for index in range(len(invoice.withholdings))]
    return Extraction(
        engine=engine,
        engine_version="1",
        invoice=invoice,
        evidence=tuple(
            Evidence(field=path, engine=engine, text="as printed", confidence=confidence)
            for path in paths
            if path not in without_evidence
        ),
        findings=findings,
    )


def judged(invoice: Invoice, *findings: Finding, engine: EngineName = EngineName.OFFLINE, **context: Any) -> Record:
    return validate(extraction_of(invoice, *findings, engine=engine), ValidationContext(today=TODAY, **context))


def rules_of(record: Record) -> list[str]:
    return [finding.rule for finding in record.findings]
