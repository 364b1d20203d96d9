"""A confirmation over HTTP teaches the client's memory of its supplier."""

from __future__ import annotations

import hashlib

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.db.records.lessons import LessonRepository
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.models import Document, EngineName, MediaType, Record, Verdict
from tests.extraction.offline.test_suppliers_memory import page, read, truth


def _ended(services, index: int, client: str = "acme") -> JobId:
    content = f"%PDF page {index}".encode()
    sha256 = hashlib.sha256(content).hexdigest()
    services.documents.put(
        Document(sha256=sha256, media_type=MediaType.PDF, size_bytes=len(content), page_count=1, content=content)
    )
    services.readings.put(sha256, page(index), b"{}")
    [submitted] = services.jobs.submit([Submission(f"https://{client}.example/{index}.pdf", client=client)])
    job_id = submitted.job.job_id
    services.jobs.start(job_id, Stage.RAW_DOCUMENT, "run-1")
    services.jobs.document_found(job_id, sha256)
    found = read(page(index))
    record = Record(
        invoice=found.invoice,
        verdict=Verdict.NEEDS_REVIEW,
        findings=(),
        evidence=found.evidence,
        engine=EngineName.OFFLINE,
        engines=(EngineName.OFFLINE,),
    )
    services.records.put(job_id, sha256, record)
    services.jobs.succeed(job_id, Verdict.NEEDS_REVIEW)
    return job_id


def _number_read(services, index: int, client: str) -> str | None:
    engines = services.memory.engines_for(client, {EngineName.OFFLINE: OfflineEngine()})
    document = Document(sha256="f" * 64, media_type=MediaType.PDF, size_bytes=1, page_count=1, content=b"x")
    extraction = engines[EngineName.OFFLINE].extract(document, page(index))
    return extraction.invoice.invoice_number if extraction else None


def test_two_corrections_over_http_and_the_next_invoice_is_read_right(api):
    client = api.client("acme")
    assert _number_read(api.services, 7, "acme") is None
    for index in (0, 1):
        job_id = _ended(api.services, index)
        fields = truth(index).model_dump(mode="json", exclude={"tax_breakdown"})
        answer = client.put(f"/v1/invoices/{job_id}/confirmation", json={"fields": fields, "confirmed_by": "Anna"})
        assert answer.is_success, answer.text
    assert _number_read(api.services, 7, "acme") == "RE-2024-124"
    assert _number_read(api.services, 7, "globex") is None, "another client's people have confirmed nothing"
    [known] = LessonRepository(api.services.database).layouts()
    assert (known.client, known.lessons) == ("acme", 2)
    erased = client.delete(f"/v1/jobs/{job_id}", params={"erase": True})
    assert erased.is_success, erased.text
    [known] = LessonRepository(api.services.database).layouts()
    assert known.lessons == 1
