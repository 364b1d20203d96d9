"""Records: the canonical invoice of each job, and lookups of earlier records for duplicates and known accounts."""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any

from pydantic import BaseModel
from sqlalchemy import (
    Connection,
    Row,
    Table,
    select,
)

from cira_pipeline.db.database import Database
from cira_pipeline.db.records.statements import (
    DELETE_PARTS,
    DUPLICATES,
    IBANS,
    INSERT_PARTS,
    KEEP_RECORD,
    LOCK,
    PARTS,
)
from cira_pipeline.db.schema.document_text import storable_json
from cira_pipeline.db.schema.tables import (
    AMOUNT_BOUND,
    AMOUNT_SCALE,
    ROW_TABLES,
    jobs,
    record_evidence,
    record_findings,
    records,
)
from cira_pipeline.errors import ValueNotStorable
from cira_pipeline.fields import FieldKind
from cira_pipeline.invoice import HEADER_FIELDS, MAPS, NUMBER_FIELDS, ROWS, Invoice, header_fields
from cira_pipeline.jobs import JobId
from cira_pipeline.models import Box, Evidence, Finding, Record, Verdict

# Identity of an invoice for payment: supplier and number, independent of how they are printed.

# Longer texts are no names or numbers; the bound keeps keys within an index entry.
MAX_KEY_CHARS = 200


@dataclass(frozen=True)
class InvoiceIdentity:
    """Letters and digits of invoice number, supplier's VAT id and name, case folded; empty where unknown."""

    number_key: str
    vat_key: str
    name_key: str

    @classmethod
    def of(cls, invoice: Invoice) -> InvoiceIdentity:
        return cls(_key(invoice.invoice_number), _key(invoice.supplier_vat_id), _key(invoice.supplier_name))


def _key(text: str | None) -> str:
    """Normalises: `RE-2024/001` and `re 2024 001` are one number; so are full-width and plain digits (Unicode NFKC)."""
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    return "".join(char for char in folded if char.isalnum())[:MAX_KEY_CHARS]


_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True)
class StoredRecord:
    """A job's record. `duplicate_of`: earlier jobs with the same invoice. `recorded_at`: since when it is valid."""

    job_id: JobId
    document_sha256: str
    record: Record
    duplicate_of: tuple[JobId, ...]
    recorded_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class SupplierHistory:
    """Earlier records about an invoice: jobs with the same invoice, and accounts of its supplier.

    Results from other clients' jobs are separate: they count, but must not be disclosed to this client.
    """

    all_duplicates: tuple[JobId, ...]
    duplicates: tuple[JobId, ...]
    duplicates_elsewhere: bool
    ibans: frozenset[str]
    ibans_elsewhere: frozenset[str]


class RecordRepository:
    """Records, one for each job. Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held = threading.local()

    @contextmanager
    def one_at_a_time(self, invoice: Invoice) -> Iterator[None]:
        """Serialises validation of the same invoice across processes: the second of two equal ones sees the first.

        All calls of this thread inside the block are one transaction, committed at its end.
        """
        identity = InvoiceIdentity.of(invoice)
        name = f"cira record {identity.number_key or identity.name_key}"
        lock = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        with self._database.begin() as connection:
            connection.execute(LOCK, {"lock": lock})
            self._held.connection = connection
            try:
                yield
            finally:
                self._held.connection = None

    def put(
        self, job_id: JobId, document_sha256: str, record: Record, *, duplicate_of: Sequence[JobId] | None = None
    ) -> None:
        """Stores the record as a whole, replacing the job's earlier one.

        `duplicate_of` is the result of `history` within the same `one_at_a_time`; `None` looks it up.

        Amounts keep their digits; beyond 12 decimals they are rounded half even. A currency that is not an ISO 4217
        code is left out of a record that is not accepted; its evidence stays. Raises: ValueNotStorable.
        """
        identity = InvoiceIdentity.of(record.invoice)
        row = _header_row(record) | asdict(identity) | {"document_sha256": document_sha256}
        parts = {table.name: _numbered(rows) for table, rows in _part_rows(record)}
        with self._begin() as connection:
            if duplicate_of is None:
                duplicate_of = _duplicates(connection, job_id, identity, document_sha256)
            connection.execute(KEEP_RECORD, row | {"job_id": job_id, "duplicate_of": list(duplicate_of)})
            connection.execute(DELETE_PARTS, {"of_job": job_id})
            connection.execute(INSERT_PARTS, {"of_job": job_id, **parts})

    def get(self, job_id: JobId) -> StoredRecord | None:
        with self._begin() as connection:
            row = connection.execute(select(records).where(records.c.job_id == job_id)).one_or_none()
            if row is None:
                return None
            parts = {table.name: _rows_of(connection, table, job_id) for table in PARTS}
        return _stored(row, parts)

    def duplicates_of(self, job_id: JobId, invoice: Invoice, document_sha256: str) -> tuple[JobId, ...]:
        """Earlier jobs with the same invoice: paying this one as well would pay it twice.

        The same invoice is the same document, or the same number from a supplier with the same VAT id or name; case,
        spaces and punctuation do not count. Earlier jobs are those with a valid record (accepted or waiting for
        review), and an earlier job on the same document that is still under way. Repeated calls for the same job give
        the same result. Within `one_at_a_time` at most one of two jobs counts as the first.
        """
        with self._begin() as connection:
            return _duplicates(connection, job_id, InvoiceIdentity.of(invoice), document_sha256)

    def ibans_of(self, job_id: JobId, invoice: Invoice) -> frozenset[str]:
        """Bank accounts in the accepted records of other jobs from a supplier with the same VAT id or name."""
        with self._begin() as connection:
            return frozenset(iban for iban, _ in _ibans(connection, job_id, invoice))

    def history(self, job_id: JobId, invoice: Invoice, document_sha256: str) -> SupplierHistory:
        """`duplicates_of` and `ibans_of`, separate for the job's own client and for others."""
        with self._begin() as connection:
            duplicates = _duplicates(connection, job_id, InvoiceIdentity.of(invoice), document_sha256)
            own = _of_the_same_client(connection, job_id, duplicates)
            known = _ibans(connection, job_id, invoice)
        own_ibans = frozenset(iban for iban, is_own in known if is_own)
        return SupplierHistory(
            all_duplicates=duplicates,
            duplicates=tuple(each for each in duplicates if each in own),
            duplicates_elsewhere=len(own) < len(duplicates),
            ibans=own_ibans,
            ibans_elsewhere=frozenset(iban for iban, _ in known) - own_ibans,
        )

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        held: Connection | None = getattr(self._held, "connection", None)
        if held is not None:
            yield held
            return
        with self._database.begin() as connection:
            yield connection


def _ibans(connection: Connection, job_id: JobId, invoice: Invoice) -> list[tuple[str, bool]]:
    """Accounts in the accepted records of other jobs, and whether one of those is of the job's own client."""
    found = connection.execute(IBANS, {"asking": job_id, **_identity_values(InvoiceIdentity.of(invoice))})
    return [(iban, bool(is_own)) for iban, is_own in found]


def _of_the_same_client(connection: Connection, job_id: JobId, others: Sequence[JobId]) -> frozenset[JobId]:
    if not others:
        return frozenset()
    own = select(jobs.c.client).where(jobs.c.job_id == job_id).scalar_subquery()
    statement = select(jobs.c.job_id).where(jobs.c.job_id.in_(others), jobs.c.client == own)
    return frozenset(JobId(each) for each in connection.scalars(statement))


def _duplicates(
    connection: Connection, job_id: JobId, identity: InvoiceIdentity, document_sha256: str
) -> tuple[JobId, ...]:
    values = {"asking": job_id, "document": document_sha256, **_identity_values(identity)}
    return tuple(sorted(connection.scalars(DUPLICATES, values)))


def _identity_values(identity: InvoiceIdentity) -> dict[str, str | None]:
    """Unknown values are NULL, which equals nothing."""
    return {name: value or None for name, value in asdict(identity).items()}


def _header_row(record: Record) -> dict[str, Any]:
    invoice = record.invoice
    row: dict[str, Any] = {name: getattr(invoice, name) for name in (*HEADER_FIELDS, *MAPS)}
    for name in NUMBER_FIELDS:
        row[name] = _amount(row[name], name)
    for name in header_fields(FieldKind.CURRENCY):
        if row[name] is not None and not _CURRENCY.fullmatch(row[name]):
            if record.verdict is Verdict.ACCEPTED:
                raise ValueNotStorable(f"{name} {row[name]!r} is not an ISO 4217 code", field=name)
            row[name] = None
    return row | {"verdict": record.verdict, "engine": record.engine, "engines": list(record.engines)}


def _part_rows(record: Record) -> Iterator[tuple[Table, Iterator[dict[str, Any]]]]:
    invoice = record.invoice
    for name, table in ROW_TABLES.items():
        yield table, (_with_amounts(row, f"{name}[{at}]") for at, row in enumerate(getattr(invoice, name)))
    yield record_evidence, (_evidence_row(evidence) for evidence in record.evidence)
    yield record_findings, (_finding_row(finding) for finding in record.findings)


def _numbered(rows: Iterable[dict[str, Any]]) -> str:
    """Rows as JSON for `_from_json`."""
    return storable_json([{"position": position, **row} for position, row in enumerate(rows, start=1)])


def _with_amounts(part: BaseModel, path: str) -> dict[str, Any]:
    return {name: _amount(value, f"{path}.{name}") if isinstance(value, Decimal) else value for name, value in part}


def _amount(value: Decimal | None, field: str) -> Decimal | None:
    """`value` in storable precision. Raises: ValueNotStorable."""
    if value is None:
        return None
    if not value.is_finite() or abs(value) >= Decimal(AMOUNT_BOUND):
        raise ValueNotStorable(f"{field} is {value:.3e}, which exceeds the largest storable amount", field=field)
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -AMOUNT_SCALE:
        with localcontext(prec=60):
            return value.quantize(Decimal(1).scaleb(-AMOUNT_SCALE))
    return value


def _evidence_row(evidence: Evidence) -> dict[str, Any]:
    box = evidence.box
    # The inputs of a calibrated confidence stay with the extraction.
    return evidence.model_dump(exclude={"box", "engine_confidence", "agreed_by"}) | {
        "box_left": box.left if box else None,
        "box_top": box.top if box else None,
        "box_right": box.right if box else None,
        "box_bottom": box.bottom if box else None,
    }


def _finding_row(finding: Finding) -> dict[str, Any]:
    return finding.model_dump() | {"fields": list(finding.fields)}


def _rows_of(connection: Connection, table: Table, job_id: JobId) -> list[dict[str, Any]]:
    columns = [column for column in table.c if column.name not in ("job_id", "position")]
    rows = connection.execute(select(*columns).where(table.c.job_id == job_id).order_by(table.c.position))
    return [dict(row._mapping) for row in rows]


def _stored(row: Row[Any], parts: Mapping[str, Sequence[dict[str, Any]]]) -> StoredRecord:
    values = row._mapping
    invoice = Invoice(
        **{name: values[name] for name in (*HEADER_FIELDS, *MAPS)},
        **{name: tuple(ROWS[name](**each) for each in parts[table.name]) for name, table in ROW_TABLES.items()},
    )
    record = Record(
        invoice=invoice,
        verdict=values["verdict"],
        findings=tuple(Finding.model_validate(each) for each in parts[record_findings.name]),
        evidence=tuple(_evidence(each) for each in parts[record_evidence.name]),
        engine=values["engine"],
        engines=tuple(values["engines"]),
    )
    return StoredRecord(
        job_id=values["job_id"],
        document_sha256=values["document_sha256"],
        record=record,
        duplicate_of=tuple(values["duplicate_of"]),
        recorded_at=values["recorded_at"],
        updated_at=values["updated_at"],
    )


def _evidence(row: dict[str, Any]) -> Evidence:
    sides = {side: row.pop(f"box_{side}") for side in ("left", "top", "right", "bottom")}
    box = None if sides["left"] is None else Box(**sides)
    return Evidence.model_validate(row | {"box": box})
