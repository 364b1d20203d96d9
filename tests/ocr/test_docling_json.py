"""What is kept as a DoclingDocument is what Docling's own classes would have written."""

from __future__ import annotations

from io import BytesIO
from pathlib import PurePath

import pytest
from docling.datamodel.base_models import DocumentStream, InputFormat
from docling.datamodel.document import ConversionResult
from docling.document_converter import DocumentConverter
from docling.pipeline.native_pdf_pipeline import NativePdfPipeline
from docling_core.types.doc.base import BoundingBox, CoordOrigin
from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.page import BoundingRectangle, SegmentedPdfPage, TextCell
from PIL import Image
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.ocr.converter import open_converter
from cira_pipeline.ocr.docling_json import docling_json
from cira_pipeline.ocr.lines import PlacedLine, PlacedWord
from cira_pipeline.ocr.pipeline import ReadDoclingPage, pages_read
from cira_pipeline.settings import Settings
from tests.ocr.papers import encoded, joined_pdf, pdf, print_invoice, scan, scanned_page, turned_pdf

ODD_TEXTS = (
    "„Größe“ ½ m² €",
    "\u0627\u0644\u0645 \U0001f9fe",
    '"quoted" \\ / <b>&amp;',
    "tab\tand\u00a0space",
    "GLYPH<12>",
    "0",
)


def with_picture(canvas: Canvas) -> None:
    print_invoice(canvas)
    canvas.drawInlineImage(Image.new("RGB", (50, 50), "red"), 200, 150, width=100, height=70)


PAPERS = {
    "text": pdf(),
    "pictures": pdf(with_picture, with_picture),
    "turned": turned_pdf(pdf(with_picture), 90),
    "scan, text and a blank page": joined_pdf(pdf(scanned_page(scan()), print_invoice), blank_last=True),
    "picture": encoded(scan(), "PNG"),
}


@pytest.fixture(scope="module")
def converter() -> DocumentConverter:
    return open_converter(Settings(_env_file=None, ocr_threads=2))


def written_by_docling(converter: DocumentConverter, result: ConversionResult) -> bytes:
    """NativePdfPipeline's own assembly of the same lines and pictures."""
    pipeline = converter._get_pipeline(InputFormat.PDF)
    assert isinstance(pipeline, NativePdfPipeline)
    pages = [page.model_copy(update={"parsed_page": as_cells(page)}) for page in pages_read(result)]
    own = ConversionResult(input=result.input, pages=pages)
    return NativePdfPipeline._assemble_document(pipeline, own).document.model_dump_json().encode()


def as_cells(page: ReadDoclingPage) -> SegmentedPdfPage:
    assert page.parsed_page is not None
    return SegmentedPdfPage(
        dimension=page.parsed_page.dimension,
        bitmap_resources=[] if page.read.rotation else page.parsed_page.bitmap_resources,
        char_cells=[],
        word_cells=[],
        textline_cells=[
            TextCell(rect=rectangle(*line.box), text=line.text, orig=line.text, from_ocr=False) for line in page.lines
        ],
        has_lines=True,
    )


def rectangle(left: float, top: float, right: float, bottom: float) -> BoundingRectangle:
    return BoundingRectangle.from_bounding_box(
        BoundingBox(l=left, t=top, r=right, b=bottom, coord_origin=CoordOrigin.TOPLEFT)
    )


def written(result: ConversionResult) -> bytes:
    return docling_json(pages_read(result), result.input.file.name, result.input.document_hash)


@pytest.mark.parametrize("name", PAPERS)
def test_it_is_byte_for_byte_what_docling_itself_writes(converter: DocumentConverter, name: str) -> None:
    suffix = "png" if name == "picture" else "pdf"
    result = converter.convert(DocumentStream(name=f"paper.{suffix}", stream=BytesIO(PAPERS[name])))
    assert written(result) == written_by_docling(converter, result)
    kept = DoclingDocument.model_validate_json(written(result))
    assert (len(kept.pages), kept.name) == (len(result.pages), "paper")
    assert len(kept.texts) == sum(len(page.lines) for page in pages_read(result)) > 0
    assert bool(kept.pictures) == (name in ("pictures", "scan, text and a blank page"))


def test_odd_characters_and_places_are_written_as_docling_writes_them(converter: DocumentConverter) -> None:
    result = converter.convert(DocumentStream(name="odd.name.pdf", stream=BytesIO(pdf())))
    places = ((0.0, 0.0, 1e-7, 0.1), (1 / 3, 2e-5, 1e16, 1e22), (-5.5, -1e-9, 100.0, 595.2756), (12.0, 8.0, 40.0, 20.0))
    lines = [PlacedLine((PlacedWord(text, *place, confidence=0.5),)) for text in (*ODD_TEXTS, "") for place in places]
    result.pages = [page.model_copy(update={"lines": lines}) for page in pages_read(result)]
    assert written(result) == written_by_docling(converter, result)
    kept = DoclingDocument.model_validate_json(written(result))
    assert [item.text for item in kept.texts] == [text for text in ODD_TEXTS for _ in places]
    assert (kept.name, kept.pages[1].size.width) == (PurePath("odd.name.pdf").stem, pytest.approx(A5[0]))
