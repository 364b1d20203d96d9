"""An invoice as a scanner makes it: pictures of pages without any text, which only OCR can read."""

from __future__ import annotations

from io import BytesIO

import pypdfium2
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

PAGE_SIZE = (595, 842)
_DPI = 150


def scanned(pdf: bytes, *, pages: int = 1) -> bytes:
    """The first page of `pdf` as a picture; more `pages` of terms and conditions follow."""
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=PAGE_SIZE, invariant=True)
    for page in [pdf, *(_terms(number) for number in range(2, pages + 1))]:
        picture = pypdfium2.PdfDocument(page)[0].render(scale=_DPI / 72).to_pil().convert("L")
        canvas.drawImage(ImageReader(picture), 0, 0, *PAGE_SIZE)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _terms(number: int) -> bytes:
    buffer = BytesIO()
    canvas = Canvas(buffer, pagesize=PAGE_SIZE, invariant=True)
    canvas.drawString(60, 780, f"Terms of delivery, page {number}")
    for row in range(30):
        canvas.drawString(60, 740 - 20 * row, f"{number}.{row + 1} Goods stay ours until they are paid for in full.")
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()
