"""What is known of each field of an invoice besides its type.

The fields themselves are declared once, in `cira_pipeline/invoice.py`, each with a `Term`. Columns of the database,
names on the page, bounds, comparison, calibration groups and what a payment depends on are made from these
declarations or are compared with them by `tests/test_fields.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class FieldKind(StrEnum):
    """What a value is, which decides how it is read, compared, bounded, stored and shown."""

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
        """Whether it is compared by its words; every other text is an identifier, compared letter by letter."""
        return self in (FieldKind.NAME, FieldKind.ADDRESS, FieldKind.TEXT)

    @property
    def max_chars(self) -> int | None:
        """Characters of a text at the most; `None` for what is no text."""
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
    """A business term of EN 16931: `number` is its BT or BG number, `label` its name for people.

    `payment`: people pay by it, so an accepted record must be sure of it.
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
