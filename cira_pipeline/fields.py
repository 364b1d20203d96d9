"""Metadata of an invoice field besides its type: business term, kind, group, label, importance for payment.

The fields themselves are declared once, in `cira_pipeline/invoice.py`, each with a `Term`. Database columns, names on
the page, bounds, comparison, calibration groups and the list of payment-critical fields are derived from these
declarations or compared with them by `tests/test_fields.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class FieldKind(StrEnum):
    """Kind of a value, which decides how it is parsed, compared, bounded, stored and displayed."""

    REFERENCE = "reference"
    DATE = "date"
    TYPE = "type"
    CURRENCY = "currency"
    NAME = "name"
    ADDRESS = "address"
    TEXT = "text"
    TAX_ID = "tax_id"
    ACCOUNT = "account"
    AMOUNT = "amount"
    RATE = "rate"
    QUANTITY = "quantity"
    UNIT = "unit"
    CODE = "code"
    COUNTRY = "country"
    POSITION = "position"
    TABLE = "table"
    MAP = "map"

    @property
    def is_number(self) -> bool:
        """Whether the value is a decimal number; a position in a table is none."""
        return self in (FieldKind.AMOUNT, FieldKind.RATE, FieldKind.QUANTITY)

    @property
    def is_prose(self) -> bool:
        """Whether the text is compared word by word; every other text is an identifier, compared letter by letter."""
        return self in (FieldKind.NAME, FieldKind.ADDRESS, FieldKind.TEXT)

    @property
    def max_chars(self) -> int | None:
        """Maximum characters of a text; `None` for kinds that are not text."""
        return _MAX_CHARS.get(self)


_MAX_CHARS = {
    FieldKind.TYPE: 20,
    FieldKind.CURRENCY: 20,
    FieldKind.COUNTRY: 20,
    FieldKind.CODE: 100,
    FieldKind.TAX_ID: 100,
    FieldKind.ACCOUNT: 100,
    FieldKind.UNIT: 100,
    FieldKind.REFERENCE: 200,
    FieldKind.NAME: 1_000,
    FieldKind.ADDRESS: 1_000,
    FieldKind.TEXT: 10_000,
}


class FieldGroup(StrEnum):
    """Groups in which header fields are shown to people, in this order; the value is the heading."""

    INVOICE = "Invoice"
    AMOUNTS = "Amounts"
    SUPPLIER = "Supplier"
    CUSTOMER = "Customer"
    PAYMENT = "Payment"
    REFERENCES = "References"
    DELIVERY = "Delivery and period"
    OTHER_PARTIES = "Payee and tax representative"


@dataclass(frozen=True)
class Term:
    """A business term: `number` is its BT or BG number in EN 16931, empty where the standard has no such term.

    `label`: name as shown to people. `group`: where a header field is shown, `None` for the fields of a row.
    `payment`: the field decides a payment, so a record is accepted only if its value is certain. `detail`: most
    invoices do not state the field, or nothing is paid or booked by it alone: the page folds it away.

    `printed`: a page may print the value; a code of a list that only e-invoices use is not printed. `values`: the only
    ones that there are. `scheme`: the one that all values of the field have, such as IBAN. `unsigned`: stored without
    the minus sign that a page may print with it, because the field itself says that the amount is deducted.
    """

    number: str
    kind: FieldKind
    label: str
    note: str = ""
    group: FieldGroup | None = None
    payment: bool = False
    detail: bool = False
    printed: bool = True
    values: tuple[str, ...] = ()
    scheme: str = ""
    unsigned: bool = False

    @property
    def is_decisive(self) -> bool:
        """Whether a payment or a booking hangs on the field, so that two different readings of it need a person."""
        return self.payment or not self.detail

    @property
    def description(self) -> str:
        return ", ".join(filter(None, (self.number, self.note))) or self.label

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described: dict[str, Any] = {**handler(schema), "description": self.description}
        return described


@dataclass(frozen=True)
class Detail(Term):
    """A term of a `detail`."""

    detail: bool = True
