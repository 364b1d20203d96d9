"""Reads with Docling in this process: native text where a page has it, PP-OCR elsewhere. Needs no network."""

from __future__ import annotations

import threading
import time
from functools import cached_property
from importlib.metadata import version
from io import BytesIO
from typing import TYPE_CHECKING, Any

from cira_pipeline.errors import CiraError, ReadingFailed, ReadingTimedOut
from cira_pipeline.models import Document, MediaType, Page, Reading
from cira_pipeline.ocr.empty_document import empty_docling_document
from cira_pipeline.ocr.reader import ReadResult
from cira_pipeline.settings import Settings

if TYPE_CHECKING:
    # Loading Docling takes seconds; it is deferred to the first document.
    from docling.datamodel.document import ConversionResult
    from docling.document_converter import DocumentConverter

    from cira_pipeline.ocr.lines import PlacedLine, Rectangle

REVISION = 2
"""Must be incremented with every change of CIRA's own code that can change a reading."""

_SUFFIXES = {MediaType.PDF: "pdf", MediaType.PNG: "png", MediaType.JPEG: "jpg", MediaType.TIFF: "tiff"}


class LocalReader:
    """Reads with Docling and RapidOCR in this process; slow only for the first document. Thread-safe.

    A page that cannot be read fails the document (`ReadingFailed`): no reading ever lacks a page.
    """

    name = "local"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opening = threading.Lock()

    @cached_property
    def version(self) -> str:
        return (
            f"docling {version('docling-slim')}, docling-parse {version('docling-parse')}, "
            f"rapidocr {version('rapidocr')}, cira {REVISION}, {self._settings.ocr_dpi} dpi"
        )

    def read(self, document: Document) -> ReadResult:
        """Lines of `document`; boxes in points for PDF, in pixels for images.

        Raises: ReadingFailed when Docling cannot read every page, ReadingTimedOut after `reading_timeout_s`.
        """
        reading, docling_json = self.read_unvalidated(document)
        return ReadResult(Reading.model_validate(reading), docling_json)

    def read_unvalidated(self, document: Document) -> tuple[dict[str, Any], bytes]:
        """As `read`, with the `Reading` as a plain dict: for a worker, whose caller validates it."""
        started = time.monotonic()
        if document.media_type is MediaType.XML:
            return self._reading([], [], started), empty_docling_document(document.sha256)
        result = self._converted_in_time(document)
        return self._read_result(document, result, started)

    def interrupt(self) -> None:
        """Does nothing: work cannot be ended inside a process; IsolatedReader can end it."""

    @cached_property
    def _opened_converter(self) -> DocumentConverter:
        from cira_pipeline.ocr.converter import open_converter

        return open_converter(self._settings)

    @property
    def _converter(self) -> DocumentConverter:
        with self._opening:
            return self._opened_converter

    def _converted_in_time(self, document: Document) -> ConversionResult:
        """The pipeline checks the time between its steps; this also ends the wait for a step that never returns."""
        outcome: list[ConversionResult | BaseException] = []

        def convert() -> None:
            try:
                outcome.append(self._convert(document))
            except BaseException as error:  # noqa: BLE001 - raised in the waiting thread
                outcome.append(error)

        timeout_s = self._settings.reading_timeout_s
        worker = threading.Thread(target=convert, name=f"reading-{document.sha256[:12]}", daemon=True)
        worker.start()
        worker.join(timeout_s)
        if not outcome:
            raise ReadingTimedOut(f"reading took longer than {timeout_s:g} s", timeout_s=timeout_s)
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    def _convert(self, document: Document) -> ConversionResult:
        from docling.datamodel.base_models import ConversionStatus, DocumentStream, FailureCategory
        from docling.exceptions import ConversionError

        name = f"{document.sha256}.{_SUFFIXES[document.media_type]}"
        try:
            result = self._converter.convert(DocumentStream(name=name, stream=BytesIO(document.content)))
        except (ConversionError, RuntimeError, ValueError, OSError, MemoryError) as error:
            raise _reading_error(error) from error
        if any(item.category is FailureCategory.TIMEOUT for item in result.errors):
            raise ReadingTimedOut(f"reading took longer than {self._settings.reading_timeout_s:g} s")
        if result.status is not ConversionStatus.SUCCESS:
            reasons = "; ".join(
                f"page {item.page_no}: {item.error_message}" if item.page_no else item.error_message
                for item in result.errors
            )
            raise ReadingFailed(f"Docling could not read every page: {reasons or result.status.value}")
        return result

    def _read_result(
        self, document: Document, result: ConversionResult, started: float
    ) -> tuple[dict[str, Any], bytes]:
        from cira_pipeline.ocr.docling_json import docling_json
        from cira_pipeline.ocr.pipeline import pages_read

        pages = pages_read(result)
        if len(pages) != document.page_count:
            raise ReadingFailed(f"Docling could not read every page: {len(pages)} of {document.page_count}")
        lines: list[dict[str, Any]] = []
        for page in pages:
            lines.extend(_numbered(page.lines, page.page_no, len(lines) + 1))
        reading = self._reading([page.read for page in pages], lines, started)
        return reading, docling_json(pages, result.input.file.name, result.input.document_hash)

    def _reading(self, pages: list[Page], lines: list[dict[str, Any]], started: float) -> dict[str, Any]:
        """Validates everything at once: validating each word by itself takes several times as long."""
        return {
            "reader": self.name,
            "reader_version": self.version,
            "pages": pages,
            "lines": lines,
            "seconds": time.monotonic() - started,
        }


def _numbered(lines: list[PlacedLine], page: int, first: int) -> list[dict[str, Any]]:
    """Data of `Line`s, not yet validated."""
    return [
        {
            "number": number,
            "page": page,
            "text": line.text,
            "box": _box(line.box),
            "confidence": line.confidence,
            "words": tuple([{"text": word.text, "box": _box(word.box)} for word in line.words]),
        }
        for number, line in enumerate(lines, start=first)
    ]


def _box(rectangle: Rectangle) -> dict[str, float]:
    left, top, right, bottom = rectangle
    return {"left": left, "top": top, "right": right, "bottom": bottom}


def _reading_error(error: BaseException) -> CiraError:
    """The CIRA error that Docling wrapped into its own, or ReadingFailed with the innermost reason."""
    innermost: BaseException = error
    while innermost.__cause__ is not None:
        innermost = innermost.__cause__
        if isinstance(innermost, CiraError):
            return innermost
    return ReadingFailed(f"Docling could not read the document: {innermost}")
