"""Jobs that have ended with a record, as the pipeline leaves them."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

from cira_pipeline.api.services import Services
from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.invoice import Invoice
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import (
    Box,
    Document,
    EngineName,
    Evidence,
    Finding,
    Line,
    MediaType,
    Page,
    Reading,
    Record,
    Severity,
    Verdict,
)
from tests.db.invoices import invoice
from tests.orchestration.invoice_pdf import invoice_pdf


def kept_document(services: Services, content: bytes, media_type: MediaType = MediaType.PDF, pages: int = 1) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    services.documents.put(
        Document(sha256=sha256, media_type=media_type, size_bytes=len(content), page_count=pages, content=content)
    )
    return sha256


def ended_job(
    services: Services,
    client: str = "acme",
    *,
    number: str = "RE-2024/001",
    verdict: Verdict = Verdict.NEEDS_REVIEW,
    content: bytes | None = None,
    findings: tuple[Finding, ...] = (
        Finding(rule="CIRA-GROUND-02", severity=Severity.WARNING, message="read with little confidence"),
    ),
    **fields: Any,
) -> JobId:
    """A job of `client` with a document of one page, its reading and its record."""
    content = content or invoice_pdf(number)
    sha256 = kept_document(services, content)
    services.readings.put(
        sha256,
        Reading(
            reader="local",
            reader_version="1",
            pages=(Page(number=1, width=595, height=842, source="native"),),
            lines=(
                Line(
                    number=1, page=1, text="GBP 120.00", box=Box(left=470, top=340, right=540, bottom=356), confidence=1
                ),
            ),
            seconds=0.1,
        ),
        b"{}",
    )
    [submitted] = services.jobs.submit([Submission(f"https://supplier.example/{uuid4().hex}.pdf", client=client)])
    job_id = submitted.job.job_id
    services.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
    services.jobs.document_found(job_id, sha256)
    of: Invoice = invoice(invoice_number=number, **fields)
    evidence = [
        Evidence(
            field=name,
            engine=EngineName.OFFLINE,
            text=str(value),
            page=1,
            box=Box(left=470, top=340, right=540, bottom=356),
            line=1,
            confidence=0.5,
        )
        for name, value in of
        if value is not None and name not in ("line_items", "tax_breakdown")
    ]
    evidence += [
        Evidence(field=f"{table}[{at}].{part}", engine=EngineName.OFFLINE, text="x", page=1, line=1, confidence=0.5)
        for table, part in (("line_items", "net_amount"), ("tax_breakdown", "tax"))
        for at in range(len(getattr(of, table)))
    ]
    record = Record(
        invoice=of,
        verdict=verdict,
        findings=findings,
        evidence=tuple(evidence),
        engine=EngineName.OFFLINE,
        engines=(EngineName.OFFLINE,),
    )
    services.records.put(job_id, sha256, record)
    services.jobs.succeed(job_id, verdict)
    return job_id
