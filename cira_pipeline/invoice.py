"""Canonical invoice model: EN 16931 business terms in snake case.

Amounts are `Decimal` in the invoice's own currency, rates are percent (`19` is 19 %), dates are calendar dates without
a zone. A field that the document does not show is `None`, never a guess. A credit note's amounts are the credited
amounts, positive even where its page prints minus signs; amounts from e-invoice XML keep the sign stated there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, WithJsonSchema

from .fields import FieldKind, Term

_DECIMAL = {"type": "string", "pattern": r"^[+-]?([0-9]{1,26}(\.[0-9]{0,30})?|\.[0-9]{1,30})$"}

# Money is serialised as a plain decimal string: JSON floats would lose cents.
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
    """Rejects what pydantic would accept as a date: seconds since 1970, and dates with a time."""
    if value is None or type(value) is date or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("a date must be written YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_as_written)]
"""Calendar date; in JSON and queries only in ISO 8601, `2026-01-31`."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaxLine(_Frozen):
    """One row of the VAT breakdown, BG-23."""

    rate: Annotated[Amount | None, Term("BT-119", FieldKind.RATE, "Rate %", "percent")] = None
    net: Annotated[Amount | None, Term("BT-116", FieldKind.AMOUNT, "Net", "taxed amount")] = None
    tax: Annotated[Amount | None, Term("BT-117", FieldKind.AMOUNT, "VAT", "the tax on it")] = None


class LineItem(_Frozen):
    """One invoice line, BG-25."""

    description: Annotated[str | None, Term("BT-153", FieldKind.TEXT, "Description")] = None
    quantity: Annotated[Amount | None, Term("BT-129", FieldKind.QUANTITY, "Quantity")] = None
    unit: Annotated[
        str | None, Term("BT-130", FieldKind.UNIT, "Unit", "UN/ECE Rec 20 code from XML or the word printed")
    ] = None
    unit_price: Annotated[Amount | None, Term("BT-146", FieldKind.AMOUNT, "Unit price", "net price of one unit")] = None
    tax_rate: Annotated[Amount | None, Term("BT-152", FieldKind.RATE, "VAT %", "percent")] = None
    net_amount: Annotated[Amount | None, Term("BT-131", FieldKind.AMOUNT, "Net")] = None


class Invoice(_Frozen):
    """Fields of one invoice; every field may be absent."""

    invoice_number: Annotated[str | None, Term("BT-1", FieldKind.REFERENCE, "Invoice number", payment=True)] = None
    issue_date: Annotated[Day | None, Term("BT-2", FieldKind.DATE, "Issued", payment=True)] = None
    invoice_type: Annotated[
        str | None,
        Term(
            "BT-3",
            FieldKind.TYPE,
            "Kind",
            "UNTDID 1001: 380 invoice, 381 credit note, 384 corrected",
            payment=True,
        ),
    ] = None
    currency: Annotated[str | None, Term("BT-5", FieldKind.CURRENCY, "Currency", "ISO 4217", payment=True)] = None
    due_date: Annotated[Day | None, Term("BT-9", FieldKind.DATE, "Due", payment=True)] = None
    purchase_order: Annotated[str | None, Term("BT-13", FieldKind.REFERENCE, "Purchase order")] = None
    payment_terms: Annotated[str | None, Term("BT-20", FieldKind.TEXT, "Payment terms")] = None
    supplier_name: Annotated[str | None, Term("BT-27", FieldKind.NAME, "Supplier", payment=True)] = None
    supplier_vat_id: Annotated[str | None, Term("BT-31", FieldKind.TAX_ID, "Supplier's VAT id", payment=True)] = None
    supplier_address: Annotated[str | None, Term("BG-5", FieldKind.ADDRESS, "Supplier's address", "one line")] = None
    customer_name: Annotated[str | None, Term("BT-44", FieldKind.NAME, "Customer")] = None
    customer_vat_id: Annotated[str | None, Term("BT-48", FieldKind.TAX_ID, "Customer's VAT id")] = None
    customer_address: Annotated[str | None, Term("BG-8", FieldKind.ADDRESS, "Customer's address", "one line")] = None
    payment_iban: Annotated[
        str | None, Term("BT-84", FieldKind.ACCOUNT, "Bank account (IBAN)", "without spaces", payment=True)
    ] = None
    net_total: Annotated[
        Amount | None,
        Term("BT-109", FieldKind.AMOUNT, "Net total", "without VAT, in the invoice's currency", payment=True),
    ] = None
    tax_total: Annotated[
        Amount | None, Term("BT-110", FieldKind.AMOUNT, "VAT total", "VAT, in the invoice's currency", payment=True)
    ] = None
    gross_total: Annotated[
        Amount | None,
        Term("BT-112", FieldKind.AMOUNT, "Gross total", "with VAT, in the invoice's currency", payment=True),
    ] = None
    amount_due: Annotated[
        Amount | None,
        Term("BT-115", FieldKind.AMOUNT, "Amount due", "to be paid, in the invoice's currency", payment=True),
    ] = None
    tax_breakdown: Annotated[tuple[TaxLine, ...], Term("BG-23", FieldKind.TABLE, "VAT lines")] = ()
    line_items: Annotated[tuple[LineItem, ...], Term("BG-25", FieldKind.TABLE, "Line items")] = ()


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
"""Names of the header fields for the type checker; `tests/test_fields.py` compares them with the model."""


def terms_of(model: type[BaseModel]) -> Mapping[str, Term]:
    """The business term of each field of `Invoice`, `LineItem` or `TaxLine`."""
    return {
        name: next(each for each in field.metadata if isinstance(each, Term))
        for name, field in model.model_fields.items()
    }


TERMS: Final = MappingProxyType(terms_of(Invoice))
ROW_TERMS: Final = MappingProxyType({"tax_breakdown": terms_of(TaxLine), "line_items": terms_of(LineItem)})
"""The terms of the fields of a row, for each table."""
TABLES: Final = tuple(ROW_TERMS)
HEADER_FIELDS: Final[tuple[HeaderField, ...]] = get_args(HeaderField)


def header_fields(*kinds: FieldKind) -> tuple[HeaderField, ...]:
    """The header fields of these kinds, in their order."""
    return tuple(name for name in HEADER_FIELDS if TERMS[name].kind in kinds)


AMOUNT_FIELDS: Final = header_fields(FieldKind.AMOUNT)
DATE_FIELDS: Final = header_fields(FieldKind.DATE)
PAYMENT_FIELDS: Final = tuple(name for name in HEADER_FIELDS if TERMS[name].payment)
"""Payment-critical fields: a wrong value pays the wrong account, at the wrong time, twice, or the wrong amount."""

CREDIT_NOTE_TYPES: Final = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
"""UNTDID 1001 codes that EN 16931 treats as credit notes; every other type is an invoice."""

MAX_CHARS: Final[Mapping[str, int]] = MappingProxyType(
    {
        name: most
        for terms in (TERMS, *ROW_TERMS.values())
        for name, term in terms.items()
        if (most := term.kind.max_chars) is not None
    }
)
"""Maximum characters of each text field. A longer text is dropped: it would break the tools that show records."""
MAX_ROWS: Final = 10_000
"""Maximum number of line items, and of rows of the tax breakdown."""

# Control characters except tab and line ends, zero-width and direction marks, BOM, tag characters and surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Bounded(NamedTuple):
    """Result of `bounded`: `too_long` names dropped fields, `reordered` fields with direction-changing characters."""

    invoice: Invoice
    too_long: tuple[str, ...]
    reordered: tuple[str, ...]


def visible(text: str) -> str | None:
    """`text` without invisible characters; `None` when nothing is left."""
    return _INVISIBLE.sub("", text).strip() or None


def bounded(invoice: Invoice) -> Bounded:
    """`invoice` with only the visible characters of its texts, and without values and tables beyond the bounds."""
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
