"""Metadata of an invoice field besides its type: business term, kind, label, importance for payment.

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
    TABLE = "table"

    @property
    def is_number(self) -> bool:
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
    FieldKind.TAX_ID: 100,
    FieldKind.ACCOUNT: 100,
    FieldKind.UNIT: 100,
    FieldKind.REFERENCE: 200,
    FieldKind.NAME: 1_000,
    FieldKind.ADDRESS: 1_000,
    FieldKind.TEXT: 10_000,
}


@dataclass(frozen=True)
class Term:
    """A business term of EN 16931: `number` is its BT or BG number, `label` its name as shown to people.

    `payment`: the field decides a payment, so a record is accepted only if its value is certain.
    """

    number: str
    kind: FieldKind
    label: str
    note: str = ""
    payment: bool = False

    @property
    def description(self) -> str:
        return ", ".join(filter(None, (self.number, self.note)))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described: dict[str, Any] = {**handler(schema), "description": self.description}
        return described
