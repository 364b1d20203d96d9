"""Reading in a worker process: the same readings, and a reader that dies costs at most its document."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import psutil
import pytest
from docling_core.types.doc.document import DoclingDocument

from cira_pipeline.api.problems import status_of
from cira_pipeline.errors import DocumentDamaged, DocumentTooManyPages, ReadingCrashed, ReadingFailed
from cira_pipeline.intake.isolated import Recogniser
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import MediaType
from cira_pipeline.ocr.empty_document import empty_docling_document
from cira_pipeline.ocr.isolated import IsolatedReader
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.sandbox.pool import WorkerPool
from cira_pipeline.settings import Settings
from tests.intake.documents import UBL
from tests.ocr.papers import PRINTED, document, encoded, pdf, print_invoice, scan, texts
from tests.sandbox.poison import CRASHING

SETTINGS = Settings(_env_file=None, ocr_threads=1, max_pages=3)
MODULES = ["cira_pipeline.intake.in_worker", "cira_pipeline.ocr.in_worker"]


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(MODULES, processes=1, memory_mb=SETTINGS.reading_memory_mb, crashes=2)
    yield pool
    pool.close()


@pytest.fixture
def isolated(pool: WorkerPool) -> IsolatedReader:
    return IsolatedReader(SETTINGS, pool)


def test_a_reading_is_the_same_whether_the_reader_is_isolated_or_not(
    isolated: IsolatedReader, reader: LocalReader
) -> None:
    paper = document(pdf(print_invoice))
    here, there = reader.read(paper), isolated.read(paper)
    assert there.reading.model_copy(update={"seconds": 0}) == here.reading.model_copy(update={"seconds": 0})
    assert there.docling_json == here.docling_json
    assert (isolated.name, isolated.version) == (reader.name, reader.version)


def test_a_damaged_document_fails_with_its_reason(isolated: IsolatedReader) -> None:
    with pytest.raises(ReadingFailed, match="Docling could not read"):
        isolated.read(document(b"%PDF-1.7\n" + b"nothing of a PDF follows\n" * 20))


def test_a_scan_is_read_although_its_reader_is_killed_in_the_middle(isolated: IsolatedReader, pool: WorkerPool) -> None:
    isolated.read(document(pdf(print_invoice)))
    (pid,) = pool.pids()

    def kill() -> None:
        while pool.pids():
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    reading = isolated.read(document(encoded(scan(), "PNG"), MediaType.PNG)).reading
    killer.join()
    assert texts(reading) == PRINTED
    assert not psutil.pid_exists(pid)


def test_an_e_invoice_starts_no_process() -> None:
    pool = WorkerPool(MODULES, processes=1, memory_mb=600, crashes=1)
    paper = Recogniser(SETTINGS, pool)(UBL.encode())
    assert IsolatedReader(SETTINGS, pool).read(paper).reading.pages == ()
    assert pool.pids() == ()


def test_the_empty_docling_document_is_doclings_own() -> None:
    own = DoclingDocument(name="0" * 64)
    assert DoclingDocument.model_validate_json(empty_docling_document("0" * 64)) == own


@pytest.mark.parametrize("content", [pdf(print_invoice), encoded(scan(), "PNG"), UBL.encode()])
def test_a_document_is_recognised_the_same_whether_isolated_or_not(pool: WorkerPool, content: bytes) -> None:
    here = recognise(content, max_pages=SETTINGS.max_pages, max_pixels=SETTINGS.max_pixels)
    assert Recogniser(SETTINGS, pool)(content) == here


def test_what_is_refused_is_refused_with_the_same_code(pool: WorkerPool) -> None:
    recogniser = Recogniser(SETTINGS, pool)
    with pytest.raises(DocumentTooManyPages):
        recogniser(pdf(*[print_invoice] * 4))
    with pytest.raises(DocumentDamaged):
        recogniser(b"%PDF-1.7\nnothing")


def test_an_upload_that_crashes_what_opens_it_is_refused_and_the_service_lives(pool: WorkerPool) -> None:
    hostile = Recogniser(SETTINGS, pool, call="tests.sandbox.poison:read")
    with pytest.raises(ReadingCrashed) as caught:
        hostile(pdf(print_invoice) + CRASHING)
    assert status_of(caught.value) == 422
    assert Recogniser(SETTINGS, pool)(pdf(print_invoice)).page_count == 1
