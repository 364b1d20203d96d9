"""Docling converter for PDF and images only. Importing this module loads Docling, which takes seconds."""

from __future__ import annotations

from docling.datamodel.backend_options import PdfBackendOptions
from docling.datamodel.base_models import InputFormat
from docling.document_converter import DocumentConverter, ImageFormatOption, NativePdfFormatOption

from cira_pipeline.ocr.pipeline import InvoicePipeline, InvoicePipelineOptions
from cira_pipeline.ocr.word_cells import WordsBackend
from cira_pipeline.settings import Settings


def open_converter(settings: Settings) -> DocumentConverter:
    """A converter without Docling's own models; nothing is ever downloaded."""
    options = InvoicePipelineOptions(
        document_timeout=settings.reading_timeout_s,
        parser_threads=1,
        generate_page_images=False,
        generate_picture_images=False,
        ocr_dpi=settings.ocr_dpi,
        ocr_threads=settings.ocr_threads,
    )
    return DocumentConverter(
        allowed_formats=[InputFormat.PDF, InputFormat.IMAGE],
        format_options={
            InputFormat.PDF: NativePdfFormatOption(
                pipeline_cls=InvoicePipeline, pipeline_options=options, backend=WordsBackend
            ),
            InputFormat.IMAGE: ImageFormatOption(
                pipeline_cls=InvoicePipeline,
                pipeline_options=options,
                backend_options=PdfBackendOptions(max_image_pixels=settings.max_pixels),
            ),
        },
    )
