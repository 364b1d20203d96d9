"""A record as a form: each field with its evidence and findings; and back, what a person changed in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import BaseModel

from cira_pipeline.api.page import formatting as words
from cira_pipeline.api.page.own_fields import PREFIX, TITLE, input_kind, own_changes, own_inputs
from cira_pipeline.api.page.typed_values import NotUnderstood, shown, typed
from cira_pipeline.custom.declaration import NO_DECLARATIONS, CustomField, Declarations
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import (
    DATE_FIELDS,
    HEADER_FIELDS,
    NUMBER_FIELDS,
    ROW_TERMS,
    ROWS,
    TERMS,
    Invoice,
    header_fields,
)
from cira_pipeline.models import Evidence, Finding, Record, Severity

LOW_CONFIDENCE = 0.9
"""Below it a value is shown as doubtful; what sends a record to review is decided elsewhere."""
LINES = "line_items"
_LONG = header_fields(FieldKind.ADDRESS, FieldKind.TEXT)


@dataclass(frozen=True)
class FieldView:
    """`value` stands in the input, `note` is it in other words, `error` what is wrong with what was typed."""

    name: str
    label: str
    kind: str
    value: str
    note: str = ""
    evidence: Evidence | None = None
    doubtful: bool = False
    wrong: bool = False
    error: str = ""


@dataclass(frozen=True)
class RowView:
    """One row of a table: `path` as evidence names it, such as `line_items[2]`; `added` if the record has none such."""

    number: int
    path: str
    cells: Sequence[FieldView]
    added: bool = False
    confidence: float | None = None


@dataclass(frozen=True)
class GroupView:
    """Fields under one heading. `folded`: details that the invoice does not state, shown on demand."""

    title: str
    fields: Sequence[FieldView]
    folded: Sequence[FieldView]


@dataclass(frozen=True)
class TableView:
    """A table of the record. `columns`: its column names with their labels, without details that no row has.

    `kinds`: how the cells of each column are shown: `amount` (right-aligned), `date` or `text`.
    """

    name: str
    columns: Mapping[str, str]
    kinds: Mapping[str, str]
    rows: Sequence[RowView]


@dataclass(frozen=True)
class RecordForm:
    groups: Sequence[GroupView]
    tables: Sequence[TableView]
    first: str
    """The input that a person looks at first: one with an error, else a doubtful one."""
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """`values`: fields that differ from the record's. `errors`: input -> what is expected there."""

    values: Mapping[str, Any]
    errors: Mapping[str, str]


def record_form(
    record: Record,
    today: date,
    given: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    own: Declarations = NO_DECLARATIONS,
) -> RecordForm:
    """`given` is what a person had typed before, shown again in place of the record's own values."""
    given, errors = given or {}, errors or {}
    evidence = {each.field: each for each in record.evidence}
    groups = [
        _group(title, [_header(name, record, evidence.get(name), today, given, errors) for name in names])
        for title, names in words.GROUPS
    ]
    named_own = own_inputs(record.invoice.custom, own.header)
    if named_own:
        groups.append(GroupView(TITLE, [_own(each, record, evidence, given, errors) for each in named_own], []))
    tables = [_table(table, record, evidence, given, errors, own) for table in ROWS]
    fields = [each for group in groups for each in group.fields]
    named = {name for each in complaints(record.findings) if each.severity is not Severity.INFO for name in each.fields}
    ways = (
        (name for name in errors),
        (each.name for each in fields if each.wrong),
        (each.name for each in fields if each.name in named),
        (each.name for each in fields if each.doubtful),
    )
    first = next((name for way in ways for name in way), "")
    return RecordForm(groups, tables, first, errors)


def changes_in(given: Mapping[str, str], invoice: Invoice, own: Declarations = NO_DECLARATIONS) -> Changes:
    """Only what a person touched is read; everything else keeps its value to the last digit."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name in HEADER_FIELDS:
        if name in given and (value := _read(name, name, given[name], getattr(invoice, name), errors)) != getattr(
            invoice, name
        ):
            values[name] = value
    custom = own_changes(given, invoice.custom, own_inputs(invoice.custom, own.header), "", errors)
    if custom != dict(invoice.custom):
        values["custom"] = custom
    for table, kind in ROWS.items():
        before = getattr(invoice, table)
        if any(key.startswith(f"{table}.") for key in given):
            after = tuple(_rows(table, kind, before, given, errors, own))
            if after != before:
                values[table] = after
    return Changes(values, errors)


def _rows(
    table: str,
    kind: type[BaseModel],
    before: Sequence[BaseModel],
    given: Mapping[str, str],
    errors: dict[str, str],
    own: Declarations,
) -> list[BaseModel]:
    """Rows of which something was given; one that was emptied is gone."""
    rows = []
    for number in _numbers(table, given):
        old = before[number] if number < len(before) else None
        cells: dict[str, Any] = {
            part: _read(place, part, given[place], was, errors)
            if (place := f"{table}.{number}.{part}") in given
            else was
            for part in words.COLUMNS[table]
            for was in (getattr(old, part, None),)
        }
        if table == LINES:
            kept = getattr(old, "custom", {})
            cells["custom"] = own_changes(given, kept, own_inputs(kept, own.line), f"{table}.{number}.", errors)
        if any(value is not None and value != {} for value in cells.values()):
            rows.append(old.model_copy(update=cells) if old is not None else kind(**cells))
    return rows


def _read(place: str, name: str, text: str, was: object, errors: dict[str, str]) -> object:
    # Browsers send line ends as two characters, whatever the page had.
    if text.replace("\r\n", "\n") == shown(was):
        return was
    try:
        return typed(name, text)
    except NotUnderstood as error:
        errors[place] = str(error)
        return was


def _header(
    name: str,
    record: Record,
    evidence: Evidence | None,
    today: date,
    given: Mapping[str, str],
    errors: Mapping[str, str],
) -> FieldView:
    value = getattr(record.invoice, name)
    about = [each for each in record.findings if name in each.fields and each.severity is not Severity.INFO]
    return FieldView(
        name=name,
        label=words.FIELDS[name],
        kind=_kind(name),
        value=given.get(name, shown(value)),
        note=words.when(value, today) if isinstance(value, date) else "",
        evidence=evidence,
        doubtful=bool(about) or (evidence is not None and evidence.confidence < LOW_CONFIDENCE),
        wrong=any(each.severity is Severity.ERROR for each in about),
        error=errors.get(name, ""),
    )


def _own(
    declared: CustomField,
    record: Record,
    evidence: Mapping[str, Evidence],
    given: Mapping[str, str],
    errors: Mapping[str, str],
) -> FieldView:
    proof = evidence.get(declared.path)
    about = [each for each in record.findings if declared.path in each.fields and each.severity is not Severity.INFO]
    return FieldView(
        name=declared.path,
        label=declared.shown,
        kind=input_kind(declared),
        value=given.get(declared.path, record.invoice.custom.get(declared.name, "")),
        note=declared.description,
        evidence=proof,
        doubtful=bool(about) or (proof is not None and proof.confidence < LOW_CONFIDENCE),
        wrong=any(each.severity is Severity.ERROR for each in about),
        error=errors.get(declared.path, ""),
    )


def _group(title: str, fields: Sequence[FieldView]) -> GroupView:
    folded = [each for each in fields if TERMS[each.name].detail and not (each.value or each.error or each.doubtful)]
    return GroupView(title, [each for each in fields if each not in folded], folded)


def _table(
    table: str,
    record: Record,
    evidence: Mapping[str, Evidence],
    given: Mapping[str, str],
    errors: Mapping[str, str],
    own: Declarations,
) -> TableView:
    rows = getattr(record.invoice, table)
    numbers = sorted({*range(len(rows)), *_numbers(table, given)})
    columns = {
        part: label
        for part, label in words.COLUMNS[table].items()
        if not ROW_TERMS[table][part].detail
        or any(getattr(row, part) is not None for row in rows)
        or any(given.get(f"{table}.{number}.{part}") for number in numbers)
    }
    kinds = {part: words.kind_of_cell(table, part) for part in columns}
    if table == LINES:
        for each in own_inputs({name: text for row in rows for name, text in row.custom.items()}, own.line):
            columns[each.path] = each.shown
            kinds[each.path] = "text" if input_kind(each) == "long" else input_kind(each)
    shown_rows = [_row(table, number, rows, columns, kinds, evidence, given, errors) for number in numbers]
    return TableView(table, columns, kinds, shown_rows)


def _row(
    table: str,
    number: int,
    rows: Sequence[Any],
    columns: Mapping[str, str],
    kinds: Mapping[str, str],
    evidence: Mapping[str, Evidence],
    given: Mapping[str, str],
    errors: Mapping[str, str],
) -> RowView:
    path = f"{table}[{number}]"
    row = rows[number] if number < len(rows) else None
    cells = [
        FieldView(
            name=(place := f"{table}.{number}.{part}"),
            label=f"{label}, row {number + 1}",
            kind=kinds[part],
            value=given.get(place, shown(_cell(row, part))),
            evidence=evidence.get(f"{path}.{part}"),
            error=errors.get(place, ""),
        )
        for part, label in columns.items()
    ]
    sure = [each.confidence for name, each in evidence.items() if name == path or name.startswith(f"{path}.")]
    return RowView(number, path, cells, added=row is None, confidence=min(sure, default=None))


def _cell(row: BaseModel | None, part: str) -> object:
    """The value of a column, such as `net_amount` or `custom.batch`; `None` where there is none."""
    if part.startswith(PREFIX):
        return getattr(row, "custom", {}).get(part.removeprefix(PREFIX))
    return getattr(row, part, None)


def _numbers(table: str, given: Mapping[str, str]) -> list[int]:
    found = (key.split(".", 2) for key in given if key.startswith(f"{table}."))
    return sorted({int(parts[1]) for parts in found if len(parts) == 3 and parts[1].isdigit() and len(parts[1]) < 5})


def _kind(name: str) -> str:
    if name in NUMBER_FIELDS:
        return "amount"
    if name in DATE_FIELDS:
        return "date"
    if name == "invoice_type":
        return "choice"
    return "long" if name in _LONG else "text"


def complaints(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first, then warnings, then notes."""
    order = [Severity.ERROR, Severity.WARNING, Severity.INFO]
    return sorted(findings, key=lambda each: order.index(each.severity))
