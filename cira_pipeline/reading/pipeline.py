"""Docling's native PDF pipeline, with eyes: a page without usable text is read from its picture by OCR.

Importing this module loads Docling, which takes seconds; cira_pipeline.reading.local does so at the first document.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from functools import cached_property
from io import BytesIO
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from docling.backend.image_backend import ImageDocumentBackend
from docling.backend.pdf_backend import PdfPageBackend
from docling.datamodel.base_models import Page as DoclingPage
from docling.datamodel.document import ConversionResult
from docling.datamodel.pipeline_options import NativePdfPipelineOptions
from docling.pipeline.native_pdf_pipeline import NativePdfPipeline
from docling.utils.locks import pypdfium2_lock
from docling_core.types.doc.base import BoundingBox, CoordOrigin, Size
from docling_core.types.doc.page import BoundingRectangle, SegmentedPdfPage, TextCell

from cira_pipeline.errors import ReadingTimedOut
from cira_pipeline.reading.lines import PlacedLine, lines_of
from cira_pipeline.reading.native_text import native_text_usable, native_words
from cira_pipeline.reading.ocr import LONGEST_SIDE_PX, Image, OcrEngine
from cira_pipeline.reading.turning import Turn, Turned
from cira_pipeline.values import Box
from cira_pipeline.values import Page as PageRead

_POINTS_PER_INCH = 72
# A page's picture is never rendered larger than this, whatever size the PDF claims to have.
_LARGEST_RENDERING_PX = 30_000_000
_BLANK_CONTRAST = 12
_FAX_PROPORTION = 3.0


class InvoicePipelineOptions(NativePdfPipelineOptions):
    """`ocr_dpi`: resolution at which PDF pages without text are rendered. `ocr_threads`: 0 takes all processors."""

    ocr_dpi: int = 200
    ocr_threads: int = 0


class ReadDoclingPage(DoclingPage):
    """A page as Docling knows it, with what CIRA's reading needs besides."""

    read: PageRead
    lines: list[PlacedLine]


class InvoicePipeline(NativePdfPipeline):
    """Page by page: native text where it is usable, OCR where it is not; every page upright, lines in reading order."""

    def __init__(self, pipeline_options: InvoicePipelineOptions) -> None:
        super().__init__(pipeline_options)
        self._options = pipeline_options
        self._ocr_opening = threading.Lock()
        # One pipeline serves all threads; each thread reads one document at a time.
        self._document = threading.local()

    @cached_property
    def _ocr_engine(self) -> OcrEngine:
        return OcrEngine(self._options.ocr_threads)

    @property
    def _ocr(self) -> OcrEngine:
        """Loaded at the first page that needs it."""
        with self._ocr_opening:
            return self._ocr_engine

    def _build_document(self, conv_res: ConversionResult) -> ConversionResult:
        limit_s = self._options.document_timeout
        self._document.ends_at = time.monotonic() + limit_s if limit_s is not None else math.inf
        return super()._build_document(conv_res)

    def _checkpoint(self) -> None:
        if time.monotonic() > self._document.ends_at:
            raise ReadingTimedOut(f"reading took longer than {self._options.document_timeout:g} s")

    def _parse_page(
        self, timings: Any, conv_res: ConversionResult, page_backend: PdfPageBackend
    ) -> ReadDoclingPage | None:
        if isinstance(conv_res.input._backend, ImageDocumentBackend):
            _measure_in_pixels(page_backend)
        page = super()._parse_page(timings, conv_res, page_backend)
        if page is None or page.parsed_page is None or page.size is None:
            return None
        parsed = page.parsed_page
        if native_text_usable(parsed):
            words, turn, size = native_words(parsed)
            return _read_page(page, parsed, lines_of(words), "native", turn, 0.0, size)
        picture = self._picture(conv_res, page_backend)
        turned = Turned(page.size.width, page.size.height, 0)
        if _blank(picture):
            return _read_page(page, parsed, [], "empty", 0, 0.0, turned.size)
        text = self._ocr.read(picture, self._checkpoint)
        size = Turned(page.size.width, page.size.height, text.turn).size
        lines = [
            _scaled(line, size[0] / text.width, size[1] / text.height)
            for line in [*lines_of(text.words, ink_boxes=True), *text.standing]
        ]
        return _read_page(page, parsed, lines, "ocr" if lines else "empty", text.turn, text.skew_deg, size)

    def _picture(self, conv_res: ConversionResult, page_backend: PdfPageBackend) -> Image:
        """The page as a viewer shows it, BGR."""
        backend = conv_res.input._backend
        if isinstance(backend, ImageDocumentBackend):
            size = page_backend.get_size()
            scale = min(1.0, LONGEST_SIDE_PX / max(size.width, size.height))
            return np.ascontiguousarray(np.asarray(page_backend.get_page_image(scale))[:, :, ::-1])
        stream = backend.path_or_stream
        content = stream.getvalue() if isinstance(stream, BytesIO) else stream.read_bytes()
        return _rendered(content, page_backend.page_no, self._options.ocr_dpi)


def _measure_in_pixels(page_backend: Any) -> None:
    """Makes a picture's pixels its page units: the resolution pictures claim to have is often made up.

    Fax pages have pixels twice as high as wide; only that proportion is kept.
    """
    x, y = page_backend._dpi
    finest = max(x, y)
    if finest > _FAX_PROPORTION * min(x, y):
        x = y = finest
    page_backend._dpi = (_POINTS_PER_INCH * x / finest, _POINTS_PER_INCH * y / finest)


def _rendered(content: bytes, page_number: int, dpi: int) -> Image:
    with pypdfium2_lock:
        document = pdfium.PdfDocument(content)
        try:
            page = document[page_number - 1]
            width, height = page.get_size()
            scale = dpi / _POINTS_PER_INCH
            scale = min(scale, (_LARGEST_RENDERING_PX / max(width * height, 1.0)) ** 0.5)
            bitmap = page.render(scale=scale, rev_byteorder=False, prefer_bgrx=False)
            picture = bitmap.to_numpy()
            if picture.ndim == 2:
                return np.repeat(picture[:, :, None], 3, axis=2)
            if picture.shape[2] == 1:
                return np.repeat(picture, 3, axis=2)
            return np.ascontiguousarray(picture[:, :, :3])
        finally:
            document.close()


def _blank(picture: Image) -> bool:
    """Whether nothing is printed: hardly any difference between the lightest and the darkest part."""
    low, high = np.percentile(picture[::2, ::2], (0.01, 99.9))
    return bool(high - low < _BLANK_CONTRAST)


def _scaled(line: PlacedLine, x: float, y: float) -> PlacedLine:
    return PlacedLine(tuple(word.scaled(x, y) for word in line.words))


def _read_page(
    page: DoclingPage,
    parsed: SegmentedPdfPage,
    lines: list[PlacedLine],
    source: Any,
    turn: Turn,
    skew_deg: float,
    size: tuple[float, float],
) -> ReadDoclingPage:
    cells = [_cell(index, line, source) for index, line in enumerate(lines)]
    read = PageRead(number=page.page_no, width=size[0], height=size[1], source=source, rotation=turn)
    return ReadDoclingPage(
        page_no=page.page_no,
        size=Size(width=size[0], height=size[1]),
        parsed_page=SegmentedPdfPage(
            dimension=parsed.dimension,
            bitmap_resources=parsed.bitmap_resources if turn == 0 else [],
            char_cells=[],
            word_cells=[],
            textline_cells=cells,
            has_lines=True,
        ),
        read=read,
        lines=lines,
    )


def _cell(index: int, line: PlacedLine, source: str) -> TextCell:
    box = line.box
    return TextCell(
        index=index,
        rect=_rectangle(box),
        text=line.text,
        orig=line.text,
        confidence=line.confidence,
        from_ocr=source == "ocr",
    )


def _rectangle(box: Box) -> BoundingRectangle:
    return BoundingRectangle.from_bounding_box(
        BoundingBox(l=box.left, t=box.top, r=box.right, b=box.bottom, coord_origin=CoordOrigin.TOPLEFT)
    )


def pages_read(result: ConversionResult) -> Sequence[ReadDoclingPage]:
    """The pages this pipeline made."""
    return [page for page in result.pages if isinstance(page, ReadDoclingPage)]
