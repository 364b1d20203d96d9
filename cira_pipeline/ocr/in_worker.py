"""Worker function for reading. Importing this module loads Docling, which takes seconds."""

from __future__ import annotations

import gc
from functools import lru_cache

import cv2
from pydantic_core import to_json

import cira_pipeline.ocr.converter  # noqa: F401 - loaded before the first document comes
from cira_pipeline.models import Document
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.settings import Settings

SETTINGS = ("reading_timeout_s", "ocr_dpi", "ocr_threads", "max_pixels")
"""Settings on which a reading depends."""


def read(request: Message) -> Message:
    """Reads a document: `document` (without bytes) and `settings` -> `reading`, and the DoclingDocument as content."""
    document = Document(**request.facts["document"], content=request.content)
    reader = _reader(tuple((name, request.facts["settings"][name]) for name in SETTINGS))
    reading, docling_json = reader.read_unvalidated(document)
    return Message({"reading": to_json(reading).decode()}, docling_json)


@lru_cache(maxsize=2)
def _reader(given: tuple[tuple[str, float], ...]) -> LocalReader:
    settings = Settings(_env_file=None, **dict(given))  # type: ignore[arg-type]
    cv2.setNumThreads(settings.ocr_threads)
    # Docling's half a million objects stay for good; collecting among them took a tenth of the time of a text PDF.
    gc.collect()
    gc.freeze()
    return LocalReader(settings)
