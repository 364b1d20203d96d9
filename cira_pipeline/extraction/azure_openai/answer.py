"""Form of the model's answer: a list of texts copied from the document, each with the name of its field and its line.

    {"fields": [{"field": "invoice_number", "text": "30064443", "line": 5}],
     "rows": [{"table": "line_items", "cells": [{"column": "quantity", "text": "100", "line": 12}]}]}

Only what the document shows is listed, so that an answer grows with the document and not with the table of fields. The
JSON schema is strict (every property required, nothing else allowed), as structured output requires. Parsing is more
lenient: OpenAI-compatible servers may name the values by keys, omit lines or give numbers for texts, and grounding
rejects a text that is not in the document in any case. The schema is part of the request hash.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from cira_pipeline.errors import ModelAnswerInvalid
from cira_pipeline.extraction.azure_openai.vocabulary import Vocabulary

SCHEMA_VERSION = "2"
SCHEMA_NAME = "invoice_spans"
_FENCE = re.compile(r"\A\s*```(?:json)?\s*(.*?)\s*```\s*\Z", re.DOTALL)
NOWHERE = 0
"""The line number of a text whose line the model did not name."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class Span(_Part):
    """A text copied from the document, and the number of the line it stands in."""

    text: str
    line: int = NOWHERE

    @field_validator("line", mode="before")
    @classmethod
    def _no_line(cls, value: object) -> object:
        return NOWHERE if value is None else value


class FieldSpan(Span):
    """A text of a header field; one on several lines of print has several."""

    field: str


class Cell(Span):
    """A text of one column of a row."""

    column: str


class Row(_Part):
    """One row of a table."""

    table: str
    cells: tuple[Cell, ...] = ()

    def of(self, column: str) -> tuple[Span, ...]:
        """The texts of `column`, in reading order."""
        return tuple(cell for cell in self.cells if cell.column == column)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """What the row says, wherever it is printed."""
        return tuple((cell.column, " ".join(cell.text.split())) for cell in self.cells)


class InvoiceSpans(_Part):
    """The whole answer."""

    fields: tuple[FieldSpan, ...] = ()
    rows: tuple[Row, ...] = ()

    def fields_of(self, field: str) -> tuple[FieldSpan, ...]:
        """The texts of header field `field`, in reading order."""
        return tuple(span for span in self.fields if span.field == field)

    def rows_of(self, table: str) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.table == table)


def parse_answer(content: str, vocabulary: Vocabulary) -> InvoiceSpans:
    """The spans in the model's answer `content`; names that `vocabulary` does not have are left out.

    Raises: ModelAnswerInvalid when it is not JSON of the schema.
    """
    fenced = _FENCE.match(content)
    try:
        parsed = json.loads(fenced.group(1) if fenced else content)
    except (ValueError, RecursionError) as error:
        raise ModelAnswerInvalid(f"the model's answer is not JSON: {error}") from error
    expected = {"fields", "rows", *vocabulary.fields, *vocabulary.tables}
    if not isinstance(parsed, dict) or not parsed.keys() & expected:
        raise ModelAnswerInvalid("the model's answer is JSON, but not an object with the fields asked for")
    by_key = {name: value for name, value in parsed.items() if name not in ("fields", "rows")}
    try:
        spans = [*_spans(parsed.get("fields"), "field"), *_spans(by_key, "field", within=vocabulary.fields)]
        rows = [
            *_rows(parsed.get("rows")),
            *_rows({name: by_key[name] for name in vocabulary.tables if name in by_key}),
        ]
        answer = InvoiceSpans.model_validate({"fields": spans, "rows": rows})
    except _NotOfThisForm as error:
        raise ModelAnswerInvalid(f"the model's answer does not fit the schema: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelAnswerInvalid(f"the model's answer does not fit the schema at {where}: {first['msg']}") from error
    return _within(answer, vocabulary)


def answer_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """The JSON schema of an answer, in the strict form that structured output accepts."""
    span = {"text": {"type": "string"}, "line": {"type": "integer"}}
    cell = _object({"column": _one_of(vocabulary.columns), **span})
    row = _object({"table": _one_of(vocabulary.tables), "cells": _list(cell)})
    field = _object({"field": _one_of(vocabulary.fields), **span})
    return _object({"fields": _list(field), "rows": _list(row)})


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _one_of(names: Mapping[str, object] | tuple[str, ...]) -> dict[str, Any]:
    return {"type": "string", "enum": list(names)}


class _NotOfThisForm(Exception):
    """A part of an answer is neither a list nor an object."""


def _spans(given: object, key: str, *, within: tuple[str, ...] | None = None) -> Iterator[dict[str, Any]]:
    """The spans of a list of them, or of an object by name; those without a text or without a name are left out."""
    for span in given if isinstance(given, list) else _named(given, key, within):
        if not isinstance(span, dict):
            raise _NotOfThisForm(f"a {key} must be an object")
        if span.get("text") is not None and span.get(key) is not None:
            yield span


def _named(given: object, key: str, within: tuple[str, ...] | None) -> Iterator[dict[str, Any]]:
    if given is None:
        return
    if not isinstance(given, dict):
        raise _NotOfThisForm(f"the {key}s must be a list")
    for name, value in given.items():
        if within is None or name in within:
            for span in value if isinstance(value, list) else (value,):
                yield {**(span if isinstance(span, dict) else {"text": span}), key: name}


def _rows(given: object) -> Iterator[dict[str, Any]]:
    if isinstance(given, dict):
        given = [
            {"table": table, **row} if isinstance(row, dict) else row
            for table, rows in given.items()
            for row in (rows if isinstance(rows, list) else () if rows is None else (rows,))
        ]
    if given is not None and not isinstance(given, list):
        raise _NotOfThisForm("the rows must be a list")
    for row in given or ():
        if not isinstance(row, dict):
            raise _NotOfThisForm("a row must be an object")
        cells = row["cells"] if "cells" in row else {name: value for name, value in row.items() if name != "table"}
        yield {"table": row.get("table"), "cells": list(_spans(cells, "column"))}


def _within(answer: InvoiceSpans, vocabulary: Vocabulary) -> InvoiceSpans:
    rows = tuple(
        row.model_copy(update={"cells": tuple(cell for cell in row.cells if cell.column in asked.names)})
        for row in answer.rows
        if (asked := vocabulary.tables.get(row.table)) is not None
    )
    fields = tuple(span for span in answer.fields if span.field in vocabulary.fields)
    return InvoiceSpans(fields=fields, rows=tuple(row for row in rows if row.cells))
