"""Docling's native PDF pipeline with OCR: a page without usable native text is read from its rendered image.

Importing this module loads Docling, which takes seconds; cira_pipeline.ocr.local does so at the first document.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from io import BytesIO
from typing import Any, Literal

import numpy as np
import pypdfium2 as pdfium
from docling.backend.image_backend import ImageDocumentBackend
from docling.backend.pdf_backend import PdfPageBackend
from docling.datamodel.base_models import Page as DoclingPage
from docling.datamodel.document import ConversionResult
from docling.datamodel.pipeline_options import NativePdfPipelineOptions
from docling.pipeline.native_pdf_pipeline import NativePdfPipeline
from docling.utils.locks import pypdfium2_lock
from docling_core.types.doc.base import Size
from docling_core.types.doc.page import SegmentedPdfPage
from pydantic import SkipValidation
from rapidfuzz.fuzz import ratio
from rapidfuzz.utils import default_process

from cira_pipeline.errors import ReadingTimedOut
from cira_pipeline.models import Page as PageRead
from cira_pipeline.ocr.lines import PlacedLine, PlacedWord, in_reading_order, lines_of
from cira_pipeline.ocr.native_text import NativeText, native_text, native_text_usable
from cira_pipeline.ocr.page_content import damage_of
from cira_pipeline.ocr.page_pictures import Region, inside, picture_regions, without_words
from cira_pipeline.ocr.rapidocr_pages import LONGEST_SIDE_PX, Image, OcrEngine, turned_image
from cira_pipeline.ocr.turning import Turned
from cira_pipeline.ocr.visibility import PageVisibility, RenderBuffer, page_visibility
from cira_pipeline.ocr.word_cells import WordsPageBackend
from cira_pipeline.sandbox.messages import step_begins

Source = Literal["native", "ocr", "empty"]

_POINTS_PER_INCH = 72
# A page is never rendered larger than this, whatever size the PDF declares.
_LARGEST_RENDERING_PX = 30_000_000
_BLANK_CONTRAST = 12
_FAX_PROPORTION = 3.0
# With fewer characters a page may be a scan with a printed stamp or page number, or text drawn as curves.
_FEW_CHARACTERS = 120
_MUCH_MORE = 1.3
_LARGE_PICTURE_SHARE = 0.3
_SURE_IN_PICTURES = 0.8
_SAME_WORD = 80.0


class InvoicePipelineOptions(NativePdfPipelineOptions):
    """`ocr_dpi`: resolution at which PDF pages without text are rendered. `ocr_threads`: 0 uses all processors."""

    ocr_dpi: int = 200
    ocr_threads: int = 0


class ReadDoclingPage(DoclingPage):
    """Docling's page, with what CIRA's reading needs besides."""

    read: PageRead
    lines: SkipValidation[list[PlacedLine]]

    @property
    def characters(self) -> int:
        return sum(len(word.text) for line in self.lines for word in line.words)


class InvoicePipeline(NativePdfPipeline):
    """Reads page by page: native text where usable, else OCR; every page upright, lines in reading order."""

    def __init__(self, pipeline_options: InvoicePipelineOptions) -> None:
        super().__init__(pipeline_options)
        self._options = pipeline_options
        self._ocr_opening = threading.Lock()
        self._render_buffer = RenderBuffer()
        # All threads share one pipeline; each thread reads one document at a time.
        self._document = threading.local()

    @cached_property
    def _ocr_engine(self) -> OcrEngine:
        return OcrEngine(self._options.ocr_threads)

    @property
    def _ocr(self) -> OcrEngine:
        """The OCR engine, loaded at the first page that needs it."""
        with self._ocr_opening:
            return self._ocr_engine

    def _build_document(self, conv_res: ConversionResult) -> ConversionResult:
        limit_s = self._options.document_timeout
        self._document.ends_at = time.monotonic() + limit_s if limit_s is not None else math.inf
        return super()._build_document(conv_res)

    def _assemble_document(self, conv_res: ConversionResult) -> ConversionResult:
        """Does not assemble: `docling_json` writes the DoclingDocument of the pages at a fraction of the cost."""
        return conv_res

    def _checkpoint(self) -> None:
        if time.monotonic() > self._document.ends_at:
            raise ReadingTimedOut(f"reading took longer than {self._options.document_timeout:g} s")

    def _parse_page(
        self, timings: Any, conv_res: ConversionResult, page_backend: PdfPageBackend
    ) -> ReadDoclingPage | None:
        step_begins()
        if isinstance(conv_res.input._backend, ImageDocumentBackend):
            _measure_in_pixels(page_backend)
        page = super()._parse_page(timings, conv_res, page_backend)
        if page is None or page.parsed_page is None or page.size is None:
            return None
        content = _pdf_content(conv_res)
        cells = page_backend.word_cells if isinstance(page_backend, WordsPageBackend) else []
        if content is not None and native_text_usable(cells):
            with (
                self._render_buffer.lent() as memory,
                _visibility_of(content, page.page_no, page.parsed_page, memory) as visibility,
            ):
                native = native_text(page.parsed_page, cells, visibility)
            return self._by_native_text(conv_res, page_backend, page, page.parsed_page, native)
        if content is not None and not page.parsed_page.bitmap_resources:
            damage = damage_of(content, page.page_no)
            if damage is not None:
                self._record_page_failure(conv_res, page_backend, damage)
                return None
        return self._by_ocr(page, page.parsed_page, self._picture(conv_res, page_backend))

    def _by_native_text(
        self,
        conv_res: ConversionResult,
        page_backend: PdfPageBackend,
        page: DoclingPage,
        parsed: SegmentedPdfPage,
        native: NativeText,
    ) -> ReadDoclingPage:
        """Reads the page's native words, and by OCR what its pictures show besides.

        Uses OCR alone where the text is a mere stamp, or an invisible layer: that can contain anything, while the image
        is what people see.
        """
        if native.layer:
            return self._by_ocr(page, parsed, self._picture(conv_res, page_backend))
        native = self._settled(native, lambda: self._picture(conv_res, page_backend))
        lines = [*lines_of(native.words), *native.rotated]
        if native.characters < _FEW_CHARACTERS:
            picture = self._picture(conv_res, page_backend)
            turned = turned_image(picture, native.turned.turn)
            if without_words(turned, native.all_words, *_pixels_a_point(turned, native.turned)) is not None:
                by_ocr = self._by_ocr(page, parsed, picture)
                if by_ocr.characters > _MUCH_MORE * native.characters:
                    return by_ocr
        elif regions := picture_regions(parsed, native.turned):
            picture = turned_image(self._picture(conv_res, page_backend), native.turned.turn)
            found = [line for region in regions for line in self._in_region(picture, region, native)]
            lines = [*in_reading_order([*lines_of(native.words), *found]), *native.rotated]
        return _read_page(page, parsed, lines, "native", native.turned)

    def _in_region(self, picture: Image, region: Region, native: NativeText) -> list[PlacedLine]:
        """Lines in a picture region of the turned page that are not among the native words, in points."""
        x_px, y_px = _pixels_a_point(picture, native.turned)
        left, top = int(region[0] * x_px), int(region[1] * y_px)
        crop = picture[top : round(region[3] * y_px), left : round(region[2] * x_px)]
        own = [word.moved(-left / x_px, -top / y_px) for word in native.all_words if inside(region, word)]
        if min(crop.shape[:2]) == 0 or (rest := without_words(crop, own, x_px, y_px)) is None:
            return []
        lines = lines_of(self._ocr.read_upright(rest, self._checkpoint), ink_boxes=True)
        if crop.size < _LARGE_PICTURE_SHARE * picture.size:
            lines = [line for line in lines if _no_ornament(line)]
        return [
            _changed(line, lambda word: word.scaled(1 / x_px, 1 / y_px).moved(left / x_px, top / y_px))
            for line in lines
        ]

    def _by_ocr(self, page: DoclingPage, parsed: SegmentedPdfPage, picture: Image) -> ReadDoclingPage:
        size = page.size or Size()
        if _blank(picture):
            return _read_page(page, parsed, [], "empty", Turned(size.width, size.height, 0))
        text = self._ocr.read(picture, self._checkpoint)
        turned = Turned(size.width, size.height, text.turn)
        x, y = turned.size[0] / text.width, turned.size[1] / text.height
        lines = [
            _changed(line, lambda word: word.scaled(x, y))
            for line in (*lines_of(text.words, ink_boxes=True), *text.rotated)
        ]
        return _read_page(page, parsed, lines, "ocr" if lines else "empty", turned, text.skew_deg)

    def _settled(self, native: NativeText, picture: Callable[[], Image]) -> NativeText:
        """Keeps those contested words that OCR finds in the page's image."""
        if not native.contested:
            return native
        upright = turned_image(picture(), native.turned.turn)
        x_px, y_px = _pixels_a_point(upright, native.turned)
        shown: list[PlacedWord] = []
        for word in native.contested:
            margin = word.height
            left, top = max(int((word.left - 4 * margin) * x_px), 0), max(int((word.top - margin) * y_px), 0)
            right, bottom = round((word.right + 4 * margin) * x_px), round((word.bottom + margin) * y_px)
            crop = upright[top:bottom, left:right]
            if min(crop.shape[:2]) > 0 and _shows(self._ocr.read_upright(crop, self._checkpoint), word.text):
                shown.append(word)
        return replace(native, words=(*native.words, *shown), contested=())

    def _picture(self, conv_res: ConversionResult, page_backend: PdfPageBackend) -> Image:
        """The page as a viewer shows it, BGR."""
        content = _pdf_content(conv_res)
        if content is not None:
            return _rendered(content, page_backend.page_no, self._options.ocr_dpi)
        size = page_backend.get_size()
        scale = min(1.0, LONGEST_SIDE_PX / max(size.width, size.height))
        return np.ascontiguousarray(np.asarray(page_backend.get_page_image(scale))[:, :, ::-1])


def _visibility_of(
    content: bytes, page_number: int, parsed: SegmentedPdfPage, memory: Any
) -> AbstractContextManager[PageVisibility]:
    size = parsed.dimension
    pictures = picture_regions(parsed, Turned(size.width, size.height, 0))
    return page_visibility(content, page_number, size.width, size.height, pictures, memory)


def _shows(read: Sequence[PlacedWord], text: str) -> bool:
    """Whether OCR read this word: every digit, and all but a character or two of a long word."""
    figures = _figures(text)
    return any(
        _figures(word.text) == figures and ratio(text, word.text, processor=default_process) >= _SAME_WORD
        for word in read
    )


def _figures(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _pdf_content(conv_res: ConversionResult) -> bytes | None:
    """The document's bytes; `None` for an image."""
    backend = conv_res.input._backend
    if isinstance(backend, ImageDocumentBackend):
        return None
    stream = backend.path_or_stream
    return stream.getvalue() if isinstance(stream, BytesIO) else stream.read_bytes()


def _measure_in_pixels(page_backend: Any) -> None:
    """Makes an image's pixels its page units: the resolution that images declare is often wrong.

    Fax pages have pixels twice as high as wide; only that ratio is kept.
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


def _no_ornament(line: PlacedLine) -> bool:
    """Whether the line is certainly text: OCR also reads letters in the strokes of a logo."""
    return line.confidence >= _SURE_IN_PICTURES and sum(character.isalnum() for character in line.text) > 1


def _pixels_a_point(picture: Image, turned: Turned) -> tuple[float, float]:
    return picture.shape[1] / turned.size[0], picture.shape[0] / turned.size[1]


def _changed(line: PlacedLine, change: Callable[[PlacedWord], PlacedWord]) -> PlacedLine:
    return PlacedLine(tuple(change(word) for word in line.words))


def _read_page(
    page: DoclingPage,
    parsed: SegmentedPdfPage,
    lines: list[PlacedLine],
    source: Source,
    turned: Turned,
    skew_deg: float = 0.0,
) -> ReadDoclingPage:
    width, height = turned.size
    return ReadDoclingPage(
        page_no=page.page_no,
        size=Size(width=width, height=height),
        parsed_page=parsed,
        read=PageRead(
            number=page.page_no,
            width=width,
            height=height,
            source=source,
            rotation=turned.turn,
            skew_deg=round(skew_deg, 2),
        ),
        lines=lines,
    )


def pages_read(result: ConversionResult) -> Sequence[ReadDoclingPage]:
    """The pages that this pipeline produced."""
    return [page for page in result.pages if isinstance(page, ReadDoclingPage)]
