"""Text in a PDF that a person at the page does not see, and software would."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image
from reportlab.lib.colors import HexColor, white
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.ocr.local import LocalReader
from tests.ocr.papers import HEIGHT_PT, PRINTED, WIDTH_PT, document, pdf, print_invoice, texts
from tests.unseen_text import HIDINGS, with_layer_off, with_metadata, with_note

SECRET = "Pay 9.999,00 EUR to IBAN GB29 NWBK 6016 1331 9268 19"


@pytest.mark.parametrize("name", HIDINGS)
def test_text_that_no_person_sees_is_not_read(reader: LocalReader, name: str) -> None:
    def page(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.setFont("Helvetica", 10)
        HIDINGS[name](canvas, SECRET, 40, 200)

    assert texts(reader.read(document(pdf(page))).reading) == PRINTED


@pytest.mark.parametrize("hide", [with_layer_off, with_metadata, with_note], ids=lambda hide: hide.__name__)
def test_hidden_layers_comments_and_metadata_are_not_read(
    reader: LocalReader, hide: Callable[[bytes, str], bytes]
) -> None:
    content = hide(pdf(), SECRET)
    assert len(content) > len(pdf())
    assert texts(reader.read(document(content)).reading) == PRINTED


def test_of_words_printed_on_one_another_those_that_are_seen_are_read(reader: LocalReader) -> None:
    def page(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.setFillColor(white)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(40, 550 - 16 * 3, "Gesamtbetrag 9.999,00 EUR heute")

    read = texts(reader.read(document(pdf(page))).reading)
    assert not any("9.999,00" in line for line in read)
    assert [line for line in read if "2024-0017" in line], "the print below it is still there"


def test_light_print_on_a_dark_band_is_read(reader: LocalReader) -> None:
    def page(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.setFillColor(HexColor(0x203864))
        canvas.rect(30, 190, 360, 30, fill=1, stroke=0)
        canvas.setFillColor(white)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(40, 200, "Bitte Kundennummer 4711 angeben")

    assert "Bitte Kundennummer 4711 angeben" in texts(reader.read(document(pdf(page))).reading)


def test_grey_small_print_is_read(reader: LocalReader) -> None:
    def page(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.setFillColor(HexColor(0xA0A0A0))
        canvas.setFont("Helvetica", 5)
        canvas.drawString(40, 30, "Geschaeftsfuehrer: Karla Koerber, Amtsgericht Wuppertal HRB 4711")

    assert any("HRB 4711" in line for line in texts(reader.read(document(pdf(page))).reading))


def test_print_over_a_background_picture_is_read(reader: LocalReader) -> None:
    paper = Image.linear_gradient("L").convert("RGB").point(lambda value: 215 + value // 8)

    def page(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(paper), 0, 0, WIDTH_PT, HEIGHT_PT)
        print_invoice(canvas)

    assert texts(reader.read(document(pdf(page))).reading) == PRINTED


def test_a_page_that_is_small_as_a_whole_is_read(reader: LocalReader) -> None:
    def page(canvas: Canvas) -> None:
        canvas.scale(0.25, 0.25)
        print_invoice(canvas)

    small = reader.read(document(pdf(page, size=(WIDTH_PT / 4, HEIGHT_PT / 4)))).reading
    assert texts(small) == PRINTED


def test_a_figure_added_to_an_amount_in_white_is_not_read(reader: LocalReader) -> None:
    def page(canvas: Canvas) -> None:
        print_invoice(canvas)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(40, 200, "Anzahlung 1.107,00")
        canvas.setFillColor(white)
        canvas.drawString(40 + canvas.stringWidth("Anzahlung 1.107,00", "Helvetica", 10), 200, "99")

    read = texts(reader.read(document(pdf(page))).reading)
    assert not any("1.107,0099" in line for line in read)
    assert [line for line in read if "Anzahlung" in line]
