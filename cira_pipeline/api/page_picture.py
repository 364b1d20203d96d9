"""A page of a document as a picture, the way it was read, with boxes where the values stand."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from io import BytesIO

import pypdfium2 as pdfium
from PIL import Image, ImageDraw, ImageOps

from cira_pipeline.errors import PageNotFound
from cira_pipeline.values import Document, Evidence, MediaType, Page

DPI = 110
MAX_SIDE_PX = 2_200
_POINTS_PER_INCH = 72
_OUTLINE, _FILL = (196, 64, 0, 255), (255, 176, 0, 70)
_WHITE = (255, 255, 255)

# PDFium is not made for threads.
_pdfium_lock = threading.Lock()


def page_png(document: Document, page: Page, evidence: Sequence[Evidence]) -> bytes:
    """PNG of `page` of `document`, turned upright and levelled as its reading has it, evidence on it boxed.

    Raises: PageNotFound for documents without pages.
    """
    picture = _as_a_viewer_shows(document, page.number)
    if page.rotation:
        picture = picture.rotate(-page.rotation, expand=True)
    if page.skew_deg:
        picture = picture.rotate(page.skew_deg, fillcolor=_WHITE, resample=Image.Resampling.BILINEAR)
    boxes = [each.box for each in evidence if each.page == page.number and each.box is not None]
    if boxes:
        x, y = picture.width / page.width, picture.height / page.height
        drawn = ImageDraw.Draw(picture, "RGBA")
        for box in boxes:
            corners = (box.left * x - 2, box.top * y - 2, box.right * x + 2, box.bottom * y + 2)
            # A box of a broken reading may be turned inside out, which cannot be drawn.
            if corners[0] <= corners[2] and corners[1] <= corners[3]:
                drawn.rectangle(corners, fill=_FILL, outline=_OUTLINE, width=2)
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _as_a_viewer_shows(document: Document, number: int) -> Image.Image:
    if document.media_type is MediaType.XML or not 1 <= number <= document.page_count:
        raise PageNotFound(f"the document has {document.page_count} page(s), there is no page {number}")
    if document.media_type is MediaType.PDF:
        return _rendered(document.content, number)
    with Image.open(BytesIO(document.content)) as opened:
        opened.seek(number - 1)
        # A frame's own size is checked at intake; what goes out is small, whatever came in.
        opened.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    return upright


def _rendered(content: bytes, number: int) -> Image.Image:
    with _pdfium_lock:
        pdf = pdfium.PdfDocument(content)
        try:
            page = pdf[number - 1]
            longest_pt = max(*page.get_size(), 1.0)
            scale = min(DPI / _POINTS_PER_INCH, MAX_SIDE_PX / longest_pt)
            picture: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
            return picture
        finally:
            pdf.close()
