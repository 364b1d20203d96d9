"""A worker that does nothing but convert: what the pipeline is measured against.

Text PDFs are converted by Docling as it comes; scans by CIRA's converter, since Docling without torch reads none.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import cv2
from docling.datamodel.base_models import ConversionStatus, DocumentStream, InputFormat
from docling.document_converter import DocumentConverter, NativePdfFormatOption

from cira_pipeline.isolation.messages import Message
from cira_pipeline.reading.converter import open_converter
from cira_pipeline.settings import Settings


def convert(request: Message) -> Message:
    name = f"document.{request.facts['suffix']}"
    converter = _stock() if request.facts["stock"] else _with_ocr(int(request.facts["threads"]))
    result = converter.convert(DocumentStream(name=name, stream=BytesIO(request.content)))
    assert result.status is ConversionStatus.SUCCESS
    return Message({"pages": len(result.pages)})


@lru_cache(maxsize=1)
def _stock() -> DocumentConverter:
    return DocumentConverter(
        allowed_formats=[InputFormat.PDF], format_options={InputFormat.PDF: NativePdfFormatOption()}
    )


@lru_cache(maxsize=1)
def _with_ocr(threads: int) -> DocumentConverter:
    cv2.setNumThreads(threads)
    return open_converter(Settings(_env_file=None, ocr_threads=threads))
