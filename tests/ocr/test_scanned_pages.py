"""Pages that are pictures: scans, faxes, photographs."""

from __future__ import annotations

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.models import MediaType
from cira_pipeline.ocr.local import LocalReader
from tests.ocr.papers import (
    HEIGHT_PT,
    PRINTED,
    document,
    encoded,
    joined_pdf,
    pdf,
    print_invoice,
    scan,
    scanned_page,
    texts,
)

ORIENTATION = 0x0112


def test_a_scan_reads_as_it_was_printed(reader: LocalReader) -> None:
    """Spaces, decimal commas and columns included."""
    reading = reader.read(document(pdf(scanned_page(scan())))).reading
    assert texts(reading) == PRINTED
    assert reading.pages[0].source == "ocr"
    assert all(0.5 <= line.confidence <= 1 for line in reading.lines)


def test_words_of_a_scan_stand_where_they_are_printed(reader: LocalReader) -> None:
    printed = reader.read(document(pdf())).reading
    scanned = reader.read(document(pdf(scanned_page(scan())))).reading
    for truth, line in zip(printed.lines, scanned.lines, strict=True):
        assert [word.text for word in line.words] == [word.text for word in truth.words]
        for expected, word in zip(truth.words, line.words, strict=True):
            assert word.box.left == pytest.approx(expected.box.left, abs=2.5)
            assert word.box.right == pytest.approx(expected.box.right, abs=2.5)
            assert word.box.top == pytest.approx(expected.box.top, abs=2.5)
            assert word.box.bottom == pytest.approx(expected.box.bottom, abs=2.5)


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_a_page_laid_wrongly_on_the_scanner_is_turned_upright(reader: LocalReader, clockwise: int) -> None:
    picture = encoded(scan(clockwise=clockwise), "PNG")
    reading = reader.read(document(picture, MediaType.PNG)).reading
    assert texts(reading) == PRINTED
    page = reading.pages[0]
    assert (page.rotation, page.width < page.height) == (360 - clockwise, True)


@pytest.mark.parametrize("skew_deg", [-2.0, 1.2])
def test_a_page_laid_askew_keeps_its_rows(reader: LocalReader, skew_deg: float) -> None:
    reading = reader.read(document(encoded(scan(skew_deg=skew_deg), "PNG"), MediaType.PNG)).reading
    assert texts(reading) == PRINTED
    assert reading.pages[0].skew_deg == pytest.approx(skew_deg, abs=0.2)


def test_a_photo_held_sideways_is_read_as_its_camera_says(reader: LocalReader) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    stored = scan().transpose(Image.Transpose.ROTATE_90)
    photo = encoded(stored, "JPEG", exif=exif, quality=90, dpi=(300, 300))
    reading = reader.read(document(photo, MediaType.JPEG)).reading
    assert texts(reading) == PRINTED
    page = reading.pages[0]
    assert (page.rotation, page.width, page.height) == (0, stored.height, stored.width)


def test_every_frame_of_a_tiff_is_a_page(reader: LocalReader) -> None:
    first = scan(pdf(lambda canvas: canvas.drawString(40, 500, "Seite eins von zwei")))
    second = scan(pdf(lambda canvas: canvas.drawString(40, 500, "Seite zwei von zwei")))
    frames = encoded([first, second], "TIFF", compression="tiff_deflate")
    reading = reader.read(document(frames, MediaType.TIFF, page_count=2)).reading
    assert (texts(reading, 1), texts(reading, 2)) == (["Seite eins von zwei"], ["Seite zwei von zwei"])


def test_a_fax_with_oblong_pixels_is_read(reader: LocalReader) -> None:
    picture = scan(dpi=204)
    fax = picture.resize((picture.width, picture.height // 2)).point(lambda value: 255 * (value > 128)).convert("1")
    content = encoded(fax, "TIFF", compression="group4", dpi=(204, 102))
    read = texts(reader.read(document(content, MediaType.TIFF)).reading)
    assert [text for text in PRINTED if text not in read] == []


def test_print_on_a_transparent_picture_is_read(reader: LocalReader) -> None:
    grey = scan()
    picture = Image.merge("LA", (Image.new("L", grey.size, 0), grey.point(lambda value: 255 - value)))
    assert texts(reader.read(document(encoded(picture, "PNG"), MediaType.PNG)).reading) == PRINTED


def test_white_print_on_a_dark_bar_is_read(reader: LocalReader) -> None:
    def dark_bar(canvas: Canvas) -> None:
        canvas.setFillGray(0.15)
        canvas.rect(30, 440, 350, 24, fill=1, stroke=0)
        canvas.setFillGray(1)
        canvas.setFont("Helvetica", 11)
        canvas.drawString(40, 448, "Rechnungsbetrag")
        canvas.drawRightString(370, 448, "2.480,75")

    read = texts(reader.read(document(encoded(scan(pdf(dark_bar)), "PNG"), MediaType.PNG)).reading)
    assert read == ["Rechnungsbetrag", "2.480,75"]


def test_each_page_is_read_in_its_own_way(reader: LocalReader) -> None:
    mixed = joined_pdf(pdf(), pdf(scanned_page(scan())), blank_last=True)
    reading = reader.read(document(mixed, page_count=3)).reading
    assert [page.source for page in reading.pages] == ["native", "ocr", "empty"]
    assert (texts(reading, 1), texts(reading, 2), texts(reading, 3)) == (PRINTED, PRINTED, [])


def test_a_stamp_on_a_scan_does_not_hide_the_scan(reader: LocalReader) -> None:
    def stamped(canvas: Canvas) -> None:
        scanned_page(scan())(canvas)
        canvas.setFont("Helvetica", 10)
        canvas.drawString(220, HEIGHT_PT - 30, "Eingegangen 05.04.2024")

    reading = reader.read(document(pdf(stamped))).reading
    assert texts(reading) == ["Eingegangen 05.04.2024", *PRINTED]


def test_a_long_stamp_on_a_scan_does_not_hide_the_scan(reader: LocalReader) -> None:
    def stamped(canvas: Canvas) -> None:
        scanned_page(scan())(canvas)
        canvas.setFont("Helvetica", 7)
        for row in range(3):
            canvas.drawString(
                120, HEIGHT_PT - 12 - 9 * row, f"Eingang {row} Poststelle Halle 4, geprueft und weitergeleitet, {row}"
            )

    read = texts(reader.read(document(pdf(stamped))).reading)
    assert [text for text in PRINTED if text not in read] == []
    assert sum("Poststelle" in text for text in read) == 3


def test_text_whose_font_does_not_say_its_letters_is_read_from_the_picture(reader: LocalReader) -> None:
    def garbage_over_print(canvas: Canvas) -> None:
        scanned_page(scan())(canvas)
        canvas.setFont("Helvetica", 4)
        for row in range(30):
            canvas.drawString(5, 8 + row, "(cid:12)(cid:33)(cid:7)(cid:41)(cid:12)(cid:9)")

    reading = reader.read(document(pdf(garbage_over_print))).reading
    assert reading.pages[0].source == "ocr"
    assert "1.411,94" in texts(reading)


def test_a_page_of_two_print_sizes_keeps_its_amounts(reader: LocalReader) -> None:
    """Small print is enlarged before it is read: at 72 dpi a point of print is a pixel."""

    def small(canvas: Canvas) -> None:
        print_invoice(canvas)

    read = texts(reader.read(document(encoded(scan(pdf(small), dpi=100), "PNG"), MediaType.PNG)).reading)
    assert [amount for amount in ("1.107,00", "1.186,50", "225,44", "1.411,94") if amount not in read] == []
