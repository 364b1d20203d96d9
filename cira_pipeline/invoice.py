"""The canonical invoice: EN 16931 business terms in snake case.

Amounts are `Decimal` in the invoice's own currency, rates are percent (`19` is 19 %), dates are calendar dates without
a zone. A field that the document does not show is `None`, never a guess. A credit note's amounts are what is credited,
positive, also where its page prints minus signs; those of e-invoice XML are as they stand there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, get_args

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

MAX_CHARS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("invoice_type", "currency"), 20),
        **dict.fromkeys(("supplier_vat_id", "customer_vat_id", "payment_iban", "unit"), 100),
        **dict.fromkeys(("invoice_number", "purchase_order"), 200),
        **dict.fromkeys(("supplier_name", "customer_name", "supplier_address", "customer_address"), 1_000),
        **dict.fromkeys(("payment_terms", "description"), 10_000),
    }
)
"""Characters of each text field at the most. A longer one is no value: it breaks what people read records with."""
MAX_ROWS: Final = 10_000
"""Line items, or rows of the tax breakdown, at the most."""
TABLES: Final = ("line_items", "tax_breakdown")

# Controls but tab and line ends, zero-width and direction marks, BOM, and what tags and surrogates leave behind.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Bounded(NamedTuple):
    """`too_long` names fields that were left out, `reordered` those whose characters were shown in another order."""

    invoice: Invoice
    too_long: tuple[str, ...]
    reordered: tuple[str, ...]


def visible(text: str) -> str | None:
    """`text` without characters that nobody sees; `None` when nothing is left."""
    return _INVISIBLE.sub("", text).strip() or None


def bounded(invoice: Invoice) -> Bounded:
    """`invoice` with what people can read of its texts, and without values and tables beyond the bounds."""
    too_long: list[str] = []
    reordered: list[str] = []

    def checked(model: BaseModel, path: str) -> dict[str, object]:
        changes: dict[str, object] = {}
        for name, most in MAX_CHARS.items():
            value = getattr(model, name, None)
            if not isinstance(value, str):
                continue
            if _REORDERING.search(value):
                reordered.append(path + name)
            kept = visible(value) if _INVISIBLE.search(value) else value
            if kept is not None and len(kept) > most:
                too_long.append(path + name)
                kept = None
            if kept != value:
                changes[name] = kept
        return changes

    changes = checked(invoice, "")
    for table in TABLES:
        rows = getattr(invoice, table)
        if len(rows) > MAX_ROWS:
            too_long.append(table)
            changes[table] = ()
            continue
        changed = [checked(row, f"{table}[{at}].") for at, row in enumerate(rows)]
        if any(changed):
            changes[table] = tuple(row.model_copy(update=each) for row, each in zip(rows, changed, strict=True))
    return Bounded(invoice.model_copy(update=changes) if changes else invoice, tuple(too_long), tuple(reordered))
