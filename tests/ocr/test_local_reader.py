"""What running Docling in process promises: no network, no torch, bounded time, whole documents only."""

from __future__ import annotations

import os
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from docling_core.types.doc.document import DoclingDocument
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, StreamObject

from cira_pipeline.errors import ReadingFailed, ReadingTimedOut
from cira_pipeline.models import MediaType
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.settings import Settings
from tests.ocr.papers import PRINTED, document, encoded, pdf, print_invoice, scan, scanned_page, texts

OFFLINE = """
import hashlib, socket, sys
from pathlib import Path


def refuse(*arguments, **options):
    raise OSError("the network is not to be used")


socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = refuse

from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.settings import Settings
from cira_pipeline.models import Document, MediaType

assert "docling" not in sys.modules, "loading Docling takes seconds and waits for the first document"
content = Path(sys.argv[1]).read_bytes()
document = Document(
    sha256=hashlib.sha256(content).hexdigest(),
    media_type=MediaType.PDF,
    size_bytes=len(content),
    page_count=2,
    content=content,
)
reading = LocalReader(Settings(_env_file=None, ocr_threads=1)).read(document).reading
print([page.source for page in reading.pages], len(reading.lines), "torch" in sys.modules)
"""


def test_scans_are_read_without_a_network_and_without_torch(tmp_path: Path) -> None:
    paper = tmp_path / "invoice.pdf"
    paper.write_bytes(pdf(print_invoice, scanned_page(scan())))
    run = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(paper)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[2],
        env={key: value for key, value in os.environ.items() if not key.startswith("CIRA_")},
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split("\n")[0] == f"['native', 'ocr'] {2 * len(PRINTED)} False"


def test_xml_has_nothing_to_read(reader: LocalReader) -> None:
    result = reader.read(document(b"<Invoice/>", MediaType.XML, page_count=0))
    assert (result.reading.pages, result.reading.lines) == ((), ())
    assert DoclingDocument.model_validate_json(result.docling_json).pages == {}


def test_a_document_that_takes_too_long_ends_in_time_and_the_next_one_is_read(reader: LocalReader) -> None:
    hurried = LocalReader(Settings(_env_file=None, ocr_threads=2, reading_timeout_s=0.05))
    paper = document(encoded(scan(), "PNG"), MediaType.PNG)
    with pytest.raises(ReadingTimedOut) as caught:
        hurried.read(paper)
    assert caught.value.retryable
    assert texts(reader.read(paper).reading) == PRINTED


def test_time_runs_out_between_pages_too(reader: LocalReader) -> None:
    """The pipeline stops by itself: no work goes on behind the back of a run that has given up."""
    from cira_pipeline.ocr.converter import open_converter

    converter = open_converter(Settings(_env_file=None, ocr_threads=2, reading_timeout_s=0.001))
    many = LocalReader(Settings(_env_file=None))
    many.__dict__["_opened_converter"] = converter
    with pytest.raises(ReadingTimedOut):
        many.read(document(pdf(*[print_invoice] * 30), page_count=30))


def test_a_damaged_pdf_fails_with_the_reason(reader: LocalReader) -> None:
    with pytest.raises(ReadingFailed, match="Docling could not read"):
        reader.read(document(b"%PDF-1.7\n" + b"nothing of a PDF follows\n" * 20))


def test_a_damaged_picture_fails_with_the_reason(reader: LocalReader) -> None:
    whole = encoded(scan(), "PNG")
    with pytest.raises(ReadingFailed, match="Docling could not read"):
        reader.read(document(whole[: len(whole) // 3], MediaType.PNG))


def test_a_page_that_cannot_be_drawn_is_not_taken_for_a_blank_one(reader: LocalReader) -> None:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(pdf(print_invoice, print_invoice))))
    drawing = StreamObject()
    drawing._data = zlib.compress(writer.pages[1].get_contents().get_data())[:20] + bytes(100)
    drawing[NameObject("/Filter")] = NameObject("/FlateDecode")
    writer.pages[1][NameObject("/Contents")] = writer._add_object(drawing)
    broken = BytesIO()
    writer.write(broken)
    with pytest.raises(ReadingFailed, match="page 2"):
        reader.read(document(broken.getvalue(), page_count=2))


def test_a_document_with_fewer_pages_than_it_had_when_it_came_in_fails(reader: LocalReader) -> None:
    with pytest.raises(ReadingFailed, match="1 of 2"):
        reader.read(document(pdf(), page_count=2))


def test_documents_read_at_once_do_not_mix(reader: LocalReader) -> None:
    def numbered(number: int) -> bytes:
        return pdf(*[lambda canvas: canvas.drawString(40, 500, f"Rechnung Nummer {number}")] * 3)

    papers = {number: document(numbered(number), page_count=3) for number in range(6)}
    papers[6] = document(encoded(scan(numbered(6)), "PNG"), MediaType.PNG)
    papers[7] = document(encoded(scan(numbered(7)), "PNG"), MediaType.PNG)
    with ThreadPoolExecutor(4) as pool:
        readings = dict(zip(papers, pool.map(lambda paper: reader.read(paper).reading, papers.values()), strict=True))
    for number, reading in readings.items():
        assert {line.text for line in reading.lines} == {f"Rechnung Nummer {number}"}
        assert len(reading.pages) == papers[number].page_count


def test_readings_at_another_resolution_are_not_taken_for_these(reader: LocalReader) -> None:
    finer = LocalReader(Settings(_env_file=None, ocr_dpi=300))
    assert finer.version != reader.version
    assert reader.read(document(pdf())).reading.reader_version == reader.version
