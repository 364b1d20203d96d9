"""Page image with boxes around the extracted values."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from PIL import Image, ImageDraw

from cira_pipeline.models import Evidence, Page

_OUTLINE, _FILL = (196, 64, 0, 255), (255, 176, 0, 70)
_WHITE = (255, 255, 255)


def page_png(picture: Image.Image, page: Page, evidence: Sequence[Evidence]) -> bytes:
    """`picture` (a rendered page) as PNG, rotated and deskewed as it was read, with a box around each evidence."""
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
            # A wrong reading may have an inverted box, which cannot be drawn.
            if corners[0] <= corners[2] and corners[1] <= corners[3]:
                drawn.rectangle(corners, fill=_FILL, outline=_OUTLINE, width=2)
    buffer = BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
