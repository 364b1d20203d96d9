"""Export of the analysts' views as files: CSV for spreadsheets, JSON lines for programs, Parquet for warehouses.

Rows are streamed from one snapshot of the database; amounts are exact in all three formats.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, text

from cira_pipeline.custom.declaration import NO_DECLARATIONS, CustomField, CustomType, Declarations, Place
from cira_pipeline.custom.values import NotOfItsType, Value, value_of
from cira_pipeline.db.database import Database
from cira_pipeline.db.records.invoice_search import InvoiceFilter
from cira_pipeline.db.schema.tables import AMOUNT_SCALE, SCHEMA
from cira_pipeline.errors import ExportFailed
from cira_pipeline.models import ExportedView

ExportFormat = Literal["csv", "jsonl", "parquet"]
ExportView = Literal[ExportedView, "invoice_costs"]

ROWS_AT_ONCE = 1_000
_OWN_DUPLICATES = (
    "ARRAY(SELECT j.job_id FROM cira.jobs j WHERE j.job_id = ANY (duplicate_of) AND j.client = :client "
    "ORDER BY j.job_id) AS duplicate_of"
)

_ORDER: Mapping[ExportView, str] = {
    "invoices": "job_id",
    "invoice_tax_ids": "job_id, party DESC, position",
    "invoice_costs": "entry_id",
}
_ORDER_OF_PARTS = "job_id, position"
_OWN_FIELDS: Mapping[ExportView, Place] = {"invoices": Place.HEADER, "invoice_lines": Place.LINE}
OWN_PREFIX = "custom_"
"""Before the name of a declared field, in the heading of its column."""
_ARROW_TYPES = {
    "text": pa.string(),
    "jsonb": pa.string(),
    "text[]": pa.list_(pa.string()),
    "date": pa.date32(),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
    "numeric": pa.decimal128(38, AMOUNT_SCALE),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "double precision": pa.float64(),
}
# A spreadsheet runs text with these first characters as a formula, and this text is untrusted (OWASP, CSV injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

Row = Sequence[Any]
Columns = Mapping[str, str]


def export_invoices(
    database: Database,
    path_or_stream: Path | str | IO[bytes],
    format: ExportFormat,  # noqa: A002 - the word users know
    *,
    since: datetime | None = None,
    client: str | None = None,
    view: ExportView = "invoices",
    wanted: InvoiceFilter | None = None,
    own: Declarations = NO_DECLARATIONS,
) -> int:
    """Writes `view` in order of submission; returns the number of rows. `wanted` selects the invoices that it is about.

    CSV and Parquet of invoices and of lines have a column for each of their fields in `own`, such as
    `custom_cost_centre`, of the declared type; a value that is not of that type stands in the column `custom` only.

    `since` selects rows recorded (or, for costs, booked) at that time or later, so a corrected record comes again. With
    a client, `duplicate_of` names that client's jobs only: the file may be handed to the client.

    A file appears only when it is complete; a stream gets bytes and stays open. CSV is RFC 4180 in UTF-8 with a header;
    text that a spreadsheet would run as a formula is prefixed with an apostrophe. Amounts are strings in JSON and
    decimal128(38, 12) in Parquet; named values are a JSON text in CSV and Parquet. Raises: ExportFailed when the file
    cannot be written, StoreUnavailable.
    """
    write = {"csv": _write_csv, "jsonl": _write_jsonl, "parquet": _write_parquet}[format]
    with database.begin() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        # The reader of a stream may be slow, so time limits are off.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        columns = _columns(connection, view)
        batches = _batches(connection, view, list(columns), since, client, wanted or InvoiceFilter())
        declared = own.of(_OWN_FIELDS[view]) if view in _OWN_FIELDS and format != "jsonl" else ()
        if declared:
            batches = _with_own_fields(batches, list(columns).index("custom"), declared)
            columns = {**columns, **{OWN_PREFIX + each.name: _type_of(each) for each in declared}}
        if isinstance(path_or_stream, Path | str):
            with complete_file(Path(path_or_stream)) as stream:
                return write(stream, columns, batches)
        return write(path_or_stream, columns, batches)


def _columns(connection: Connection, view: ExportView) -> Columns:
    """PostgreSQL's type of each column, in the order of the view."""
    rows = connection.execute(
        text(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute "
            "WHERE attrelid = to_regclass(:view) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ),
        {"view": f"{SCHEMA}.{view}"},
    )
    return {row.attname: row.format_type for row in rows}


def _batches(
    connection: Connection,
    view: ExportView,
    columns: Sequence[str],
    since: datetime | None,
    client: str | None,
    wanted: InvoiceFilter,
) -> Iterator[list[Row]]:
    condition, parameters = wanted.where()
    if view != "invoices" and parameters:
        condition = f"job_id IN (SELECT job_id FROM {SCHEMA}.invoices WHERE {condition})"  # noqa: S608 - as below
    time = "created_at" if view == "invoice_costs" else "recorded_at"
    parameters = {"client": client, **parameters}
    shown = [_OWN_DUPLICATES if each == "duplicate_of" and parameters["client"] else each for each in columns]
    statement = text(
        f"SELECT {', '.join(shown)} FROM {SCHEMA}.{view} "  # noqa: S608 - names of our own columns
        f"WHERE (CAST(:since AS timestamptz) IS NULL OR {time} >= :since) "
        f"AND (CAST(:client AS text) IS NULL OR client = :client) AND {condition} "
        f"ORDER BY {_ORDER.get(view, _ORDER_OF_PARTS)}"
    )
    streamed = connection.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
    for rows in streamed.execute(statement, {**parameters, "since": since}).partitions():
        yield [tuple(row) for row in rows]


def _type_of(declared: CustomField) -> str:
    """PostgreSQL's name of the type of a declared field."""
    return "numeric" if declared.type.is_number else "date" if declared.type is CustomType.DATE else "text"


def _with_own_fields(batches: Iterator[list[Row]], custom: int, declared: Sequence[CustomField]) -> Iterator[list[Row]]:
    """Each row with the values of the declared fields at its end; `custom` is the column that holds them."""
    for rows in batches:
        yield [(*row, *(_own_value(each, row[custom].get(each.name)) for each in declared)) for row in rows]


def _own_value(declared: CustomField, text_: str | None) -> Value | None:
    if text_ is None or not (declared.type.is_number or declared.type is CustomType.DATE):
        return text_
    try:
        return value_of(declared, text_)
    except NotOfItsType:
        return None


@contextmanager
def complete_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears only when it is complete. Raises: ExportFailed."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".part", delete=False) as file:
            part = Path(file.name)
            try:
                yield file
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror or error}", path=str(path)) from error


def _write_csv(stream: IO[bytes], columns: Columns, batches: Iterator[list[Row]]) -> int:
    lines = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(lines)
        writer.writerow(columns)
        count = 0
        for rows in batches:
            writer.writerows([_cell(value) for value in row] for row in rows)
            count += len(rows)
        return count
    finally:
        lines.detach()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        value = "; ".join(value)
    if isinstance(value, dict):
        value = _json_text(value)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
    return str(_plain(value))


def _json_text(values: Mapping[str, Any]) -> str:
    """Named values as JSON text; empty where there are none."""
    return json.dumps(values, ensure_ascii=False) if values else ""


def _write_jsonl(stream: IO[bytes], columns: Columns, batches: Iterator[list[Row]]) -> int:
    count = 0
    for rows in batches:
        for row in rows:
            values = {name: _plain(value) for name, value in zip(columns, row, strict=True)}
            stream.write(json.dumps(values, ensure_ascii=False).encode() + b"\n")
        count += len(rows)
    return count


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, datetime | date) else value


def _write_parquet(stream: IO[bytes], columns: Columns, batches: Iterator[list[Row]]) -> int:
    schema = pa.schema([(name, _ARROW_TYPES[kind]) for name, kind in columns.items()])
    count = 0
    with pq.ParquetWriter(stream, schema) as writer:
        for rows in batches:
            arrays = [
                pa.array([_parquet_value(value) for value in values], field.type)
                for field, values in zip(schema, zip(*rows, strict=True), strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(rows)
    return count


def _parquet_value(value: Any) -> Any:
    """Amounts in the column's scale (costs may have more decimals, amounts never have), named values as JSON text."""
    if isinstance(value, dict):
        return _json_text(value)
    if not isinstance(value, Decimal):
        return value
    with localcontext(prec=60):
        return value.quantize(Decimal(1).scaleb(-AMOUNT_SCALE))
