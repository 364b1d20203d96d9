"""CIRA's tables in PostgreSQL, all in schema `cira`: meaning of the columns and constraints on the rows.

The migrations create exactly these tables (a test compares them); docs/tables.md is generated from the comments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from cira_pipeline.db.schema.document_text import DocumentJson, DocumentText, DocumentTexts
from cira_pipeline.errors import DownloadTimedOut, SourceBusy, SourcePaused, SourceUnavailable
from cira_pipeline.fields import FieldKind, Term
from cira_pipeline.invoice import ROW_TERMS, TERMS
from cira_pipeline.jobs import JobSource, JobStatus, Policy, Stage
from cira_pipeline.models import MediaType, Severity, Verdict

SCHEMA = "cira"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    },
)

# Job ids in byte order are in order of submission, independent of the operating system's collations.
KeyText = Text(collation="C")
Instant = DateTime(timezone=True)
NOW = text("now()")


def _one_of(values: Iterable[str]) -> str:
    """Values of an enumeration that a column may have; a new member needs a migration."""
    return ", ".join(f"'{value}'" for value in values)


STATUSES = _one_of(JobStatus)
HELD = _one_of(status for status in JobStatus if status.held)
FINAL = _one_of(status for status in JobStatus if status.final)
WAITS_FOR_A_BATCH = "status = 'queued' AND batch_id IS NULL"
SOURCE_CODES = tuple(error.code for error in (SourceBusy, SourcePaused, SourceUnavailable, DownloadTimedOut))
"""Error codes of jobs that wait for the host of their URL."""
WAITS_FOR_SOURCE = f"status = 'waiting' AND error_code IN ({_one_of(SOURCE_CODES)}) AND source_host IS NOT NULL"
STAGES = _one_of(Stage)
VERDICTS = _one_of(Verdict)
ENGINE_NAME = "engine ~ '^[a-z][a-z0-9_]*$'"
"""Engines are registered in the code alone (`models.EngineName`), so that a new one needs no migration."""

# Generous: signed URLs have long tokens, and servers commonly stop at 8 KiB.
MAX_URL_CHARS = 8_192
MAX_NAME_CHARS = 200
MAX_CALLBACK_CHARS = 2_048
# Amounts keep the digits of the document, `119.00` stays `119.00`; these bounds fit Parquet's decimal128(38, 12).
AMOUNT_SCALE = 12
AMOUNT_BOUND = "1e26"


def _sha256(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} ~ '^[0-9a-f]{{64}}$'", name=column)


def _no_controls(column: str) -> str:
    return rf"{column} !~ '[\u0001-\u001f\u007f]'"


def _amount(name: str, comment: str) -> Column[object]:
    rule = f"abs({name}) < {AMOUNT_BOUND} AND scale({name}) <= {AMOUNT_SCALE}"
    return Column(name, Numeric, CheckConstraint(rule, name=name), comment=comment)


def _columns(terms: Mapping[str, Term]) -> Iterator[Column[object]]:
    """A column for each field of an invoice or of one of its rows."""
    for name, term in terms.items():
        comment = term.description
        if term.kind.is_number:
            yield _amount(name, comment)
        elif term.kind is FieldKind.DATE:
            yield Column(name, Date, comment=comment)
        elif term.kind is FieldKind.CURRENCY:
            yield Column(name, Text, CheckConstraint(f"{name} ~ '^[A-Z]{{3}}$'", name=name), comment=comment)
        elif term.kind is FieldKind.POSITION:
            yield Column(name, Integer, CheckConstraint(f"{name} >= 1", name=name), comment=comment)
        elif term.kind is FieldKind.MAP:
            rule = CheckConstraint(f"jsonb_typeof({name}) = 'object'", name=name)
            yield Column(name, DocumentJson, rule, nullable=False, server_default="{}", comment=comment)
        elif term.kind is not FieldKind.TABLE:
            yield Column(name, DocumentText, comment=comment)


jobs = Table(
    "jobs",
    metadata,
    Column("job_id", KeyText, primary_key=True, comment="`inv_` and a lower-case ULID; sorts by time of submission"),
    Column("url", Text, nullable=False, comment="address of the invoice: http(s)://, file:// or s3://"),
    Column("client", Text, nullable=False, comment="client that submitted it"),
    Column("client_reference", DocumentText, comment="the client's own reference, passed through"),
    Column(
        "idempotency_key",
        Text,
        nullable=False,
        server_default="",
        comment="with client and url it identifies a job: the same three are the same job",
    ),
    Column("source", Text, nullable=False, comment="channel of submission: cli, api, folder, s3, manifest or demo"),
    Column(
        "policy",
        Text,
        comment="engines to use for this job: cheapest, model_first or offline_only; null: as configured",
    ),
    Column(
        "status",
        Text,
        nullable=False,
        server_default="queued",
        comment="queued, running, needs_budget (waits for money), waiting (waits for a source or a service that is "
        "down, or for a model batch), succeeded, failed (a stage broke, a retry may help), rejected (can never become "
        "an accepted invoice), cancelled",
    ),
    Column("stage", Text, comment="the stage it is in, waits in or ended in; null while queued"),
    Column(
        "error_code",
        Text,
        comment="stable code of the error that ended the job or makes it wait; docs/errors.md lists them",
    ),
    Column("error_message", DocumentText, comment="what happened to this document"),
    Column("error_hint", Text, comment="what a person can do about it"),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default="0",
        comment="runs that have processed it, except runs that ended by deferring it",
    ),
    Column(
        "document_sha256",
        Text,
        ForeignKey("cira.documents.sha256"),
        comment="the document at the URL, once it was downloaded",
    ),
    Column("verdict", Text, comment="verdict of its record, once it has ended with one"),
    Column(
        "batch_id",
        Text,
        comment="run batch it is planned in, or was last; null while waiting, and in a run started by a person",
    ),
    Column(
        "planned_before",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="it was in a run batch before, so Dagster may have its partition key already",
    ),
    Column("run_id", Text, comment="the Dagster run that worked on it last"),
    Column(
        "version",
        BigInteger,
        nullable=False,
        server_default="1",
        comment="incremented by every change, for the status cache",
    ),
    Column("submitted_at", Instant, nullable=False, server_default=NOW, comment="when it was submitted; never changes"),
    Column(
        "queued_at",
        Instant,
        nullable=False,
        server_default=NOW,
        comment="when it last entered the queue; unchanged by a wait for its source",
    ),
    Column("started_at", Instant, comment="when its last attempt began"),
    Column("finished_at", Instant, comment="when its processing ended; null before; unchanged by a confirmation"),
    Column("updated_at", Instant, nullable=False, server_default=NOW, comment="when this row last changed"),
    Column(
        "not_before",
        Instant,
        comment="when a deferred job is queued again, or sooner when there is budget; null for all others",
    ),
    Column(
        "needs_usd",
        Numeric,
        comment="USD that a job which waited for a budget may spend next; null for all others",
    ),
    Column("callback", Text, comment="URL that is notified of the job's end; null: none"),
    # URLs can be longer than an index entry, so uniqueness is enforced on their hash.
    Column(
        "submission_hash",
        LargeBinary,
        Computed(
            r"sha256(replace((((client || chr(10)) || idempotency_key) || chr(10)) || url, "
            r"'\'::text, '\\'::text)::bytea)",
            persisted=True,
        ),
        nullable=False,
        comment="SHA-256 over client, idempotency key and URL, joined by line feeds; unique",
    ),
    Column(
        "model_batch",
        Boolean,
        comment="its questions to the model may wait for a model batch, at its lower price; null: as configured",
    ),
    Column(
        "partition_key",
        Text,
        comment="partition key in Dagster shared with other jobs: its first run batch; null: its own id",
    ),
    Column(
        "source_host",
        Text,
        Computed(
            "CASE WHEN document_sha256 IS NOT NULL THEN NULL "
            "WHEN url LIKE 's3://%' THEN substring(url FROM '^s3://[^/]+') "
            "ELSE substring(url FROM '^https?://([^/?#]+)') END",
            persisted=True,
        ),
        comment="host and port, or s3:// and bucket, to download its document from; null: downloaded, or a file",
    ),
    UniqueConstraint("submission_hash"),
    ForeignKeyConstraint(["batch_id"], ["cira.batches.batch_id"], use_alter=True),
    ForeignKeyConstraint(["partition_key"], ["cira.batches.batch_id"], use_alter=True),
    CheckConstraint("job_id ~ '^inv_[0-9a-hjkmnp-tv-z]{26}$'", name="job_id"),
    CheckConstraint(f"length(url) BETWEEN 1 AND {MAX_URL_CHARS} AND {_no_controls('url')}", name="url"),
    CheckConstraint(f"length(client) BETWEEN 1 AND {MAX_NAME_CHARS} AND {_no_controls('client')}", name="client"),
    CheckConstraint(
        f"length(callback) <= {MAX_CALLBACK_CHARS} AND callback ~ '^https?://[^/?#]' AND {_no_controls('callback')}",
        name="callback",
    ),
    CheckConstraint(
        f"length(idempotency_key) <= {MAX_NAME_CHARS} AND {_no_controls('idempotency_key')}", name="idempotency_key"
    ),
    CheckConstraint(f"source IN ({_one_of(get_args(JobSource))})", name="source"),
    CheckConstraint(f"policy IN ({_one_of(Policy)})", name="policy"),
    CheckConstraint(f"status IN ({STATUSES})", name="status"),
    CheckConstraint(f"stage IN ({STAGES})", name="stage"),
    CheckConstraint(f"verdict IN ({VERDICTS})", name="verdict"),
    CheckConstraint(
        f"(status IN ('failed', 'rejected', {HELD})) = (error_code IS NOT NULL)", name="error_code_when_failed"
    ),
    CheckConstraint(f"(status IN ({HELD})) = (not_before IS NOT NULL)", name="waits_until"),
    CheckConstraint("not_before IS NULL OR stage IS NOT NULL", name="waits_in_stage"),
    CheckConstraint(
        "needs_usd >= 0 AND needs_usd < 1e12 AND (status <> 'needs_budget' OR needs_usd IS NOT NULL)",
        name="needs_usd",
    ),
    CheckConstraint("num_nulls(error_code, error_message, error_hint) IN (0, 3)", name="error_is_whole"),
    CheckConstraint(
        "CASE status WHEN 'succeeded' THEN verdict IS NOT NULL AND verdict <> 'rejected' "
        "WHEN 'rejected' THEN verdict IS NULL OR verdict = 'rejected' ELSE verdict IS NULL END",
        name="verdict_fits_status",
    ),
    CheckConstraint("verdict IS NULL OR document_sha256 IS NOT NULL", name="verdict_needs_document"),
    CheckConstraint(f"(finished_at IS NOT NULL) = (status IN ({FINAL}))", name="finished_at"),
    CheckConstraint(
        "status <> 'running' OR (started_at IS NOT NULL AND stage IS NOT NULL)", name="running_has_started"
    ),
    CheckConstraint("status <> 'queued' OR stage IS NULL", name="queued_has_no_stage"),
    CheckConstraint("attempts >= 0 AND version >= 1", name="counters"),
    # The indexes of the queue stay small however many jobs have finished.
    Index("jobs_client_waiting_idx", "client", "job_id", postgresql_where=text(WAITS_FOR_A_BATCH)),
    Index(
        "jobs_active_source_idx",
        "source_host",
        "job_id",
        postgresql_where=text("status IN ('queued', 'running') AND source_host IS NOT NULL"),
    ),
    Index("jobs_waiting_source_idx", "source_host", "not_before", "job_id", postgresql_where=text(WAITS_FOR_SOURCE)),
    Index("jobs_waiting_source_since_idx", "queued_at", postgresql_where=text(WAITS_FOR_SOURCE)),
    Index("jobs_open_batch_idx", "batch_id", postgresql_where=text("status IN ('queued', 'running')")),
    Index("jobs_running_in_no_batch_idx", "job_id", postgresql_where=text("status = 'running' AND batch_id IS NULL")),
    Index("jobs_held_idx", "status", "job_id", postgresql_where=text(f"status IN ({HELD})")),
    Index("jobs_needs_usd_idx", "client", postgresql_where=text("needs_usd IS NOT NULL")),
    Index("jobs_batch_id_idx", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    Index("jobs_partition_key_idx", "partition_key", postgresql_where=text("partition_key IS NOT NULL")),
    # The condition and order of the view review_queue.
    Index(
        "jobs_review_idx",
        "finished_at",
        "job_id",
        postgresql_where=text(
            "status IN ('failed', 'rejected') OR (status = 'succeeded' AND verdict = 'needs_review')"
        ),
    ),
    Index("jobs_status_job_id_idx", "status", "job_id"),
    Index("jobs_client_job_id_idx", "client", "job_id"),
    Index("jobs_document_sha256_idx", "document_sha256"),
    comment="One row for each submitted invoice URL: its status and its result",
)

batches = Table(
    "batches",
    metadata,
    Column("batch_id", Text, primary_key=True, comment="`bat_` and a ULID"),
    Column("first_job", KeyText, ForeignKey("cira.jobs.job_id"), nullable=False, comment="first job of the range"),
    Column("last_job", KeyText, ForeignKey("cira.jobs.job_id"), nullable=False, comment="last job of the range"),
    Column("job_count", Integer, nullable=False, comment="number of jobs"),
    Column("attempt", Integer, nullable=False, server_default="1", comment="from 1"),
    Column("run_id", Text, comment="the Dagster run requested for it, where known"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was planned"),
    Column(
        "partition_key",
        Text,
        ForeignKey("cira.batches.batch_id"),
        comment="the one partition key of all its jobs in Dagster; null: each job's key is its id",
    ),
    CheckConstraint("job_count >= 1 AND (job_count > 1 OR first_job = last_job)", name="job_count"),
    CheckConstraint("attempt >= 1", name="attempt"),
    comment="Run batches: the jobs that one Dagster run was planned for",
)

documents = Table(
    "documents",
    metadata,
    Column("sha256", Text, primary_key=True, comment="SHA-256 of the bytes, lower-case hexadecimal"),
    Column("media_type", Text, nullable=False, comment="type, detected from the bytes"),
    Column("size_bytes", BigInteger, nullable=False, comment="size in bytes"),
    Column("page_count", Integer, nullable=False, comment="pages or frames; 0 for XML, which has none"),
    Column("object_key", Text, nullable=False, comment="key of the bytes in the object store"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was first seen"),
    _sha256("sha256"),
    CheckConstraint(f"media_type IN ({_one_of(MediaType)})", name="media_type"),
    CheckConstraint("size_bytes > 0 AND page_count >= 0", name="sizes"),
    comment="Downloaded documents, each stored once; several jobs may share one",
)

readings = Table(
    "readings",
    metadata,
    Column("document_sha256", Text, ForeignKey("cira.documents.sha256"), nullable=False, comment="the document"),
    Column("reader", Text, nullable=False, comment="name of the reader"),
    Column("reader_version", Text, nullable=False, comment="its version; another version reads the document again"),
    Column("page_count", Integer, nullable=False, comment="pages read"),
    Column("ocr_page_count", Integer, nullable=False, comment="pages without text of their own, read by OCR"),
    Column("line_count", Integer, nullable=False, comment="text lines found"),
    Column("mean_confidence", Double, comment="mean over all lines, 0 to 1; null without lines"),
    Column("seconds", Double, nullable=False, comment="seconds the reading took"),
    Column("reading_key", Text, nullable=False, comment="object: text lines with boxes, JSON"),
    Column("docling_key", Text, nullable=False, comment="object: the DoclingDocument, JSON"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was read"),
    PrimaryKeyConstraint("document_sha256", "reader", "reader_version"),
    CheckConstraint("page_count >= 0 AND ocr_page_count BETWEEN 0 AND page_count AND line_count >= 0", name="counts"),
    CheckConstraint("mean_confidence BETWEEN 0 AND 1", name="mean_confidence"),
    CheckConstraint("seconds >= 0", name="seconds"),
    comment="Documents read as text lines, stored by document, reader and version",
)

attached_files = Table(
    "attached_files",
    metadata,
    Column("document_sha256", Text, ForeignKey("cira.documents.sha256"), nullable=False, comment="the document"),
    Column("sha256", Text, nullable=False, comment="SHA-256 of the bytes, as in `record_attachments`"),
    Column("size_bytes", BigInteger, nullable=False, comment="size in bytes"),
    Column("object_key", Text, nullable=False, comment="key of the bytes in the object store"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was stored"),
    PrimaryKeyConstraint("document_sha256", "sha256"),
    _sha256("sha256"),
    CheckConstraint("size_bytes >= 0", name="size_bytes"),
    comment="Files that e-invoices carry, BG-24, each stored once for its document",
)

extractions = Table(
    "extractions",
    metadata,
    Column("extraction_id", BigInteger, Identity(always=True), primary_key=True, comment="identifies the extraction"),
    Column("document_sha256", Text, ForeignKey("cira.documents.sha256"), nullable=False, comment="the document"),
    Column("engine", Text, nullable=False, comment="name of the engine"),
    Column("engine_version", Text, nullable=False, comment="version of the engine; another version extracts again"),
    Column("input_hash", Text, nullable=False, comment="SHA-256 over the engine's input besides the document"),
    Column("invoice", DocumentJson, nullable=False, comment="proposed fields; amounts are strings"),
    Column("evidence", DocumentJson, nullable=False, comment="position of each value in the document"),
    Column("findings", DocumentJson, nullable=False, comment="the engine's own doubts"),
    Column("usage", DocumentJson, nullable=False, comment="what model answers consumed, in tokens"),
    Column("seconds", Double, nullable=False, comment="seconds the engine took"),
    Column(
        "memory",
        Text,
        nullable=False,
        server_default="",
        comment="SHA-256 over the lessons about this supplier in the engine's input; empty: none",
    ),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was made"),
    UniqueConstraint("document_sha256", "engine", "engine_version", "input_hash", name="extractions_content_key"),
    CheckConstraint(ENGINE_NAME, name="engine"),
    _sha256("input_hash"),
    CheckConstraint("seconds >= 0", name="seconds"),
    comment="Fields that one engine proposed for a document, stored by content: never extracted or paid twice",
)

job_extractions = Table(
    "job_extractions",
    metadata,
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id", ondelete="CASCADE"), nullable=False, comment="the job"),
    Column("position", Integer, nullable=False, comment="order in which the engines ran, from 1"),
    Column(
        "extraction_id",
        BigInteger,
        ForeignKey("cira.extractions.extraction_id"),
        nullable=False,
        comment="the engine's extraction",
    ),
    Column("chosen", Boolean, nullable=False, comment="whether this extraction was chosen; exactly one of a job is"),
    Column("stopped_because", DocumentText, comment="why no further engine ran; set for the chosen one"),
    PrimaryKeyConstraint("job_id", "position"),
    CheckConstraint("position >= 1", name="position"),
    CheckConstraint("chosen = (stopped_because IS NOT NULL)", name="reason_with_chosen"),
    Index("job_extractions_one_chosen_idx", "job_id", unique=True, postgresql_where=text("chosen")),
    Index("job_extractions_extraction_id_idx", "extraction_id"),
    comment="Engines that ran for a job, in order, and the chosen one",
)

records = Table(
    "records",
    metadata,
    Column(
        "job_id",
        KeyText,
        ForeignKey("cira.jobs.job_id", ondelete="CASCADE"),
        primary_key=True,
        comment="the job; it has one record at the most",
    ),
    Column("document_sha256", Text, ForeignKey("cira.documents.sha256"), nullable=False, comment="the document"),
    Column("verdict", Text, nullable=False, comment="accepted, needs_review or rejected"),
    Column("engine", Text, nullable=False, comment="the engine whose extraction was chosen"),
    Column("engines", DocumentTexts, nullable=False, comment="all engines that ran, in order"),
    *_columns(TERMS),
    Column(
        "duplicate_of",
        DocumentTexts,
        nullable=False,
        comment="earlier jobs with the same invoice",
    ),
    Column(
        "number_key", Text, nullable=False, comment="invoice number as compared for duplicates: letters and digits only"
    ),
    Column("vat_key", Text, nullable=False, comment="supplier's VAT id as compared: letters and digits only"),
    Column(
        "name_key", Text, nullable=False, comment="supplier's name as compared: lower case, letters and digits only"
    ),
    Column(
        "recorded_at",
        Instant,
        nullable=False,
        server_default=NOW,
        comment="since when the record is valid: accepted or in review",
    ),
    Column("updated_at", Instant, nullable=False, server_default=NOW, comment="when it was last written"),
    CheckConstraint(f"verdict IN ({VERDICTS})", name="verdict"),
    CheckConstraint(f"{ENGINE_NAME} AND engine = ANY (engines)", name="engine"),
    CheckConstraint(
        "verdict <> 'accepted' OR (num_nulls(invoice_number, issue_date, currency, gross_total) = 0 "
        "AND num_nonnulls(supplier_name, supplier_vat_id) > 0)",
        name="accepted_is_payable",
    ),
    Index("records_duplicates_idx", "number_key", postgresql_where=text("number_key <> ''")),
    Index("records_vat_key_idx", "vat_key", postgresql_where=text("vat_key <> ''")),
    Index("records_name_key_idx", "name_key", postgresql_where=text("name_key <> ''")),
    Index("records_document_sha256_idx", "document_sha256"),
    Index("records_issue_date_idx", "issue_date"),
    Index("records_custom_idx", "custom", postgresql_using="gin", postgresql_ops={"custom": "jsonb_path_ops"}),
    comment="The canonical invoice of a job after validation: header fields in EN 16931's terms, and the verdict",
)


def _part_of_record(name: str, comment: str, *columns_and_rules: Column[object] | CheckConstraint) -> Table:
    return Table(
        name,
        metadata,
        Column(
            "job_id",
            KeyText,
            ForeignKey("cira.records.job_id", ondelete="CASCADE"),
            nullable=False,
            comment="the job whose record this belongs to",
        ),
        Column("position", Integer, nullable=False, comment="order in the document, from 1"),
        *columns_and_rules,
        PrimaryKeyConstraint("job_id", "position"),
        CheckConstraint("position >= 1", name="position"),
        comment=comment,
    )


record_lines = _part_of_record("record_lines", "Invoice lines, BG-25", *_columns(ROW_TERMS["line_items"]))

record_taxes = _part_of_record(
    "record_taxes",
    "Tax breakdown, BG-23: one row for each tax name, category and rate",
    *_columns(ROW_TERMS["tax_breakdown"]),
)

ROW_TABLES: Mapping[str, Table] = {
    "line_items": record_lines,
    "tax_breakdown": record_taxes,
    **{
        name: _part_of_record(f"record_{name}", comment, *_columns(ROW_TERMS[name]))
        for name, comment in (
            (
                "allowances_charges",
                "Allowances and charges of an invoice, BG-20 and BG-21, or of a line, BG-27 and BG-28",
            ),
            ("supplier_tax_ids", "Tax ids of the supplier, with their schemes"),
            ("customer_tax_ids", "Tax ids of the customer, with their schemes"),
            ("payment_accounts", "Accounts that an invoice offers for payment, BG-17"),
            ("payment_discounts", "Cash discounts for early payment"),
            ("withholdings", "Taxes that the customer withholds from the payment"),
            ("preceding_invoices", "Earlier invoices that an invoice refers to, BG-3"),
            ("attachments", "Supporting documents that an e-invoice carries or names, BG-24"),
        )
    },
}
"""The table of the rows of each table of an invoice."""

record_evidence = _part_of_record(
    "record_evidence",
    "Where each value of a record stands in its document",
    Column("field", DocumentText, nullable=False, comment="field name, or a path such as `line_items[2].net_amount`"),
    Column("engine", Text, nullable=False, comment="the engine that found it"),
    Column("text", DocumentText, nullable=False, comment="verbatim, as printed or as in the XML element"),
    Column("page", Integer, comment="from 1; null for XML"),
    Column("line", Integer, comment="number of the reading's line, from 1; null for XML"),
    Column("box_left", Double, comment="in the page's own units, origin top left"),
    Column("box_top", Double, comment="in the page's own units, origin top left"),
    Column("box_right", Double, comment="in the page's own units, origin top left"),
    Column("box_bottom", Double, comment="in the page's own units, origin top left"),
    Column("xpath", DocumentText, comment="element of the embedded or standalone XML"),
    Column("confidence", Double, nullable=False, comment="0 to 1"),
    Column(
        "remembered",
        Integer,
        nullable=False,
        server_default="0",
        comment="confirmed invoices of the same supplier and layout with the field in the same place",
    ),
    CheckConstraint(ENGINE_NAME, name="engine"),
    CheckConstraint("page >= 1 AND line >= 1", name="page_and_line"),
    CheckConstraint("remembered >= 0", name="remembered"),
    CheckConstraint("num_nulls(box_left, box_top, box_right, box_bottom) IN (0, 4)", name="box_is_whole"),
    CheckConstraint("box_left IS NULL OR page IS NOT NULL", name="box_has_page"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
)

record_findings = _part_of_record(
    "record_findings",
    "Complaints of the validation rules about a record",
    Column("rule", Text, nullable=False, comment="stable id; docs/validation.md lists the rules"),
    Column("severity", Text, nullable=False, comment="info, warning or error"),
    Column("message", DocumentText, nullable=False, comment="what is wrong with this invoice"),
    Column("fields", DocumentTexts, nullable=False, comment="the fields it is about"),
    CheckConstraint("rule <> ''", name="rule"),
    CheckConstraint(f"severity IN ({_one_of(Severity)})", name="severity"),
)
Index("record_findings_rule_idx", record_findings.c.rule)

cost_entries = Table(
    "cost_entries",
    metadata,
    Column("entry_id", BigInteger, Identity(always=True), primary_key=True, comment="identifies the entry"),
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id"), nullable=False, comment="the job it was spent on"),
    Column("stage", Text, nullable=False, comment="the stage it was spent in"),
    Column("provider", Text, nullable=False, comment="provider that is paid"),
    Column("model", Text, nullable=False, comment="model or service that was used"),
    Column("unit", Text, nullable=False, comment="what is counted, such as input_token"),
    Column("quantity", Numeric, nullable=False, comment="how many units"),
    Column("unit_price", Numeric, nullable=False, comment="USD for one unit"),
    Column("amount_usd", Numeric, nullable=False, comment="USD"),
    Column("price_list", Text, nullable=False, comment="version of the price list"),
    Column("dedupe_key", Text, nullable=False, comment="identifies what was bought, so that it is booked once"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was booked"),
    UniqueConstraint("dedupe_key"),
    CheckConstraint(f"stage IN ({STAGES})", name="stage"),
    # NaN and Infinity are larger than every number, so that an upper bound keeps them out.
    CheckConstraint("quantity >= 0 AND quantity < 1e18", name="quantity"),
    CheckConstraint("unit_price >= 0 AND unit_price < 1e12", name="unit_price"),
    CheckConstraint("amount_usd >= 0 AND amount_usd < 1e12", name="amount_usd"),
    Index("cost_entries_job_id_idx", "job_id"),
    Index("cost_entries_created_at_idx", "created_at"),
    comment="Costs, one row for each purchase and unit",
)

model_answers = Table(
    "model_answers",
    metadata,
    Column("request_hash", Text, primary_key=True, comment="SHA-256 over prompt, model, schema and parameters"),
    Column("claimed_at", Instant, nullable=False, server_default=NOW, comment="when the question was last claimed"),
    Column("claimed_by", Text, nullable=False, comment="process that asks it"),
    Column("lease_until", Instant, nullable=False, comment="when another process may ask if there is no answer"),
    Column("provider", Text, comment="provider that answered"),
    Column("model", Text, comment="model that answered"),
    Column("content", DocumentText, comment="the message's content, verbatim"),
    Column("finish_reason", Text, comment="why the model stopped"),
    Column("input_tokens", BigInteger, comment="tokens of the question, cached ones included"),
    Column("cached_input_tokens", BigInteger, comment="of these, tokens billed as cached"),
    Column("output_tokens", BigInteger, comment="tokens of the answer"),
    Column("answered_at", Instant, comment="when the answer was stored; null while it is being asked"),
    Column(
        "job_id",
        KeyText,
        ForeignKey("cira.jobs.job_id", ondelete="SET NULL"),
        comment="the job it is asked and paid for; others may use the answer too",
    ),
    Column(
        "reserved_usd",
        Numeric,
        nullable=False,
        server_default="0",
        comment="the most that the answer can cost in USD; reserved in the budgets while it is being asked",
    ),
    Column(
        "by_batch",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="asked or answered in a model batch, at its lower price",
    ),
    Column(
        "claim_lock",
        BigInteger,
        comment="advisory lock that the asking process holds while it lives; null: the lease alone counts",
    ),
    _sha256("request_hash"),
    CheckConstraint(
        "num_nulls(answered_at, provider, model, content, finish_reason, input_tokens, cached_input_tokens, "
        "output_tokens) IN (0, 8)",
        name="answer_is_whole",
    ),
    CheckConstraint("input_tokens >= 0 AND cached_input_tokens >= 0 AND output_tokens >= 0", name="tokens"),
    CheckConstraint("reserved_usd >= 0 AND reserved_usd < 1e12", name="reserved_usd"),
    Index("model_answers_asked_idx", "lease_until", postgresql_where=text("answered_at IS NULL")),
    Index("model_answers_job_id_idx", "job_id"),
    comment="Answer cache: paid model answers, stored so that the same question is never paid again",
)

model_batches = Table(
    "model_batches",
    metadata,
    Column("model_batch_id", KeyText, primary_key=True, comment="`mba_` and a ULID; the provider's metadata name it"),
    Column("provider", Text, nullable=False, comment="provider that answers"),
    Column("deployment", Text, nullable=False, comment="the deployment for batches, by its name at the provider"),
    Column(
        "state",
        Text,
        nullable=False,
        server_default="preparing",
        comment="preparing (not yet at the provider), sent, done (its answers are kept), failed (it gave none)",
    ),
    Column(
        "provider_status", Text, comment="last status reported by the provider: validating, in_progress, completed, ..."
    ),
    Column("input_file_id", Text, comment="the provider's id of the questions' file"),
    Column("provider_batch_id", Text, comment="the provider's id of the batch"),
    Column("question_count", Integer, nullable=False, comment="questions in it"),
    Column("size_bytes", BigInteger, nullable=False, comment="size of the questions' file in bytes"),
    Column("answered_count", Integer, nullable=False, server_default="0", comment="questions it answered"),
    Column("unanswered_count", Integer, nullable=False, server_default="0", comment="questions it gave no answer to"),
    Column(
        "left_out",
        ARRAY(Text),
        nullable=False,
        server_default="{}",
        comment="request parameters that its deployment rejected",
    ),
    Column("error_code", Text, comment="stable code of what went wrong with it as a whole; docs/errors.md lists them"),
    Column("error_message", DocumentText, comment="the provider's error message"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when its questions were gathered"),
    Column("create_tried_at", Instant, comment="when the provider was last asked to create it"),
    Column("sent_at", Instant, comment="when the provider confirmed it"),
    Column("polled_at", Instant, comment="when the provider was last asked for its status"),
    Column("ended_at", Instant, comment="when its answers were all stored, or it was given up"),
    Column("files_deleted_at", Instant, comment="when its files were deleted at the provider"),
    UniqueConstraint("provider_batch_id"),
    CheckConstraint("state IN ('preparing', 'sent', 'done', 'failed')", name="state"),
    CheckConstraint("state <> 'sent' OR provider_batch_id IS NOT NULL", name="sent_is_known"),
    CheckConstraint("(ended_at IS NOT NULL) = (state IN ('done', 'failed'))", name="ended_at"),
    CheckConstraint("state <> 'failed' OR error_code IS NOT NULL", name="failed_has_code"),
    CheckConstraint(
        "question_count >= 1 AND size_bytes >= 1 AND answered_count >= 0 AND unanswered_count >= 0", name="counts"
    ),
    Index("model_batches_open_idx", "model_batch_id", postgresql_where=text("files_deleted_at IS NULL")),
    Index("model_batches_deployment_ended_at_idx", "deployment", "ended_at"),
    comment="Files of questions answered by the provider's batch API within a day, at a lower price",
)

batched_questions = Table(
    "batched_questions",
    metadata,
    Column("request_hash", Text, primary_key=True, comment="the question, as in model_answers"),
    Column("provider", Text, nullable=False, comment="provider that is asked"),
    Column("deployment", Text, nullable=False, comment="the deployment for batches that is asked"),
    Column("model", Text, nullable=False, comment="the model whose price holds when the answer's is not known"),
    Column("body", Text, comment="the request, JSON; null once its job was erased"),
    Column("size_bytes", Integer, nullable=False, comment="size of its line in the file, in bytes"),
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id"), nullable=False, comment="the job that pays for it"),
    Column(
        "state",
        Text,
        nullable=False,
        server_default="waiting",
        comment="waiting (for the next batch), sent (in a batch), given_up (no batch answered it)",
    ),
    Column("model_batch_id", KeyText, ForeignKey("cira.model_batches.model_batch_id"), comment="the batch it is in"),
    Column("tries", Integer, nullable=False, server_default="0", comment="model batches that did not answer it"),
    Column("error_code", Text, comment="stable code of why the last batch did not answer it"),
    Column("error_message", DocumentText, comment="the provider's error message"),
    Column(
        "queued_at", Instant, nullable=False, server_default=NOW, comment="since when it is queued for a model batch"
    ),
    _sha256("request_hash"),
    CheckConstraint("state IN ('waiting', 'sent', 'given_up')", name="state"),
    CheckConstraint("(state = 'sent') = (model_batch_id IS NOT NULL)", name="sent_in_a_batch"),
    CheckConstraint("body IS NOT NULL OR state = 'sent'", name="erased_only_when_sent"),
    CheckConstraint("size_bytes >= 1 AND tries >= 0", name="counts"),
    Index(
        "batched_questions_waiting_idx",
        "deployment",
        "queued_at",
        "request_hash",
        postgresql_where=text("state = 'waiting'"),
    ),
    Index("batched_questions_model_batch_id_idx", "model_batch_id"),
    Index("batched_questions_job_id_idx", "job_id"),
    comment="Model questions queued for or sent in a model batch; an answered question leaves this table",
)

batch_waits = Table(
    "batch_waits",
    metadata,
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id", ondelete="CASCADE"), nullable=False, comment="the job"),
    Column(
        "request_hash",
        Text,
        ForeignKey("cira.batched_questions.request_hash", ondelete="CASCADE"),
        nullable=False,
        comment="a question whose answer it waits for",
    ),
    PrimaryKeyConstraint("job_id", "request_hash"),
    Index("batch_waits_request_hash_idx", "request_hash"),
    comment="Jobs and the batched questions they wait for; a job without any continues",
)

spending = Table(
    "spending",
    metadata,
    Column("client", Text, nullable=False, comment="client whose jobs caused the costs; empty: all clients together"),
    Column("period", Text, nullable=False, comment="day or month"),
    Column("starts_on", Date, nullable=False, comment="first day of the period, UTC"),
    Column("spent_usd", Numeric, nullable=False, server_default="0", comment="USD booked in the period"),
    PrimaryKeyConstraint("client", "period", "starts_on"),
    CheckConstraint(
        "period IN ('day', 'month') AND (period = 'day' OR extract(day FROM starts_on) = 1)", name="period"
    ),
    CheckConstraint("spent_usd >= 0 AND spent_usd < 1e12", name="spent_usd"),
    comment="Costs by day and month (UTC), for each client and for all; budgets are checked against it",
)

labels = Table(
    "labels",
    metadata,
    Column("document_sha256", Text, primary_key=True, comment="the document; it need not have arrived yet"),
    Column("fields", DocumentJson, nullable=False, comment="fields known to be right, named as in records"),
    Column("source", DocumentText, nullable=False, comment="where they come from"),
    Column("confirmed_by", DocumentText, comment="the reviewer who confirmed them"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was first loaded"),
    Column("updated_at", Instant, nullable=False, server_default=NOW, comment="when it was last changed"),
    _sha256("document_sha256"),
    CheckConstraint("jsonb_typeof(fields) = 'object'", name="fields"),
    comment="Ground truth for documents",
)

accuracy_daily = Table(
    "accuracy_daily",
    metadata,
    Column("day", Date, nullable=False, comment="day, in UTC, since which the evaluated records are valid"),
    Column("supplier", DocumentText, nullable=False, comment="supplier as labelled, else as read; empty: unknown"),
    Column(
        "field",
        Text,
        nullable=False,
        comment="a header field, or line_items, where wrong ones are invented lines and missing ones overlooked",
    ),
    Column("right_count", Integer, nullable=False, comment="labelled values that are correct in the records"),
    Column("wrong_count", Integer, nullable=False, comment="values in the records that differ from the label"),
    Column("missing_count", Integer, nullable=False, comment="labelled values that are missing in the records"),
    Column(
        "accuracy",
        Double,
        Computed(
            "right_count::double precision / NULLIF(right_count + wrong_count + missing_count, 0)", persisted=True
        ),
        nullable=False,
        comment="share of the three counts that is right, 0 to 1; add up counts rather than averaging it",
    ),
    Column("measured_at", Instant, nullable=False, server_default=NOW, comment="when it was last measured"),
    PrimaryKeyConstraint("day", "supplier", "field"),
    CheckConstraint(
        "least(right_count, wrong_count, missing_count) >= 0 AND right_count + wrong_count + missing_count > 0",
        name="counts",
    ),
    CheckConstraint(f"length(supplier) <= {MAX_NAME_CHARS}", name="supplier"),
    comment="Accuracy of records against their labels by day; filled by the daily report",
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", KeyText, primary_key=True, comment="public part of the key"),
    Column("client", Text, nullable=False, comment="client whose jobs it submits and sees"),
    Column("name", DocumentText, nullable=False, comment="purpose, as described by a person"),
    Column("scopes", ARRAY(Text), nullable=False, comment="permissions"),
    Column("secret_hash", LargeBinary, nullable=False, comment="HMAC-SHA-256 of the secret under the pepper"),
    Column("pepper_id", Text, nullable=False, comment="which pepper it was hashed with; not the pepper itself"),
    Column("requests_per_minute", Integer, nullable=False, comment="requests it may make in a minute"),
    Column("jobs_per_day", Integer, nullable=False, comment="new jobs it may submit in a day (UTC)"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was made"),
    Column("expires_at", Instant, comment="when it becomes invalid; null: never"),
    Column("revoked_at", Instant, comment="since when it is revoked; null: it is not"),
    Column("replaced_by", KeyText, ForeignKey("cira.api_keys.key_id"), comment="key created by rotating this one"),
    Column("last_used_at", Instant, comment="when it was last used, to the minute"),
    CheckConstraint("key_id ~ '^[0-9a-hjkmnp-tv-z]{16}$'", name="key_id"),
    CheckConstraint(f"length(client) BETWEEN 1 AND {MAX_NAME_CHARS} AND {_no_controls('client')}", name="client"),
    CheckConstraint(f"length(name) <= {MAX_NAME_CHARS}", name="name"),
    CheckConstraint(
        "cardinality(scopes) > 0 AND scopes <@ "
        "ARRAY['submit', 'read', 'review', 'dagster_view', 'dagster_launch', 'admin']",
        name="scopes",
    ),
    CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
    CheckConstraint("requests_per_minute > 0 AND jobs_per_day > 0", name="limits"),
    Index("api_keys_client_idx", "client"),
    comment="API keys of the REST service; the keys themselves are not stored",
)

sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True, comment="HMAC-SHA-256 of the link's token under the pepper"),
    Column(
        "key_id",
        KeyText,
        ForeignKey("cira.api_keys.key_id", ondelete="CASCADE"),
        nullable=False,
        comment="API key of the session that it starts",
    ),
    Column("person", DocumentText, nullable=False, comment="name of the person in that session"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was made"),
    Column("expires_at", Instant, nullable=False, comment="when it becomes invalid"),
    Column("used_at", Instant, comment="when it was used; null: not yet"),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
    CheckConstraint(f"length(person) <= {MAX_NAME_CHARS}", name="person"),
    Index("sign_in_links_key_id_idx", "key_id"),
    comment="One-time sign-in links for the machine that runs CIRA; the links themselves are not stored",
)

api_key_usage = Table(
    "api_key_usage",
    metadata,
    Column(
        "key_id", KeyText, ForeignKey("cira.api_keys.key_id", ondelete="CASCADE"), nullable=False, comment="the key"
    ),
    Column("day", Date, nullable=False, comment="the day, in UTC"),
    Column("jobs", Integer, nullable=False, comment="new jobs it submitted on that day"),
    PrimaryKeyConstraint("key_id", "day"),
    CheckConstraint("jobs >= 0", name="jobs"),
    comment="Use of the daily quota of each API key",
)

confirmations = Table(
    "confirmations",
    metadata,
    Column("confirmation_id", BigInteger, Identity(always=True), primary_key=True, comment="identifies it"),
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id", ondelete="CASCADE"), nullable=False, comment="the job"),
    Column("document_sha256", Text, ForeignKey("cira.documents.sha256"), nullable=False, comment="the document"),
    Column("confirmed_by", DocumentText, nullable=False, comment="the person who confirmed"),
    Column("key_id", KeyText, ForeignKey("cira.api_keys.key_id"), comment="the API key they used; null without one"),
    Column("changes", DocumentJson, nullable=False, comment="field -> before and after, for what was corrected"),
    Column("verdict_before", Text, nullable=False, comment="the record's verdict before"),
    Column("verdict_after", Text, nullable=False, comment="the record's verdict after it was validated again"),
    Column("confirmed_at", Instant, nullable=False, server_default=NOW, comment="when"),
    CheckConstraint("jsonb_typeof(changes) = 'object'", name="changes"),
    CheckConstraint(f"verdict_before IN ({VERDICTS}) AND verdict_after IN ({VERDICTS})", name="verdicts"),
    Index("confirmations_job_id_idx", "job_id"),
    Index("confirmations_document_sha256_idx", "document_sha256"),
    comment="Confirmations of records by people, with their corrections",
)

supplier_lessons = Table(
    "supplier_lessons",
    metadata,
    Column(
        "client",
        Text,
        nullable=False,
        comment="client that owns the lesson; it does not apply to other clients, unless shared",
    ),
    Column("document_sha256", Text, ForeignKey("cira.documents.sha256"), nullable=False, comment="the document"),
    Column(
        "job_id",
        KeyText,
        ForeignKey("cira.jobs.job_id", ondelete="CASCADE"),
        nullable=False,
        comment="the client's job that it was learned from; erasing the job deletes it",
    ),
    Column("source", Text, nullable=False, comment="confirmation (of a person) or label (loaded from a file)"),
    Column("supplier", DocumentText, nullable=False, comment="the supplier's name as confirmed; empty: none"),
    Column(
        "supplier_keys",
        DocumentTexts,
        nullable=False,
        comment="what the supplier is found by: vat:, iban: and name:, each with letters and digits only; "
        "the first one names it",
    ),
    Column("layout", Text, nullable=False, comment="id of the layout among this supplier's; has no meaning of its own"),
    Column("lesson", DocumentJson, nullable=False, comment="positions of the confirmed fields; docs/memory.md"),
    Column("taught_at", Instant, nullable=False, comment="when it was confirmed or labelled; newer ones count more"),
    Column("learned_at", Instant, nullable=False, server_default=NOW, comment="when this row was last written"),
    PrimaryKeyConstraint("client", "document_sha256"),
    CheckConstraint("source IN ('confirmation', 'label')", name="source"),
    CheckConstraint("cardinality(supplier_keys) BETWEEN 1 AND 3", name="supplier_keys"),
    CheckConstraint("layout ~ '^[0-9a-f]{8}$'", name="layout"),
    CheckConstraint("jsonb_typeof(lesson) = 'object' AND length(lesson::text) <= 200000", name="lesson"),
    Index("supplier_lessons_supplier_keys_idx", "supplier_keys", postgresql_using="gin"),
    Index("supplier_lessons_job_id_idx", "job_id"),
    Index("supplier_lessons_document_sha256_idx", "document_sha256"),
    comment="Lessons about a supplier's layouts from confirmed invoices: a prior for later invoices, never a proof",
)

job_labels = Table(
    "job_labels",
    metadata,
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id", ondelete="CASCADE"), primary_key=True, comment="the job"),
    Column("fields", DocumentJson, nullable=False, comment="fields known to be right, named as in records"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was submitted"),
    CheckConstraint("jsonb_typeof(fields) = 'object'", name="fields"),
    comment="Labels submitted with a job; they become its document's once that is known",
)

webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("signing_id", KeyText, primary_key=True, comment="id from which the secret is derived, with the pepper"),
    Column("client", Text, nullable=False, comment="client whose webhooks it signs"),
    Column("pepper_id", Text, nullable=False, comment="which pepper it is derived from; not the pepper itself"),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when it was made"),
    Column("expires_at", Instant, comment="until then a replaced one signs too; null: it is in force"),
    CheckConstraint("signing_id ~ '^[0-9a-hjkmnp-tv-z]{16}$'", name="signing_id"),
    CheckConstraint(f"length(client) BETWEEN 1 AND {MAX_NAME_CHARS} AND {_no_controls('client')}", name="client"),
    Index("webhook_secrets_client_idx", "client"),
    # The secret without an end is the one in force.
    Index("webhook_secrets_in_force_idx", "client", unique=True, postgresql_where=text("expires_at IS NULL")),
    comment="Secrets that sign webhooks; derived from the pepper, so not stored",
)

webhook_receivers = Table(
    "webhook_receivers",
    metadata,
    Column("client", Text, nullable=False, comment="client whose webhooks it receives"),
    Column("host", Text, nullable=False, comment="host and port of the callbacks"),
    Column("failures", Integer, nullable=False, server_default="0", comment="attempts in a row that failed"),
    Column("paused_until", Instant, comment="no delivery before this time; null: not paused"),
    PrimaryKeyConstraint("client", "host"),
    CheckConstraint("failures >= 0", name="failures"),
    comment="Hosts that receive webhooks, for each client; a failing host is paused for a while",
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column(
        "event_id",
        KeyText,
        primary_key=True,
        comment="identifies the event for the receiver, also in repeated deliveries",
    ),
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id", ondelete="CASCADE"), nullable=False, comment="the job"),
    Column("client", Text, nullable=False, comment="client that owns the job"),
    Column("host", Text, nullable=False, comment="host and port it goes to"),
    Column("job_version", BigInteger, nullable=False, comment="version of the job at this event; a lower one is older"),
    Column("status", Text, nullable=False, comment="status with which the job ended"),
    Column("verdict", Text, comment="its record's verdict, if it ended with one"),
    Column("error_code", Text, comment="why it failed or was rejected"),
    Column("state", Text, nullable=False, server_default="pending", comment="pending, delivered, or failed: given up"),
    Column(
        "attempts",
        Integer,
        nullable=False,
        server_default="0",
        comment="attempts so far, one that is under way included",
    ),
    Column("created_at", Instant, nullable=False, server_default=NOW, comment="when the job ended so"),
    Column(
        "owed_since",
        Instant,
        nullable=False,
        server_default=NOW,
        comment="when it was created or last replayed; given up some time after",
    ),
    Column(
        "next_attempt_at",
        Instant,
        nullable=False,
        server_default=NOW,
        comment="when it is due; during an attempt, when another may start",
    ),
    Column("ended_at", Instant, comment="when it was delivered or given up; null before"),
    Column("last_failure", Text, comment="code of the last attempt that failed"),
    ForeignKeyConstraint(
        ["client", "host"],
        ["cira.webhook_receivers.client", "cira.webhook_receivers.host"],
        name="webhook_events_receiver_fkey",
    ),
    CheckConstraint("event_id ~ '^evt_[0-9a-f]{32}$'", name="event_id"),
    CheckConstraint(f"status IN ({FINAL})", name="status"),
    CheckConstraint(f"verdict IN ({VERDICTS})", name="verdict"),
    CheckConstraint("state IN ('pending', 'delivered', 'failed')", name="state"),
    CheckConstraint("(ended_at IS NOT NULL) = (state <> 'pending')", name="ended_at"),
    CheckConstraint("attempts >= 0", name="attempts"),
    Index("webhook_events_owed_idx", "client", "host", "next_attempt_at", postgresql_where=text("state = 'pending'")),
    Index("webhook_events_owed_since_idx", "owed_since", postgresql_where=text("state = 'pending'")),
    Index("webhook_events_failed_idx", "created_at", postgresql_where=text("state = 'failed'")),
    Index("webhook_events_job_id_idx", "job_id"),
    comment="Outbox of webhook events: ends of jobs with a callback, written in the transaction of the end",
)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column(
        "event_id",
        KeyText,
        ForeignKey("cira.webhook_events.event_id", ondelete="CASCADE"),
        nullable=False,
        comment="the event",
    ),
    Column("attempt", Integer, nullable=False, comment="which attempt, from 1"),
    Column("started_at", Instant, nullable=False, comment="when it began"),
    Column("seconds", Double, nullable=False, comment="seconds it took"),
    Column("http_status", Integer, comment="HTTP status of the receiver's answer; null: no answer"),
    Column("error_code", Text, comment="why it failed; null: delivered"),
    PrimaryKeyConstraint("event_id", "attempt"),
    CheckConstraint("attempt >= 1", name="attempt"),
    CheckConstraint("num_nulls(http_status, error_code) < 2", name="outcome"),
    comment="Every attempt to deliver a webhook",
)

stage_timings = Table(
    "stage_timings",
    metadata,
    Column("stage", Text, nullable=False, comment="the stage"),
    Column(
        "up_to_s", Double, nullable=False, comment="upper bound of the bucket in seconds; infinity for the last one"
    ),
    Column("runs", BigInteger, nullable=False, comment="executions of the stage in this bucket"),
    Column("seconds", Double, nullable=False, comment="total seconds of these executions"),
    PrimaryKeyConstraint("stage", "up_to_s"),
    CheckConstraint(f"stage IN ({STAGES})", name="stage"),
    CheckConstraint("runs > 0 AND seconds >= 0", name="counts"),
    comment="Histogram of stage durations over all runs of all processes",
)

erasures = Table(
    "erasures",
    metadata,
    Column("job_id", KeyText, ForeignKey("cira.jobs.job_id", ondelete="CASCADE"), primary_key=True, comment="the job"),
    Column("erased_at", Instant, nullable=False, server_default=NOW, comment="when its content was last erased"),
    Column("dagster_erased_at", Instant, comment="when Dagster's events about it were erased; null: not yet"),
    Index("erasures_owed_idx", "erased_at", postgresql_where=text("dagster_erased_at IS NULL")),
    comment="Jobs whose content was erased, here and in Dagster's event log",
)
