"""Pages as small pictures, turned as they were read, so that boxes of a reading lie where they belong."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from typing import Final

import pypdfium2
from PIL import Image, ImageSequence

from cira_pipeline.values import Page

_DPI: Final = 96
_LONGEST_PX: Final = 1_200
_QUALITY: Final = 60


def page_data_url(file: Path, page: Page) -> str:
    """The page of `file` (a PDF or a picture) as a `data:` URL of a JPEG. Raises: OSError, PdfiumError."""
    picture = _picture(file, page.number).convert("RGB")
    if page.rotation:
        picture = picture.rotate(-page.rotation, expand=True)
    picture.thumbnail((_LONGEST_PX, _LONGEST_PX))
    content = BytesIO()
    picture.save(content, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode('ascii')}"


def _picture(file: Path, number: int) -> Image.Image:
    if file.suffix.lower() == ".pdf":
        with pypdfium2.PdfDocument(file) as document:
            picture: Image.Image = document[number - 1].render(scale=_DPI / 72).to_pil()
            return picture
    with Image.open(file) as opened:
        return next(
            frame.copy() for index, frame in enumerate(ImageSequence.Iterator(opened), start=1) if index == number
        )
