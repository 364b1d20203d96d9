"""Dagster metadata of a materialisation: a preview first, then details of the processing."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import dagster as dg
from babel.numbers import get_currency_precision

from cira_pipeline.extraction.explain import differences, history
from cira_pipeline.invoice import AMOUNT_FIELDS, Invoice
from cira_pipeline.models import Finding
from cira_pipeline.pipeline.processor import (
    DocumentObtained,
    DocumentRead,
    FieldsExtracted,
    RecordValidated,
    StageResult,
)
from cira_pipeline.pipeline.stream import StageDone, StageFailed
from cira_pipeline.shown_url import shown_url

PREVIEW_LINES = 40
PREVIEW_ITEMS = 20

Metadata = dict[str, dg.MetadataValue]


def materialization_metadata(done: StageDone) -> Metadata:
    """Metadata of a finished stage. Long entries come last, so that the rest is visible at a glance."""
    metadata = _metadata(done.result)
    seconds = dg.MetadataValue.float(round(done.result.seconds, 3))
    long: Metadata = {name: metadata.pop(name) for name in ("findings", "preview", "line_items") if name in metadata}
    return {**metadata, "seconds": seconds, "source": _link(done.url), **long}


def failure_metadata(failed: StageFailed, url: str) -> Metadata:
    return {
        "what_happened": dg.MetadataValue.text(failed.error.message),
        "what_to_do": dg.MetadataValue.text(failed.error.hint),
        "error_code": dg.MetadataValue.text(failed.error.code),
        "source": _link(url),
    }


def findings_table(findings: Sequence[Finding]) -> dg.MetadataValue:
    if not findings:
        return dg.MetadataValue.md("none")
    rows = [f"| {each.severity} | {table_cell(each.message)} | {each.rule} |" for each in findings]
    return dg.MetadataValue.md("\n".join(["| severity | finding | rule |", "| --- | --- | --- |", *rows]))


def _metadata(result: StageResult) -> Metadata:
    if isinstance(result, DocumentObtained):
        return _of_document(result)
    if isinstance(result, DocumentRead):
        return _of_reading(result)
    if isinstance(result, FieldsExtracted):
        return _of_extraction(result)
    return _of_record(result)


def _of_document(done: DocumentObtained) -> Metadata:
    document = done.document
    return {
        "media_type": dg.MetadataValue.text(document.media_type.value),
        "size_bytes": dg.MetadataValue.int(document.size_bytes),
        "pages": dg.MetadataValue.int(document.page_count),
        "sha256": dg.MetadataValue.text(document.sha256),
        "kept_at": dg.MetadataValue.url(done.object_url),
        "reused": dg.MetadataValue.bool(done.reused),
    }


def _of_reading(done: DocumentRead) -> Metadata:
    reading = done.reading
    preview = "\n".join(line.text for line in reading.lines[:PREVIEW_LINES])
    mean = sum(line.confidence for line in reading.lines) / len(reading.lines) if reading.lines else None
    metadata: Metadata = {
        "preview": dg.MetadataValue.md(_fenced(preview) if preview else "no page: the fields are in XML"),
        "reader": dg.MetadataValue.text(f"{reading.reader} {reading.reader_version}"),
        "pages": dg.MetadataValue.int(len(reading.pages)),
        "ocr_pages": dg.MetadataValue.int(sum(page.source == "ocr" for page in reading.pages)),
        "lines": dg.MetadataValue.int(len(reading.lines)),
        "reused": dg.MetadataValue.bool(done.reused),
    }
    if mean is not None:
        metadata["mean_confidence"] = dg.MetadataValue.float(round(mean, 4))
    return metadata


def _of_extraction(done: FieldsExtracted) -> Metadata:
    return {
        **_invoice_tables(done.extraction.invoice),
        "engine": dg.MetadataValue.text(done.extraction.engine.value),
        "engines_run": dg.MetadataValue.text(", ".join(each.engine.value for each in done.extractions)),
        "policy": dg.MetadataValue.text(done.policy.value),
        "stopped_because": dg.MetadataValue.text(done.stopped_because),
        "cost_usd": dg.MetadataValue.float(float(done.cost_usd)),
    } | _of_engines(done)


def _of_engines(done: FieldsExtracted) -> Metadata:
    """Differences between engines, and corrections with their reasons; empty without either."""
    metadata: Metadata = {}
    if differing := differences(done.extractions):
        engines = [each.engine.value for each in done.extractions]
        rows = [
            f"| {name} | {' | '.join(table_cell(values.get(each, '')) for each in engines)} |"
            for name, values in differing.items()
        ]
        head = [f"| field | {' | '.join(engines)} |", f"| --- |{' --- |' * len(engines)}"]
        metadata["engines_differ"] = dg.MetadataValue.md("\n".join(head + rows))
    if corrections := history(done.extraction):
        metadata["asked_again"] = dg.MetadataValue.md("\n".join(f"- {table_cell(each)}" for each in corrections))
    return metadata


def _of_record(done: RecordValidated) -> Metadata:
    record = done.record
    return {
        "verdict": dg.MetadataValue.text(record.verdict.value),
        "supplier": dg.MetadataValue.text(record.invoice.supplier_name or "unknown"),
        "total": dg.MetadataValue.text(_total(record.invoice)),
        "findings": findings_table(record.findings),
        **_invoice_tables(record.invoice),
        "engine": dg.MetadataValue.text(record.engine.value),
        "cost_usd": dg.MetadataValue.float(float(done.cost.total_usd)),
        "accuracy": dg.MetadataValue.text(done.accuracy.status),
    }


def _invoice_tables(invoice: Invoice) -> Metadata:
    """Tables of the header fields with a value and of the lines, separate: Dagster shows only short Markdown inline."""
    header = [
        f"| {name} | {table_cell(_printed(invoice, name))} |"
        for name in Invoice.model_fields
        if name not in ("tax_breakdown", "line_items") and getattr(invoice, name) is not None
    ]
    tables = {"preview": ["| field | value |", "| --- | --- |", *header]}
    if invoice.line_items:
        tables["line_items"] = [
            "| description | quantity | unit price | tax % | net |",
            "| --- | ---: | ---: | ---: | ---: |",
            *(
                f"| {table_cell(item.description)} | {table_cell(item.quantity)} "
                f"| {_money(item.unit_price, invoice.currency)} | {table_cell(item.tax_rate)} "
                f"| {_money(item.net_amount, invoice.currency)} |"
                for item in invoice.line_items[:PREVIEW_ITEMS]
            ),
        ]
        if len(invoice.line_items) > PREVIEW_ITEMS:
            tables["line_items"].append(f"\n… and {len(invoice.line_items) - PREVIEW_ITEMS} more lines")
    return {name: dg.MetadataValue.md("\n".join(rows)) for name, rows in tables.items()}


def _printed(invoice: Invoice, name: str) -> object:
    value = getattr(invoice, name)
    return _money(value, invoice.currency) if name in AMOUNT_FIELDS else value


def _total(invoice: Invoice) -> str:
    if invoice.gross_total is None:
        return "unknown"
    return f"{_money(invoice.gross_total, invoice.currency)} {invoice.currency or '(currency unknown)'}"


def _money(amount: Decimal | None, currency: str | None) -> str:
    """An amount with the decimals of its currency, and more where the invoice has more."""
    if amount is None:
        return ""
    usual = get_currency_precision(currency) if currency else 2
    exponent = amount.as_tuple().exponent
    return f"{amount:.{max(usual, -exponent if isinstance(exponent, int) else 0)}f}"


def _link(url: str) -> dg.MetadataValue:
    """A link where the URL can be shown whole: its query or user part may give access to more than one invoice."""
    shown = shown_url(url)
    return dg.MetadataValue.url(url) if shown == url else dg.MetadataValue.text(shown)


def table_cell(value: object) -> str:
    """Document text escaped for a Markdown table cell: it can neither end the cell nor add markup."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    text = " ".join(str(value).split())
    return "".join(f"\\{char}" if char in "\\|`*_[]<>#!" else char for char in text)


def _fenced(text: str) -> str:
    return f"```text\n{text.replace('```', '` ` `')}\n```"
