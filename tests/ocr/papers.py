"""Invoices on paper for these tests: printed as PDF, scanned, turned, photographed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import pypdfium2 as pdfium
from PIL import Image
from pypdf import PdfReader, PdfWriter
from reportlab.lib.pagesizes import A5
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from cira_pipeline.models import Document, MediaType, Reading

WIDTH_PT, HEIGHT_PT = A5
SUPPLIER = "Schmiede Körber GmbH"
TABLE = (
    ("Beschreibung", "Menge", "Preis", "Betrag"),
    ("Hammer aus Stahl", "3", "12,50", "37,50"),
    ("Nägel, 500 Stück", "10", "4,20", "42,00"),
    ("Lieferung", "1", "1.107,00", "1.107,00"),
)
TOTALS = (("Nettobetrag", "1.186,50"), ("19 % MwSt.", "225,44"), ("Gesamtbetrag EUR", "1.411,94"))
SENTENCE = "Zahlbar ohne Abzug innerhalb von 30 Tagen auf IBAN DE89 3704 0044 0532 0130 00."


def print_invoice(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 10)
    for row, text in enumerate((SUPPLIER, "Ambossweg 7", "42103 Wuppertal", "Rechnung Nr. 2024-0017 vom 03.04.2024")):
        canvas.drawString(40, 550 - 16 * row, text)
    for row, (what, *figures) in enumerate(TABLE):
        canvas.drawString(40, 440 - 18 * row, what)
        for right, figure in zip((210, 290, 380), figures, strict=True):
            canvas.drawRightString(right, 440 - 18 * row, figure)
    for row, (label, amount) in enumerate(TOTALS):
        canvas.drawString(220, 340 - 16 * row, label)
        canvas.drawRightString(380, 340 - 16 * row, amount)
    canvas.setFont("Helvetica", 9)
    canvas.drawString(40, 60, SENTENCE)


def pdf(*pages: Callable[[Canvas], None], size: tuple[float, float] = A5) -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=size)
    for page in pages or (print_invoice,):
        page(canvas)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def turned_pdf(content: bytes, clockwise: int) -> bytes:
    """Every page shown turned, by its /Rotate."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(content)))
    for page in writer.pages:
        page.rotate(clockwise)
    return written(writer)


def joined_pdf(*contents: bytes, blank_last: bool = False) -> bytes:
    writer = PdfWriter()
    for content in contents:
        for page in PdfReader(BytesIO(content)).pages:
            writer.add_page(page)
    if blank_last:
        writer.add_blank_page(WIDTH_PT, HEIGHT_PT)
    return written(writer)


def scan(content: bytes | None = None, *, dpi: int = 130, clockwise: int = 0, skew_deg: float = 0.0) -> Image.Image:
    """The first page as a greyscale scan. `skew_deg` > 0: its lines fall to the right."""
    picture = pdfium.PdfDocument(content or pdf())[0].render(scale=dpi / 72).to_pil().convert("L")
    if skew_deg:
        picture = picture.rotate(-skew_deg, resample=Image.Resampling.BICUBIC, fillcolor=255)
    return picture.rotate(-clockwise, expand=True)


def scanned_page(picture: Image.Image) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(picture), 0, 0, *canvas._pagesize)

    return draw


def encoded(pictures: Image.Image | Sequence[Image.Image], kind: str, **options: Any) -> bytes:
    first, *others = [pictures] if isinstance(pictures, Image.Image) else pictures
    buffer = BytesIO()
    if others:
        options |= {"save_all": True, "append_images": others}
    first.save(buffer, kind, **options)
    return buffer.getvalue()


def document(content: bytes, media_type: MediaType = MediaType.PDF, page_count: int = 1) -> Document:
    return Document(
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=media_type,
        size_bytes=len(content),
        page_count=page_count,
        content=content,
    )


def texts(reading: Reading, page: int = 1) -> list[str]:
    return [line.text for line in reading.lines if line.page == page]


PRINTED = [
    SUPPLIER,
    "Ambossweg 7",
    "42103 Wuppertal",
    "Rechnung Nr. 2024-0017 vom 03.04.2024",
    *(cell for row in TABLE for cell in row),
    *(cell for row in TOTALS for cell in row),
    SENTENCE,
]
"""The lines of `print_invoice`, in reading order."""


def written(writer: PdfWriter) -> bytes:
    buffer = BytesIO()
    writer.write(buffer)
    return buffer.getvalue()
