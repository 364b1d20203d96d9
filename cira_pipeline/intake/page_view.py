"""Renders a page of a document with PDFium or Pillow; must be called in a worker (isolated.py)."""

from __future__ import annotations

from io import BytesIO

import pypdfium2 as pdfium
from PIL import Image, ImageOps

from cira_pipeline.models import MediaType

DPI = 110
MAX_SIDE_PX = 2_200
_POINTS_PER_INCH = 72


def page_view(content: bytes, media_type: MediaType, number: int) -> Image.Image:
    """Page `number` (from 1) of a PDF, or frame of an image, in RGB, at most `MAX_SIDE_PX` pixels wide and high."""
    if media_type is MediaType.PDF:
        return _rendered(content, number)
    with Image.open(BytesIO(content)) as opened:
        opened.seek(number - 1)
        # A frame's own size is checked at intake; the output is small, whatever the input size.
        opened.draft("RGB", (MAX_SIDE_PX, MAX_SIDE_PX))
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    upright.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX))
    return upright


def _rendered(content: bytes, number: int) -> Image.Image:
    pdf = pdfium.PdfDocument(content)
    try:
        page = pdf[number - 1]
        longest_pt = max(*page.get_size(), 1.0)
        scale = min(DPI / _POINTS_PER_INCH, MAX_SIDE_PX / longest_pt)
        picture: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
        return picture
    finally:
        pdf.close()
