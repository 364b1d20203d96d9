"""Documents and records for the storage tests."""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from typing import Any

from cira_pipeline.invoice import Invoice, LineItem, TaxLine
from cira_pipeline.models import Box, Document, EngineName, Evidence, Finding, MediaType, Record, Severity, Verdict


def document(content: bytes = b"%PDF-1.7 a document") -> Document:
    return Document(
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=MediaType.PDF,
        size_bytes=len(content),
        page_count=1,
        content=content,
    )


def invoice(**fields: Any) -> Invoice:
    """A German supplier's invoice over 119.00 EUR; `fields` replace its own."""
    return Invoice(
        **{
            "invoice_number": "RE-2024/001",
            "issue_date": date(2024, 5, 2),
            "invoice_type": "380",
            "currency": "EUR",
            "due_date": date(2024, 6, 1),
            "supplier_name": "Müller & Söhne GmbH",
            "supplier_vat_id": "DE136695976",
            "supplier_address": "Hauptstraße 1, 10115 Berlin",
            "customer_name": "Example SARL",
            "payment_iban": "DE89370400440532013000",
            "net_total": Decimal("100.00"),
            "tax_total": Decimal("19.00"),
            "gross_total": Decimal("119.00"),
            "amount_due": Decimal("119.00"),
            "tax_breakdown": (TaxLine(rate=Decimal(19), net=Decimal("100.00"), tax=Decimal("19.00")),),
            "line_items": (
                LineItem(
                    description="Schrauben",
                    quantity=Decimal("1000"),
                    unit="C62",
                    unit_price=Decimal("0.0750"),
                    tax_rate=Decimal(19),
                    net_amount=Decimal("75.00"),
                ),
                LineItem(description="Versand", quantity=Decimal(1), net_amount=Decimal("25.00")),
            ),
            **fields,
        }
    )


def record(of: Invoice | None = None, verdict: Verdict = Verdict.ACCEPTED, **parts: Any) -> Record:
    return Record(
        **{
            "invoice": of or invoice(),
            "verdict": verdict,
            "findings": (
                Finding(rule="due_date_far", severity=Severity.INFO, message="due in 30 days", fields=("due_date",)),
                Finding(rule="total_differs", severity=Severity.ERROR, message="off by 1.00", fields=("gross_total",)),
            ),
            "evidence": (
                Evidence(
                    field="gross_total",
                    engine=EngineName.OFFLINE,
                    text="119,00 €",
                    page=1,
                    box=Box(left=10.5, top=20, right=60, bottom=31.25),
                    line=12,
                    confidence=0.97,
                ),
                Evidence(
                    field="line_items[0].net_amount",
                    engine=EngineName.EINVOICE,
                    text="75.00",
                    xpath="/rsm:CrossIndustryInvoice/x[1]",
                    confidence=1,
                ),
            ),
            "engine": EngineName.OFFLINE,
            "engines": (EngineName.EINVOICE, EngineName.OFFLINE),
            **parts,
        }
    )
