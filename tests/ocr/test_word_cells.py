"""Words are taken from docling-parse past Docling's own models: they must be the words those would hold."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from docling.backend.docling_parse_backend import ThreadedDoclingParseDocumentBackend
from docling.datamodel.base_models import InputFormat
from docling.datamodel.document import InputDocument
from docling_core.types.doc.page import PdfTextCell, TextCell
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.ocr.word_cells import WordCell, WordsBackend
from tests.ocr.papers import pdf, print_invoice, turned_pdf


def in_all_directions(canvas: Canvas) -> None:
    print_invoice(canvas)
    for turn in range(0, 360, 15):
        canvas.saveState()
        canvas.translate(200, 300)
        canvas.rotate(turn)
        canvas.drawString(20, 0, f"Ärger {turn}°")
        canvas.restoreState()
    unpainted = canvas.beginText(40, 200)
    for mode in (3, 7, 1):
        unpainted.setTextRenderMode(mode)
        unpainted.textLine(f"mode {mode}")
    canvas.drawText(unpainted)


def pages_of(content: bytes, backend: type[ThreadedDoclingParseDocumentBackend]) -> list:
    document = InputDocument(BytesIO(content), InputFormat.PDF, backend, filename="paper.pdf")
    backend_of_pages: Any = document._backend
    return sorted(backend_of_pages.iter_pages(), key=lambda page: page.page_no)


def as_models_say(cell: TextCell) -> WordCell:
    assert isinstance(cell, PdfTextCell)
    box = cell.rect.to_bounding_box()
    return WordCell(
        text=cell.text,
        box=(box.l, box.t, box.r, box.b),
        height=float(cell.rect.height),
        angle_deg=cell.rect.angle_360,
        unpainted=cell.rendering_mode in (3, 7),
    )


@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
def test_words_are_those_of_doclings_own_models(clockwise: int) -> None:
    content = turned_pdf(pdf(in_all_directions, print_invoice), clockwise)
    (first, second), (own, _) = (
        pages_of(content, backend) for backend in (WordsBackend, ThreadedDoclingParseDocumentBackend)
    )
    assert first.word_cells == [as_models_say(cell) for cell in own.get_segmented_page().word_cells]
    assert [cell.text for cell in first.word_cells if cell.unpainted] == ["mode", "3", "mode", "7"]
    assert len({cell.angle_deg for cell in first.word_cells}) > 20
    assert second.word_cells
    assert first.get_segmented_page().dimension == own.get_segmented_page().dimension
