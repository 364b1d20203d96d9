"""A worker that does nothing but convert: what the pipeline is measured against."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import cv2
from docling.datamodel.base_models import ConversionStatus, DocumentStream
from docling.document_converter import DocumentConverter

from cira_pipeline.isolation.messages import Message
from cira_pipeline.reading.converter import open_converter
from cira_pipeline.settings import Settings


def convert(request: Message) -> Message:
    name = f"document.{request.facts['suffix']}"
    result = _converter(int(request.facts["threads"])).convert(
        DocumentStream(name=name, stream=BytesIO(request.content))
    )
    assert result.status is ConversionStatus.SUCCESS
    return Message({"pages": len(result.pages)})


@lru_cache(maxsize=1)
def _converter(threads: int) -> DocumentConverter:
    cv2.setNumThreads(threads)
    return open_converter(Settings(_env_file=None, ocr_threads=threads))
