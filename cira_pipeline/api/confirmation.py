"""Confirmation of a record by a reviewer: corrects it, stores it as the document's label and validates it again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cira_pipeline.api.problem_models import FieldProblem
from cira_pipeline.api.services import Services
from cira_pipeline.custom.declaration import CustomField, Declarations
from cira_pipeline.custom.declaration_file import declarations, own_rules
from cira_pipeline.custom.values import NotOfItsType, value_of
from cira_pipeline.db.access.api_keys import ApiKey
from cira_pipeline.db.jobs.repository import Job
from cira_pipeline.db.records.confirmations import Confirmation
from cira_pipeline.db.records.repository import StoredRecord
from cira_pipeline.db.schema.tables import AMOUNT_BOUND
from cira_pipeline.errors import JobNotFinished, RecordChanged, RecordNotFound, RequestInvalid, ValueNotStorable
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import HEADER_FIELDS, ROW_TERMS, TABLES, TERMS, Invoice
from cira_pipeline.invoice_bounds import MAX_CHARS, MAX_MAP_CHARS, MAX_ROWS, bounded
from cira_pipeline.jobs import JobId
from cira_pipeline.models import Evidence, Extraction, Record, Severity
from cira_pipeline.validation.rules import RAISED_BY_ENGINES
from cira_pipeline.validation.severities import severities_of
from cira_pipeline.validation.validate import ValidationContext, validate
from cira_pipeline.validation.verdict import verdict_of

MAX_DECIMALS = 400
_ENGINES_OWN = frozenset(rule.id for rule in RAISED_BY_ENGINES)


class ConfirmRecord(BaseModel):
    """Confirmation of a record. Omitted fields are confirmed unchanged; `null`: the document has no such field."""

    model_config = ConfigDict(extra="forbid")

    fields: Invoice = Field(default_factory=Invoice, description="corrected fields, named as in the record")
    confirmed_by: str | None = Field(
        None, min_length=1, max_length=200, description="name of the reviewer; default: the key's name or client"
    )


def confirm(
    services: Services, key: ApiKey, job: Job, body: ConfirmRecord, today: date, *, seen: datetime | None = None
) -> Confirmation:
    """Applies a reviewer's corrections, stores them as label and confirmation, and validates the record again.

    Repeating it is safe. `seen` is the `updated_at` of the record that the reviewer saw. Raises: JobNotFinished,
    RecordNotFound, RecordChanged when the record was changed since `seen`, RequestInvalid, ValueNotStorable.
    """
    if not job.status.final:
        raise JobNotFinished(f"job {job.job_id} is {job.status}", status=job.status)
    stored = services.records.get(job.job_id)
    if stored is None:
        raise RecordNotFound(f"job {job.job_id} has no record", job_id=job.job_id)
    corrected = _corrected(stored.record.invoice, body.fields, declarations(services.settings.custom_fields))
    confirmed_by = body.confirmed_by or key.name or key.client
    with services.records.one_at_a_time(corrected):
        if seen is not None and _updated_at(services, job.job_id) != seen:
            raise RecordChanged(f"the record of job {job.job_id} was changed after it was displayed", job_id=job.job_id)
        record = _validated(services, job.job_id, stored, corrected, confirmed_by, today)
        services.records.put(job.job_id, stored.document_sha256, record)
    services.labels.put(stored.document_sha256, _label_of(corrected), source="review", confirmed_by=confirmed_by)
    confirmation = services.confirmations.put(
        job.job_id,
        stored.document_sha256,
        confirmed_by=confirmed_by,
        key_id=key.key_id,
        changes=_changes(stored.record.invoice, corrected),
        verdict_before=stored.record.verdict,
        verdict_after=record.verdict,
    )
    services.memory.confirmed(job.client, job.job_id, stored.document_sha256, corrected, confirmation.confirmed_at)
    services.jobs.confirm(job.job_id, record.verdict)
    return confirmation


def _updated_at(services: Services, job_id: JobId) -> datetime | None:
    stored = services.records.get(job_id)
    return stored.updated_at if stored else None


def _corrected(invoice: Invoice, given: Invoice, own: Declarations) -> Invoice:
    """`invoice` with the given fields replaced. Raises: RequestInvalid, ValueNotStorable."""
    changes = {name: getattr(given, name) for name in given.model_fields_set}
    check_bounds(changes)
    corrected = invoice.model_copy(update=changes)
    wrong = [*_wrong_cells(changes, len(corrected.line_items)), *_wrong_own_values(changes, invoice, own)]
    if wrong:
        shown = "; ".join(f"{path}: {expected}" for path, expected in wrong[:10])
        parts = [FieldProblem(pointer=f"/fields/{_pointer(path)}", detail=expected) for path, expected in wrong[:100]]
        raise RequestInvalid(f"the fields cannot be confirmed so: {shown}", wrong=parts)
    return bounded(corrected).invoice


def _pointer(path: str) -> str:
    """`line_items[2].custom.batch` as a JSON pointer."""
    return path.replace("[", "/").replace("]", "").replace(".", "/")


def _wrong_cells(changes: Mapping[str, Any], lines: int) -> Iterator[tuple[str, str]]:
    """Cells of tables with a value that there is not: their path, and what was expected."""
    for table in TABLES:
        for at, row in enumerate(changes.get(table, ())):
            for name, term in ROW_TERMS[table].items():
                value = getattr(row, name)
                if value is None:
                    continue
                if term.values and value not in term.values:
                    yield f"{table}[{at}].{name}", f"one of {', '.join(term.values)} was expected"
                elif term.kind is FieldKind.POSITION and not 1 <= value <= lines:
                    yield f"{table}[{at}].{name}", f"the number of a line was expected, of which there are {lines}"


def _wrong_own_values(changes: Mapping[str, Any], before: Invoice, own: Declarations) -> Iterator[tuple[str, str]]:
    """Changed values of one's own fields that are not of their declared type: their path, and what was expected.

    Without declarations every name is permitted, and with them those that the record has from earlier ones.
    """
    if not own.fields:
        return
    yield from _wrong_values(changes.get("custom", {}), before.custom, own.header, "custom")
    for at, row in enumerate(changes.get("line_items", ())):
        kept = before.line_items[at].custom if at < len(before.line_items) else {}
        yield from _wrong_values(row.custom, kept, own.line, f"line_items[{at}].custom")


def _wrong_values(
    given: Mapping[str, str], before: Mapping[str, str], declared: Mapping[str, CustomField], path: str
) -> Iterator[tuple[str, str]]:
    for name, text in given.items():
        if before.get(name) == text:
            continue
        if name not in declared:
            yield f"{path}.{name}", f"no such field is declared; declared are {', '.join(declared) or 'none'}"
            continue
        try:
            value_of(declared[name], text)
        except NotOfItsType as error:
            yield f"{path}.{name}", str(error)


def _label_of(invoice: Invoice) -> dict[str, Any]:
    """The fields of `invoice` that a reviewer has seen: a detail without a value may be printed all the same."""
    stated = invoice.model_dump(mode="json", exclude_defaults=True)
    return {name: None for name, term in TERMS.items() if not term.detail} | stated


def check_bounds(changes: Mapping[str, Any]) -> None:
    """Checks values against the bounds of what can be stored. Raises: RequestInvalid, ValueNotStorable."""
    for path, value in _leaves(changes):
        # Checked before the value is formatted: `1e999999999` and `1e-999999999` would become very long texts.
        if isinstance(value, Decimal) and not -Decimal(AMOUNT_BOUND) < value < Decimal(AMOUNT_BOUND):
            raise ValueNotStorable(f"{path} is too large; an amount must be below {AMOUNT_BOUND}", field=path)
        if isinstance(value, Decimal) and not -MAX_DECIMALS <= value.adjusted() <= MAX_DECIMALS:
            raise ValueNotStorable(f"{path} has more than {MAX_DECIMALS} decimals", field=path)
        most = MAX_CHARS.get(path.rpartition(".")[2], MAX_MAP_CHARS)
        if isinstance(value, str) and len(value) > most:
            raise RequestInvalid(f"{path} is longer than {most:,} characters")
    for table in TABLES:
        if len(changes.get(table, ())) > MAX_ROWS:
            raise RequestInvalid(f"{table} has more than {MAX_ROWS:,} rows")


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if name in TABLES:
            for index, row in enumerate(value):
                yield from _leaves({f"{name}[{index}].{part}": each for part, each in row})
        elif isinstance(value, Mapping):
            for key, each in value.items():
                texts = each if isinstance(each, tuple) else (each,)
                yield from ((f"{name}.{key}", text) for text in texts)
        else:
            yield name, value


def _validated(
    services: Services, job_id: JobId, stored: StoredRecord, corrected: Invoice, confirmed_by: str, today: date
) -> Record:
    """The confirmed record, validated again.

    The confirmation settles warnings (low confidence, differing engines, new bank account), which stay visible; errors,
    which are provable, still need review.
    """
    before = stored.record
    extraction = Extraction(
        engine=before.engine,
        engine_version="confirmed",
        invoice=corrected,
        evidence=tuple(_evidence(before, corrected, confirmed_by)),
        # Informational findings of engines (allowances, prepayments) are kept; they explain the totals.
        findings=tuple(
            each for each in before.findings if each.rule in _ENGINES_OWN and each.severity is Severity.INFO
        ),
    )
    history = services.records.history(job_id, corrected, stored.document_sha256)
    context = ValidationContext(
        today=today,
        duplicate_job_ids=history.duplicates,
        duplicates_elsewhere=history.duplicates_elsewhere,
        known_ibans=history.ibans,
        ibans_elsewhere=history.ibans_elsewhere,
        severities=severities_of(services.settings.rule_severity),
        own_rules=own_rules(services.settings.custom_fields),
    )
    record = validate(extraction, context)
    errors = [each for each in record.findings if each.severity is Severity.ERROR]
    verdict = verdict_of(errors, read_from_page=False)
    return record.model_copy(update={"engines": before.engines, "verdict": verdict})


def _evidence(before: Record, corrected: Invoice, confirmed_by: str) -> Iterator[Evidence]:
    """Evidence of unchanged fields with confidence 1; for changed fields, the reviewer as evidence."""
    changed = {name for name in (*HEADER_FIELDS, *TABLES) if getattr(before.invoice, name) != getattr(corrected, name)}
    own = {f"custom.{name}": value for name, value in corrected.custom.items()}
    changed |= {
        f"custom.{name}" for name, value in before.invoice.custom.items() if corrected.custom.get(name) != value
    }
    seen = set()
    for each in before.evidence:
        if each.field in own and each.field not in changed:
            seen.add(each.field)
            yield each.model_copy(update={"confidence": 1.0})
        elif each.field.partition("[")[0] not in changed:
            seen.add(each.field.partition(".")[0])
            yield each.model_copy(update={"confidence": 1.0})
    missing = [name for name in HEADER_FIELDS if getattr(corrected, name) is not None and name not in seen]
    rows = [f"{table}[{index}]" for table in TABLES for index in range(len(getattr(corrected, table)))]
    missing += [field for field in own if field not in seen]
    for field in (*missing, *(row for row in rows if row not in seen)):
        yield Evidence(field=field, engine=before.engine, text=f"confirmed by {confirmed_by}", confidence=1.0)


def _changes(before: Invoice, after: Invoice) -> dict[str, dict[str, Any]]:
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: {"before": old[name], "after": new[name]} for name in new if old[name] != new[name]}
