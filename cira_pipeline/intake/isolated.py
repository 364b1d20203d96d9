"""Recognises documents and renders their pages in worker processes, where a hostile file does no harm."""

from __future__ import annotations

import hashlib

from PIL import Image

from cira_pipeline.errors import PageNotFound
from cira_pipeline.intake.recognise import harmless, recognise
from cira_pipeline.models import Document, MediaType
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool, worker_pool
from cira_pipeline.settings import Settings


class Recogniser:
    """Runs `recognise` in a worker process, or here for bytes that are safe to open (`harmless`)."""

    def __init__(
        self, settings: Settings, pool: WorkerPool, *, call: str = "cira_pipeline.intake.in_worker:recognised"
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._call = call

    def __call__(self, content: bytes) -> Document:
        """Recognises the document. Raises: as `recognise`, and DocumentTooSlow, ReadingTimedOut, ReadingCrashed,
        ReadingOutOfMemory.
        """
        limits = {"max_pages": self._settings.max_pages, "max_pixels": self._settings.max_pixels}
        if harmless(content):
            return recognise(content, **limits)
        answer = self._pool.ask(
            Message({"call": self._call, **limits}, content), timeout_s=self._settings.recognition_timeout_s
        )
        return Document(
            sha256=hashlib.sha256(content).hexdigest(),
            media_type=MediaType(answer.facts["media_type"]),
            size_bytes=len(content),
            page_count=int(answer.facts["page_count"]),
            content=content,
        )


def recogniser_from_settings(settings: Settings, *, reads: bool = True) -> Recogniser:
    """The recogniser; starts no process before the first PDF or image. `reads`: this process also reads documents."""
    return Recogniser(settings, worker_pool(settings, reads=reads))


def view_page(document: Document, number: int, settings: Settings) -> Image.Image:
    """Page `number` (from 1) as a viewer shows it, in RGB, rendered in a worker process.

    Raises: PageNotFound for documents without such a page; DocumentTooSlow, ReadingTimedOut, ReadingCrashed,
    ReadingOutOfMemory.
    """
    if document.media_type is MediaType.XML or not 1 <= number <= document.page_count:
        raise PageNotFound(f"the document has {document.page_count} page(s), page {number} does not exist")
    request = Message(
        {"call": "cira_pipeline.intake.in_worker:viewed", "media_type": document.media_type, "number": number},
        document.content,
    )
    answer = worker_pool(settings, reads=False).ask(request, timeout_s=settings.recognition_timeout_s)
    # Pixels and no file format: the worker's answer is not parsed.
    return Image.frombytes("RGB", (int(answer.facts["width"]), int(answer.facts["height"])), answer.content)
