"""Schema of the model's answer: for every value the verbatim text and its line number, never a value of its own.

The JSON schema is strict (every property required, nothing else allowed), as structured output requires. Parsing is
more lenient: OpenAI-compatible servers may omit keys or give numbers for texts, and grounding rejects a text that is
not in the document in any case. Docstrings and descriptions of the answer's classes are part of the schema that is sent
to the model, and so of the request hash.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cira_pipeline.errors import ModelAnswerInvalid

SCHEMA_VERSION = "1"
SCHEMA_NAME = "invoice_spans"
_FENCE = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)
NOWHERE = 0
"""The line number of a text whose line the model did not name."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Span(_Part):
    """A text copied from the document, and the number of the line it stands in."""

    text: str = Field(description="copied character by character from the line")
    line: int = Field(NOWHERE, description="the number before the line's bar")

    @model_validator(mode="before")
    @classmethod
    def _bare_text(cls, value: object) -> object:
        return {"text": value} if isinstance(value, str | int | float) else value

    @field_validator("line", mode="before")
    @classmethod
    def _no_line(cls, value: object) -> object:
        return NOWHERE if value is None else value


class TaxSpans(_Part):
    """One row of the VAT breakdown."""

    rate: Span | None = None
    net: Span | None = None
    tax: Span | None = None


class LineSpans(_Part):
    """One invoice line. A description may be wrapped over several lines of print."""

    description: tuple[Span, ...] = ()
    quantity: Span | None = None
    unit: Span | None = None
    unit_price: Span | None = None
    tax_rate: Span | None = None
    net_amount: Span | None = None

    @field_validator("description", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        return _as_list(value)


class InvoiceSpans(_Part):
    """The whole answer. Addresses and terms are lists, since they stand on several lines of print."""

    invoice_number: Span | None = None
    issue_date: Span | None = None
    invoice_type: Span | None = None
    currency: Span | None = None
    due_date: Span | None = None
    purchase_order: Span | None = None
    payment_terms: tuple[Span, ...] = ()
    supplier_name: Span | None = None
    supplier_vat_id: Span | None = None
    supplier_address: tuple[Span, ...] = ()
    customer_name: Span | None = None
    customer_vat_id: Span | None = None
    customer_address: tuple[Span, ...] = ()
    payment_iban: Span | None = None
    net_total: Span | None = None
    tax_total: Span | None = None
    gross_total: Span | None = None
    amount_due: Span | None = None
    tax_breakdown: tuple[TaxSpans, ...] = ()
    line_items: tuple[LineSpans, ...] = ()

    @field_validator(
        "payment_terms", "supplier_address", "customer_address", "tax_breakdown", "line_items", mode="before"
    )
    @classmethod
    def _list(cls, value: object) -> object:
        return _as_list(value)


def _as_list(value: object) -> object:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def parse_answer(content: str) -> InvoiceSpans:
    """The spans in the model's answer `content`. Raises: ModelAnswerInvalid when it is not JSON of the schema."""
    fenced = _FENCE.match(content)
    try:
        parsed = json.loads(fenced.group(1) if fenced else content)
    except (ValueError, RecursionError) as error:
        raise ModelAnswerInvalid(f"the model's answer is not JSON: {error}") from error
    if not isinstance(parsed, dict) or not parsed.keys() & InvoiceSpans.model_fields.keys():
        raise ModelAnswerInvalid("the model's answer is JSON, but not an object with the fields asked for")
    try:
        return InvoiceSpans.model_validate(parsed)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelAnswerInvalid(f"the model's answer does not fit the schema at {where}: {first['msg']}") from error


def answer_schema() -> dict[str, Any]:
    """The JSON schema of an answer, in the strict form that structured output accepts."""
    schema: dict[str, Any] = _strict(InvoiceSpans.model_json_schema())
    return schema


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    kept = {key: _strict(value) for key, value in node.items() if key not in ("default", "title")}
    if kept.get("type") == "object":
        # A property named `title` or `default` would be lost above; there is none.
        kept["required"] = list(kept["properties"])
        kept["additionalProperties"] = False
    return kept
