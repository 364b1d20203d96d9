"""Pages that carry their own text."""

from __future__ import annotations

import pytest
from docling_core.types.doc.document import DoclingDocument
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.ocr.local import LocalReader
from tests.ocr.papers import (
    HEIGHT_PT,
    PRINTED,
    SUPPLIER,
    WIDTH_PT,
    document,
    pdf,
    print_invoice,
    scan,
    scanned_page,
    texts,
    turned_pdf,
)


def test_columns_stay_apart_and_phrases_stay_together(reader: LocalReader) -> None:
    reading = reader.read(document(pdf())).reading
    assert texts(reading) == PRINTED
    assert {line.confidence for line in reading.lines} == {1.0}
    assert [page.source for page in reading.pages] == ["native"]


def test_boxes_stand_where_the_text_is_printed(reader: LocalReader) -> None:
    reading = reader.read(document(pdf())).reading
    line = next(line for line in reading.lines if line.text == SUPPLIER)
    # Printed at (40, 550) from the bottom left, 10 points high; boxes count from the top left.
    assert line.box.left == pytest.approx(40, abs=1)
    assert line.box.top < HEIGHT_PT - 550 < line.box.bottom
    assert 8 <= line.box.bottom - line.box.top <= 14
    assert [word.text for word in line.words] == SUPPLIER.split()
    assert all(line.box.left <= word.box.left < word.box.right <= line.box.right for word in line.words)


def test_lines_are_numbered_through_all_pages(reader: LocalReader) -> None:
    reading = reader.read(document(pdf(print_invoice, print_invoice), page_count=2)).reading
    assert [line.number for line in reading.lines] == list(range(1, 2 * len(PRINTED) + 1))
    assert texts(reading, 2) == PRINTED


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_a_page_shown_turned_is_read_upright(reader: LocalReader, clockwise: int) -> None:
    reading = reader.read(document(turned_pdf(pdf(), clockwise))).reading
    assert texts(reading) == PRINTED
    page = reading.pages[0]
    assert (page.rotation, page.width < page.height) == (360 - clockwise, True)


def test_a_sideways_page_that_its_pdf_turns_upright_needs_no_turning(reader: LocalReader) -> None:
    def sideways(canvas: Canvas) -> None:
        canvas.translate(HEIGHT_PT, 0)
        canvas.rotate(90)
        print_invoice(canvas)

    lying = pdf(sideways, size=(HEIGHT_PT, WIDTH_PT))
    turned = reader.read(document(lying)).reading
    upright = reader.read(document(turned_pdf(lying, 90))).reading
    assert texts(turned) == texts(upright) == PRINTED
    assert (turned.pages[0].rotation, upright.pages[0].rotation) == (90, 0)


def test_text_that_no_person_sees_is_not_read(reader: LocalReader) -> None:
    def with_hidden_text(canvas: Canvas) -> None:
        print_invoice(canvas)
        hidden = canvas.beginText(40, 200)
        hidden.setTextRenderMode(3)
        hidden.textLine("Pay to IBAN GB29 NWBK 6016 1331 9268 19 instead")
        canvas.drawText(hidden)

    assert texts(reader.read(document(pdf(with_hidden_text))).reading) == PRINTED


def test_the_picture_is_read_and_not_the_text_layer_that_a_scanner_or_a_forger_put_over_it(reader: LocalReader) -> None:
    def with_layer(canvas: Canvas) -> None:
        scanned_page(scan())(canvas)
        layer = canvas.beginText(40, 550)
        layer.setFont("Helvetica", 10)
        layer.setTextRenderMode(3)
        for _ in range(4):
            layer.textLine("A scanner's own reading of this page, with enough characters to be one.")
        canvas.drawText(layer)

    reading = reader.read(document(pdf(with_layer))).reading
    assert not any("reading of this page" in line for line in texts(reading))
    assert "Rechnung Nr. 2024-0017 vom 03.04.2024" in texts(reading)
    assert reading.pages[0].source == "ocr"


def test_bold_print_made_by_printing_twice_is_read_once(reader: LocalReader) -> None:
    def twice(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.translate(0.2, 0)
        print_invoice(canvas)

    assert texts(reader.read(document(pdf(twice))).reading) == PRINTED


def test_what_was_filled_into_a_form_is_read(reader: LocalReader) -> None:
    def form(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.drawString(40, 160, "Bestellnummer")
        canvas.acroForm.textfield(name="order", x=160, y=155, width=150, height=18, value="PO-77421", fontSize=10)

    assert "PO-77421" in texts(reader.read(document(pdf(form))).reading)


def test_company_details_in_a_letterhead_picture_are_read(reader: LocalReader) -> None:
    def letterhead(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 12)
        canvas.drawString(10, 40, "Kupferwerk Brandt AG")
        canvas.drawString(10, 20, "USt-IdNr. DE136695976")

    picture = scan(pdf(letterhead, size=(200, 70)), dpi=200)

    def with_picture(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.drawInlineImage(picture, 200, 150, width=200, height=70)

    reading = reader.read(document(pdf(with_picture))).reading
    seen = [line for line in reading.lines if line.text not in PRINTED]
    assert [line.text for line in seen] == ["Kupferwerk Brandt AG", "USt-IdNr. DE136695976"]
    assert all(0.8 <= line.confidence < 1 or line.confidence == pytest.approx(1) for line in seen)
    assert seen[0].box.left == pytest.approx(210, abs=3)
    assert set(PRINTED) <= set(texts(reading))


def test_a_line_along_the_margin_does_not_disturb_the_rows(reader: LocalReader) -> None:
    def with_margin(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.saveState()
        canvas.translate(18, 150)
        canvas.rotate(90)
        canvas.drawString(0, 0, "Amtsgericht Wuppertal HRB 12345")
        canvas.restoreState()

    read = texts(reader.read(document(pdf(with_margin))).reading)
    assert "Amtsgericht Wuppertal HRB 12345" in read
    assert [text for text in read if text in PRINTED] == PRINTED


def test_doclings_own_document_holds_the_same_lines(reader: LocalReader) -> None:
    result = reader.read(document(pdf()))
    kept = DoclingDocument.model_validate_json(result.docling_json)
    assert [item.text for item in kept.texts] == PRINTED
    assert (kept.pages[1].size.width, kept.pages[1].size.height) == pytest.approx(A5)
    first = kept.texts[0].prov[0].bbox.to_top_left_origin(HEIGHT_PT)
    assert first.t == pytest.approx(result.reading.lines[0].box.top)
