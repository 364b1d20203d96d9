"""Baseline of throughput: a worker that only converts documents with Docling.

`as it comes`: Docling's own native pipeline with its defaults, which draws each page for its picture. `text alone`: the
same without pictures. `CIRA's converter`: what the pipeline reads with; the only one of them that can read a scan.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import cv2
from docling.datamodel.base_models import ConversionStatus, DocumentStream, InputFormat
from docling.datamodel.pipeline_options import NativePdfPipelineOptions
from docling.document_converter import DocumentConverter, NativePdfFormatOption

from cira_pipeline.ocr.converter import open_converter
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.settings import Settings


def convert(request: Message) -> Message:
    name = f"document.{request.facts['suffix']}"
    converter = _converter(str(request.facts["yardstick"]), int(request.facts["threads"]))
    result = converter.convert(DocumentStream(name=name, stream=BytesIO(request.content)))
    assert result.status is ConversionStatus.SUCCESS
    return Message({"pages": len(result.pages)})


@lru_cache(maxsize=3)
def _converter(yardstick: str, threads: int) -> DocumentConverter:
    if yardstick == "CIRA's converter":
        cv2.setNumThreads(threads)
        return open_converter(Settings(_env_file=None, ocr_threads=threads))
    pictures = {"as it comes": True, "text alone": False}[yardstick]
    options = NativePdfPipelineOptions(generate_page_images=pictures, generate_picture_images=pictures)
    assert not pictures or options == NativePdfPipelineOptions(), "Docling's defaults changed"
    return DocumentConverter(
        allowed_formats=[InputFormat.PDF],
        format_options={InputFormat.PDF: NativePdfFormatOption(pipeline_options=options)},
    )
