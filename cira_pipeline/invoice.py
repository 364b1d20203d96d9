"""The canonical invoice: EN 16931 business terms in snake case.

Amounts are `Decimal` in the invoice's own currency, rates are percent (`19` is 19 %), dates are calendar dates without
a zone. A field that the document does not show is `None`, never a guess. A credit note's amounts are what is credited,
positive, also where its page prints minus signs; those of e-invoice XML are as they stand there.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

_DECIMAL = {"type": "string", "pattern": r"^[+-]?([0-9]{1,26}(\.[0-9]{0,30})?|\.[0-9]{1,30})$"}

# Money goes out as a plain decimal string: JSON floats would lose cents.
Amount = Annotated[
    Decimal,
    PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json"),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": -1e26, "exclusiveMaximum": 1e26}, _DECIMAL]},
        mode="validation",
    ),
    WithJsonSchema(_DECIMAL, mode="serialization"),
]


_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _as_written(value: object) -> object:
    """Refuses what pydantic would take for a day: seconds since 1970, and days with a time."""
    if value is None or type(value) is date or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("a day is written YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_as_written)]
"""A calendar day; from JSON and queries in ISO 8601, `2026-01-31`, and in no other spelling."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaxLine(_Frozen):
    """One row of the VAT breakdown, BG-23: `rate` BT-119 in percent, `net` BT-116, `tax` BT-117."""

    rate: Amount | None = None
    net: Amount | None = None
    tax: Amount | None = None


class LineItem(_Frozen):
    """One invoice line, BG-25."""

    description: str | None = Field(None, description="BT-153")
    quantity: Amount | None = Field(None, description="BT-129")
    unit: str | None = Field(None, description="BT-130, UN/ECE Rec 20 code from XML or the word printed")
    unit_price: Amount | None = Field(None, description="BT-146, net price of one unit")
    tax_rate: Amount | None = Field(None, description="BT-152, percent")
    net_amount: Amount | None = Field(None, description="BT-131")


class Invoice(_Frozen):
    """Fields of one invoice; every field may be absent."""

    invoice_number: str | None = Field(None, description="BT-1")
    issue_date: Day | None = Field(None, description="BT-2")
    invoice_type: str | None = Field(None, description="BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected")
    currency: str | None = Field(None, description="BT-5, ISO 4217")
    due_date: Day | None = Field(None, description="BT-9")
    purchase_order: str | None = Field(None, description="BT-13")
    payment_terms: str | None = Field(None, description="BT-20")
    supplier_name: str | None = Field(None, description="BT-27")
    supplier_vat_id: str | None = Field(None, description="BT-31")
    supplier_address: str | None = Field(None, description="BG-5, one line")
    customer_name: str | None = Field(None, description="BT-44")
    customer_vat_id: str | None = Field(None, description="BT-48")
    customer_address: str | None = Field(None, description="BG-8, one line")
    payment_iban: str | None = Field(None, description="BT-84, without spaces")
    net_total: Amount | None = Field(None, description="BT-109")
    tax_total: Amount | None = Field(None, description="BT-110")
    gross_total: Amount | None = Field(None, description="BT-112")
    amount_due: Amount | None = Field(None, description="BT-115")
    tax_breakdown: tuple[TaxLine, ...] = Field((), description="BG-23")
    line_items: tuple[LineItem, ...] = Field((), description="BG-25")


HeaderField = Literal[
    "invoice_number",
    "issue_date",
    "invoice_type",
    "currency",
    "due_date",
    "purchase_order",
    "payment_terms",
    "supplier_name",
    "supplier_vat_id",
    "supplier_address",
    "customer_name",
    "customer_vat_id",
    "customer_address",
    "payment_iban",
    "net_total",
    "tax_total",
    "gross_total",
    "amount_due",
]
HEADER_FIELDS: tuple[HeaderField, ...] = get_args(HeaderField)
AMOUNT_FIELDS: tuple[HeaderField, ...] = ("net_total", "tax_total", "gross_total", "amount_due")
DATE_FIELDS: tuple[HeaderField, ...] = ("issue_date", "due_date")
