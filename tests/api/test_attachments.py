"""Attachments of an e-invoice from its upload through the pipeline to the API, the page and the client."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import text

from cira_pipeline.client import Client
from cira_pipeline.errors import AttachmentNotFound, JobNotFound
from cira_pipeline.jobs import JobId, Stage
from cira_pipeline.pipeline.stream import StageDone, stream
from tests.api.conftest import RunningApi
from tests.extraction.einvoice.documents import CII, TERMS_FILE, pdf_document
from tests.extraction.einvoice.test_attachments import CII_BOTH, SHEET, UBL_BOTH, ubl, ubl_with
from tests.pipeline.worker import opened


class Office:
    """A service, and a pipeline over the same storage."""

    def __init__(self, api: RunningApi, closing: ExitStack) -> None:
        self.api = api
        self.services = api.services
        self.client = closing.enter_context(Client(api.url, api.key("acme")))
        self.stranger = closing.enter_context(Client(api.url, api.key("other")))
        self._processor = closing.enter_context(opened(api.services.settings))

    def process(self, *contents: bytes) -> list[str]:
        job_ids = [self.client.upload(each).job_id for each in contents]
        self.run(*job_ids)
        return job_ids

    def run(self, *job_ids: str) -> None:
        events = list(stream(self._processor, [JobId(each) for each in job_ids], tuple(Stage), run_id="run"))
        assert [each for each in events if not isinstance(each, StageDone)] == []

    def objects(self) -> set[str]:
        return {each for each in self.services.objects.keys() if each.startswith("attachments/")}  # noqa: SIM118


@pytest.fixture
def office(api: RunningApi) -> Iterator[Office]:
    with ExitStack() as closing:
        yield Office(api, closing)


@pytest.mark.parametrize("xml", [UBL_BOTH, CII_BOTH], ids=["UBL", "CII"])
def test_the_attachments_of_an_e_invoice_can_be_listed_and_saved(office: Office, xml: str) -> None:
    [job_id] = office.process(xml.encode())
    carried, named = office.client.attachments(job_id)
    assert (carried.number, carried.reference, carried.filename) == (1, "T-1", "hours.csv")
    assert (carried.size_bytes, carried.sha256) == (len(SHEET), hashlib.sha256(SHEET).hexdigest())
    assert carried.content == f"/v1/invoices/{job_id}/attachments/1"
    assert (named.reference, named.location, named.content) == ("T-2", "https://example.com/plan.pdf", None)
    assert office.client.attachment(job_id, 1) == (SHEET, "text/csv")
    with pytest.raises(AttachmentNotFound, match="only named"):
        office.client.attachment(job_id, 2)
    with pytest.raises(AttachmentNotFound, match="2 attachment"):
        office.client.attachment(job_id, 3)


def test_files_of_a_hybrid_pdf_can_be_saved(office: Office) -> None:
    [job_id] = office.process(pdf_document(TERMS_FILE, ("factur-x.xml", CII)).content)
    [terms] = office.client.attachments(job_id)
    assert terms.filename == "terms.pdf"
    # The PDF does not say what kind of file it is.
    assert office.client.attachment(job_id, 1) == (TERMS_FILE[1], "application/octet-stream")


def test_only_those_who_may_see_the_document_get_its_attachments(office: Office) -> None:
    [job_id] = office.process(UBL_BOTH.encode())
    with pytest.raises(JobNotFound):
        office.stranger.attachments(job_id)
    with pytest.raises(JobNotFound):
        office.stranger.attachment(job_id, 1)
    assert office.api.client_with(None).get(f"/v1/invoices/{job_id}/attachments/1").status_code == 401


def test_no_attachment_is_run_by_a_browser_and_no_name_changes_the_answer(office: Office) -> None:
    page = base64.b64encode(b"<script>alert(1)</script>").decode()
    name = "a&quot;; filename=&quot;b.exe&#13;&#10;Set-Cookie: c=d/é&quot;.html"
    hostile = ubl(page, media_type="text/html", filename=name)
    [job_id] = office.process(ubl_with(hostile).encode())
    answer = office.api.client().get(f"/v1/invoices/{job_id}/attachments/1")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%A9%22.html"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers


def test_processing_again_stores_nothing_twice_and_erasing_leaves_nothing(office: Office) -> None:
    first, second = office.process(UBL_BOTH.encode(), CII_BOTH.encode())
    [again] = [office.client.upload(UBL_BOTH.encode(), idempotency_key="again").job_id]
    office.run(again)
    assert len(office.objects()) == 2
    office.client.erase(first)
    assert len(office.objects()) == 2, "another job has the same document"
    assert office.client.attachment(again, 1).content == SHEET
    office.client.erase(again)
    assert len(office.objects()) == 1
    with office.services.database.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM cira.attached_files")) == 1
    assert office.client.attachment(second, 1).content == SHEET


def test_an_attachment_that_the_store_lost_or_changed_is_not_served(office: Office) -> None:
    [job_id] = office.process(UBL_BOTH.encode())
    [key] = office.objects()
    office.services.objects.put(key, b"changed")
    with pytest.raises(AttachmentNotFound, match="not stored"):
        office.client.attachment(job_id, 1)
    office.services.objects.delete(key)
    with pytest.raises(AttachmentNotFound, match="not stored"):
        office.client.attachment(job_id, 1)
