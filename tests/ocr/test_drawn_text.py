"""Words stand where the viewer draws them, which is not always where their font's widths add up to."""

from __future__ import annotations

from io import BytesIO

import pypdfium2 as pdfium
import pytest
from pypdf import PdfReader, PdfWriter
from reportlab.lib.colors import white
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.ocr.drawn_text import DrawnText
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.ocr.rapidocr_pages import OcrEngine
from cira_pipeline.ocr.turning import Turn, Turned
from cira_pipeline.ocr.word_cells import WordsBackend
from tests.ocr.papers import HEIGHT_PT, WIDTH_PT, document, pdf, print_invoice, texts, turned_pdf, written
from tests.ocr.test_word_cells import pages_of

FONT, SIZE_PT = "Helvetica", 9.0
BEFORE = "Échéance à réception : réglez l'intégralité en rappelant la référence "
WORD = "F000029"
LEFT, RIGHT = (40 + stringWidth(text, FONT, SIZE_PT) for text in (BEFORE, BEFORE + WORD))
FROM_TOP = HEIGHT_PT - 200
HALF_A_POINT = 0.5


def with_accents(canvas: Canvas) -> None:
    print_invoice(canvas)
    canvas.setFont(FONT, SIZE_PT)
    canvas.drawString(40, 200, BEFORE + WORD + ".")


@pytest.mark.parametrize("clockwise", [0, 90, 180, 270])
def test_a_word_is_found_where_a_viewer_shows_it(clockwise: Turn) -> None:
    with pdfium.PdfDocument(turned_pdf(pdf(print_invoice, with_accents), clockwise)) as opened:
        [characters] = DrawnText(opened, 2).places(WORD)
    assert len(characters) == len(WORD)
    shown = Turned(WIDTH_PT, HEIGHT_PT, clockwise).box(LEFT, FROM_TOP - SIZE_PT, RIGHT, FROM_TOP + SIZE_PT / 3)
    found = tuple(limit(box[side] for box in characters) for side, limit in enumerate((min, min, max, max)))
    along, across = ((0, 2), (1, 3)) if clockwise in (0, 180) else ((1, 3), (0, 2))
    assert [found[side] for side in along] == pytest.approx([shown[side] for side in along], abs=HALF_A_POINT)
    assert [found[side] for side in across] == pytest.approx([shown[side] for side in across], abs=SIZE_PT / 3)


def test_a_place_is_counted_from_the_corner_of_what_is_shown() -> None:
    writer = PdfWriter()
    for page in PdfReader(BytesIO(pdf(with_accents))).pages:
        page.cropbox.lower_left, page.cropbox.upper_right = (30, 100), (WIDTH_PT, HEIGHT_PT - 50)
        writer.add_page(page)
    with pdfium.PdfDocument(written(writer)) as opened:
        [characters] = DrawnText(opened, 1).places(WORD)
    left, top, _, bottom = characters[0]
    assert left == pytest.approx(LEFT - 30, abs=HALF_A_POINT)
    assert top < FROM_TOP - 50 < bottom


def test_no_ocr_has_to_say_whether_a_word_that_the_viewer_put_elsewhere_is_seen(
    reader: LocalReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = pdf(with_accents)
    [page] = pages_of(content, WordsBackend)
    [cell] = [cell for cell in page.word_cells if cell.text.startswith(WORD)]
    assert cell.box[0] > LEFT + SIZE_PT, "docling-parse has it where it should be: this shows nothing any more"

    def no_ocr(*given: object) -> None:
        raise AssertionError("OCR was asked")

    monkeypatch.setattr(OcrEngine, "read_upright", no_ocr)
    assert f"{BEFORE}{WORD}." in texts(reader.read(document(content)).reading)


def test_a_figure_in_white_at_the_end_of_such_a_word_is_not_read(reader: LocalReader) -> None:
    def page(canvas: Canvas) -> None:
        with_accents(canvas)
        canvas.setFillColor(white)
        canvas.drawString(RIGHT, 200, "99")

    read = texts(reader.read(document(pdf(page))).reading)
    assert not any(f"{WORD}9" in line for line in read)
    assert [line for line in read if "rappelant" in line]


def test_a_word_in_white_beside_a_like_one_that_is_seen_is_not_read(reader: LocalReader) -> None:
    def page(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.setFont(FONT, SIZE_PT)
        canvas.drawString(40, 200, f"{WORD}7")
        canvas.setFillColor(white)
        canvas.drawString(40, 180, WORD)

    read = texts(reader.read(document(pdf(page))).reading)
    assert f"{WORD}7" in read
    assert WORD not in read
