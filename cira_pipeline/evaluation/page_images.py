"""Renders pages as small JPEG images, rotated as they were read, so that the boxes of the reading match.

Rendering takes place in a worker process: a document that crashes PDFium or Pillow loses only its own image.
"""

from __future__ import annotations

import base64
import logging
from io import BytesIO
from pathlib import Path
from typing import Final

import pypdfium2
from PIL import Image

from cira_pipeline.errors import CiraError
from cira_pipeline.models import Page
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool, worker_pool
from cira_pipeline.settings import Settings

_log = logging.getLogger(__name__)

_DPI: Final = 96
_LONGEST_PX: Final = 1_200
_QUALITY: Final = 60


class PagePictures:
    """Renders pages of files in the workers of `pool`."""

    def __init__(self, pool: WorkerPool, *, timeout_s: float, call: str = f"{__name__}:render_page") -> None:
        self._pool = pool
        self._timeout_s = timeout_s
        self._call = call

    def data_url(self, file: Path, page: Page) -> str | None:
        """`page` of `file` (a PDF or an image) as a `data:` URL of a JPEG; `None` where it cannot be rendered."""
        try:
            content = file.read_bytes()
            is_pdf = file.suffix.lower() == ".pdf"
            facts = {"call": self._call, "is_pdf": is_pdf, "number": page.number, "rotation": page.rotation}
            picture = self._pool.ask(Message(facts, content), timeout_s=self._timeout_s).content
        except (OSError, CiraError):
            _log.warning("page %d of %s cannot be rendered", page.number, file, exc_info=True)
            return None
        return f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}"


def page_pictures(settings: Settings) -> PagePictures:
    """The renderer for `settings`; its worker process starts with the first image."""
    return PagePictures(worker_pool(settings, reads=False), timeout_s=settings.recognition_timeout_s)


def render_page(request: Message) -> Message:
    """Runs in the worker: renders one page of a file as JPEG.

    `request.facts`: `is_pdf`, `number` (from 1) and `rotation` (degrees, as the page was read); `request.content`: the
    file. Returns: the bytes of the JPEG as content.
    """
    number = int(request.facts["number"])
    picture = _page(request.content, number) if request.facts["is_pdf"] else _frame(request.content, number)
    picture.thumbnail((_LONGEST_PX, _LONGEST_PX))
    upright = picture.convert("RGB")
    if request.facts["rotation"]:
        upright = upright.rotate(-float(request.facts["rotation"]), expand=True)
    content = BytesIO()
    upright.save(content, "JPEG", quality=_QUALITY, optimize=True)
    return Message({}, content.getvalue())


def _page(pdf: bytes, number: int) -> Image.Image:
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[number - 1]
        # A page may declare a size of several metres.
        scale = min(_DPI / 72, _LONGEST_PX / max(*page.get_size(), 1.0))
        picture: Image.Image = page.render(scale=scale).to_pil()
        return picture


def _frame(picture: bytes, number: int) -> Image.Image:
    opened = Image.open(BytesIO(picture))
    opened.seek(number - 1)
    return opened
