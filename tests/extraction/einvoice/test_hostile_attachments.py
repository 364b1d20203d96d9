"""A PDF's attachments are opened where the PDF can do no harm to anything but itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cira_pipeline.errors import RunInterrupted
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.extraction.einvoice.attachment import embedded_xml
from cira_pipeline.extraction.einvoice.isolated import IsolatedAttachments
from cira_pipeline.models import EngineName
from cira_pipeline.pipeline.engines import engines_from_settings
from cira_pipeline.sandbox.pool import WorkerPool, worker_pool
from cira_pipeline.settings import Settings
from tests.extraction.einvoice.documents import CII, NO_READING, TERMS_FILE, pdf_document
from tests.extraction.einvoice.test_fields import PURCHASE
from tests.sandbox.test_pool import PATIENCE_S

HYBRID = pdf_document(TERMS_FILE, ("factur-x.xml", CII), ("xrechnung.xml", CII))


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(["cira_pipeline.intake.in_worker"], processes=1, memory_mb=600, crashes=2)
    yield pool
    pool.abandon()
    pool.close()


def poisoned(pool: WorkerPool, timeout_s: float = PATIENCE_S) -> IsolatedAttachments:
    return IsolatedAttachments(pool, timeout_s=timeout_s, call="tests.sandbox.poison:act")


def test_a_worker_finds_the_same_xml_and_stays_warm(pool: WorkerPool) -> None:
    attachments = IsolatedAttachments(pool, timeout_s=PATIENCE_S)
    found = attachments(HYBRID.content)
    assert found == embedded_xml(HYBRID.content)
    assert found is not None
    assert found.others == ("xrechnung.xml",)
    assert [(each.name, each.content) for each in found.files] == [TERMS_FILE, ("xrechnung.xml", CII.encode())]
    before = pool.pids()
    assert attachments(pdf_document().content) is None
    assert attachments(b"%PDF-1.7 broken") is None
    assert pool.pids() == before


@pytest.mark.parametrize("document", [b"crash", b"swell", b"hang"])
def test_attachments_that_end_or_exhaust_their_reader_leave_the_pages_to_the_next_engine(
    pool: WorkerPool, document: bytes
) -> None:
    assert poisoned(pool, timeout_s=0.5 if document == b"hang" else PATIENCE_S)(document) is None
    assert IsolatedAttachments(pool, timeout_s=PATIENCE_S)(HYBRID.content) is not None


def test_a_stopped_run_does_not_take_a_hybrid_invoice_for_one_without_xml(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(poisoned(pool), b"hang")
        time.sleep(0.3)
        pool.abandon()
        with pytest.raises(RunInterrupted):
            asked.result(timeout=PATIENCE_S)


def test_the_engine_of_a_run_opens_no_pdf_in_the_runs_own_process() -> None:
    settings = Settings(_env_file=None, reader="docling_serve", docling_serve_url="http://127.0.0.1:9")
    engine = engines_from_settings(settings, AnswersInMemory())[EngineName.EINVOICE]
    workers = worker_pool(settings)
    workers.close()  # other tests of this process may have warmed it
    try:
        extraction = engine.extract(HYBRID, NO_READING)
        assert extraction is not None
        assert extraction.invoice.model_copy(update={"attachments": ()}) == PURCHASE
        assert [each.filename for each in extraction.invoice.attachments] == ["terms.pdf", "xrechnung.xml"]
        assert [each.content for each in extraction.files] == [TERMS_FILE[1], CII.encode()]
        assert len(workers.pids()) == 1
    finally:
        workers.close()
