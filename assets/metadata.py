"""What a person sees of a materialisation in Dagster: a preview first, then how it came about."""

from __future__ import annotations

from decimal import Decimal

import dagster as dg

from cira_pipeline.invoice import Invoice
from cira_pipeline.processing.processor import (
    DocumentObtained,
    DocumentRead,
    FieldsExtracted,
    RecordValidated,
    StageResult,
)
from cira_pipeline.processing.stream import StageDone

PREVIEW_LINES = 40
PREVIEW_ITEMS = 20

Metadata = dict[str, dg.MetadataValue]


def materialization_metadata(done: StageDone) -> Metadata:
    return {**_metadata(done.result), "seconds": dg.MetadataValue.float(round(done.result.seconds, 3))}


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
        "source": dg.MetadataValue.url(done.url),
        "kept_at": dg.MetadataValue.url(done.object_url),
        "media_type": dg.MetadataValue.text(document.media_type.value),
        "size_bytes": dg.MetadataValue.int(document.size_bytes),
        "pages": dg.MetadataValue.int(document.page_count),
        "sha256": dg.MetadataValue.text(document.sha256),
        "reused": dg.MetadataValue.bool(done.reused),
    }


def _of_reading(done: DocumentRead) -> Metadata:
    reading = done.reading
    preview = "\n".join(line.text for line in reading.lines[:PREVIEW_LINES])
    mean = sum(line.confidence for line in reading.lines) / len(reading.lines) if reading.lines else None
    metadata: Metadata = {
        "preview": dg.MetadataValue.md(_fenced(preview) if preview else "no page: the fields stand in XML"),
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
        "preview": dg.MetadataValue.md(_invoice_table(done.extraction.invoice)),
        "engine": dg.MetadataValue.text(done.extraction.engine.value),
        "engines_run": dg.MetadataValue.text(", ".join(each.engine.value for each in done.extractions)),
        "policy": dg.MetadataValue.text(done.policy.value),
        "stopped_because": dg.MetadataValue.text(done.stopped_because),
        "cost_usd": dg.MetadataValue.float(float(done.cost_usd)),
    }


def _of_record(done: RecordValidated) -> Metadata:
    record = done.record
    return {
        "preview": dg.MetadataValue.md(_invoice_table(record.invoice)),
        "verdict": dg.MetadataValue.text(record.verdict.value),
        "findings": dg.MetadataValue.int(len(record.findings)),
        "engine": dg.MetadataValue.text(record.engine.value),
        "cost_usd": dg.MetadataValue.float(float(done.cost.total_usd)),
        "accuracy": dg.MetadataValue.text(done.accuracy.status),
    }


def _invoice_table(invoice: Invoice) -> str:
    """The invoice as two Markdown tables: the header fields it has, then its lines."""
    header = [
        f"| {name} | {_cell(value)} |"
        for name in Invoice.model_fields
        if name not in ("tax_breakdown", "line_items") and (value := getattr(invoice, name)) is not None
    ]
    table = ["| field | value |", "| --- | --- |", *header]
    if invoice.line_items:
        table += ["", "| description | quantity | unit price | tax % | net |", "| --- | ---: | ---: | ---: | ---: |"]
        table += [
            f"| {_cell(item.description)} | {_cell(item.quantity)} | {_cell(item.unit_price)} "
            f"| {_cell(item.tax_rate)} | {_cell(item.net_amount)} |"
            for item in invoice.line_items[:PREVIEW_ITEMS]
        ]
        if len(invoice.line_items) > PREVIEW_ITEMS:
            table.append(f"\n… and {len(invoice.line_items) - PREVIEW_ITEMS} more lines")
    return "\n".join(table)


def _cell(value: object) -> str:
    """Text from a document inside a Markdown table: it can neither end the cell nor add markup."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    text = " ".join(str(value).split())
    return "".join(f"\\{char}" if char in "\\|`*_[]<>#!" else char for char in text)


def _fenced(text: str) -> str:
    return f"```text\n{text.replace('```', '` ` `')}\n```"
